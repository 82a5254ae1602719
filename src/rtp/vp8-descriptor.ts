// Where the fields of a VP8 payload descriptor lie (RFC 7741 §4.2), and how they go on when another source takes over.
// It must not know packets, sequence numbers or sources.

/** Offsets in the payload; undefined for what is absent or cut off. */
export interface Vp8Descriptor {
  /** First packet of a frame: of its first partition. */
  readonly startsFrame: boolean;
  readonly pictureIdAt: number | undefined;
  /** 15 bits in two bytes, else 7 bits in one. */
  readonly isPictureIdLong: boolean;
  /** TL0PICIDX, one byte. */
  readonly baseLayerIndexAt: number | undefined;
  /** TID in the upper two bits. */
  readonly temporalLayerAt: number | undefined;
  /** KEYIDX in the lower five bits, of the same byte. */
  readonly keyIndexAt: number | undefined;
  /** Of the frame's first bytes. */
  readonly payloadAt: number;
}

export function readVp8Descriptor(payload: Uint8Array): Vp8Descriptor {
  const first = payload[0] ?? 0;
  const extensions = first & 0x80 ? (payload[1] ?? 0) : 0;
  let offset = first & 0x80 ? 2 : 1;
  /** The next field, if its bit is set. */
  const field = (isPresent: boolean, length: number): number | undefined => {
    if (!isPresent) return undefined;
    const at = offset;
    offset += length;
    return offset <= payload.length ? at : undefined;
  };
  const isPictureIdLong = (extensions & 0x80) !== 0 && ((payload[offset] ?? 0) & 0x80) !== 0;
  const pictureIdAt = field((extensions & 0x80) !== 0, isPictureIdLong ? 2 : 1);
  const baseLayerIndexAt = field((extensions & 0x40) !== 0, 1);
  const layersAt = field((extensions & 0x30) !== 0, 1);
  return {
    startsFrame: (first & 0x10) !== 0 && (first & 0x07) === 0,
    pictureIdAt,
    isPictureIdLong,
    baseLayerIndexAt,
    temporalLayerAt: extensions & 0x20 ? layersAt : undefined,
    keyIndexAt: extensions & 0x10 ? layersAt : undefined,
    payloadAt: offset,
  };
}

export function readPictureId(payload: Uint8Array, at: number, isLong: boolean): number {
  const first = payload[at] ?? 0;
  return isLong ? ((first & 0x7f) << 8) | (payload[at + 1] ?? 0) : first & 0x7f;
}

/** Field widths: numbers wrap within them. */
const LONG_PICTURE_IDS = 0x8000;
const SHORT_PICTURE_IDS = 0x80;
const BASE_LAYER_INDEXES = 0x100;
const KEY_INDEXES = 0x20;

/** A number that goes on, though its source changes. */
class ContinuousNumber {
  #offset = 0;
  #newest: number | undefined;

  /** What viewers see instead of `value`, which has `modulus` values. */
  map(value: number, modulus: number, startsSource: boolean): number {
    if (startsSource && this.#newest !== undefined) this.#offset = this.#newest + 1 - value;
    const mapped = (((value + this.#offset) % modulus) + modulus) % modulus;
    const isNewer = this.#newest === undefined || (mapped - this.#newest + modulus) % modulus < modulus / 2;
    if (startsSource || isNewer) this.#newest = mapped;
    return mapped;
  }
}

/**
 * The picture IDs of what viewers see, which go on from source to source. Without it libwebrtc takes the new source's
 * frames for old ones, or waits for frames that will never come.
 */
export class Vp8Continuity {
  readonly #pictureId = new ContinuousNumber();
  readonly #baseLayerIndex = new ContinuousNumber();
  readonly #keyIndex = new ContinuousNumber();

  /** The payload as viewers see it: the same bytes where nothing changes, else a copy. */
  map(payload: Uint8Array, startsSource: boolean): Uint8Array {
    const { pictureIdAt, isPictureIdLong, baseLayerIndexAt, keyIndexAt } = readVp8Descriptor(payload);
    let mapped: Uint8Array | undefined;
    const write = (at: number, value: number): void => {
      if (payload[at] === value) return;
      mapped ??= Uint8Array.from(payload);
      mapped[at] = value;
    };
    if (pictureIdAt !== undefined) {
      const before = readPictureId(payload, pictureIdAt, isPictureIdLong);
      const modulus = isPictureIdLong ? LONG_PICTURE_IDS : SHORT_PICTURE_IDS;
      const pictureId = this.#pictureId.map(before, modulus, startsSource);
      if (isPictureIdLong) {
        write(pictureIdAt, 0x80 | (pictureId >> 8));
        write(pictureIdAt + 1, pictureId & 0xff);
      } else write(pictureIdAt, pictureId);
    }
    if (baseLayerIndexAt !== undefined) {
      const before = payload[baseLayerIndexAt] ?? 0;
      write(baseLayerIndexAt, this.#baseLayerIndex.map(before, BASE_LAYER_INDEXES, startsSource));
    }
    if (keyIndexAt !== undefined) {
      const before = payload[keyIndexAt] ?? 0;
      const keyIndex = this.#keyIndex.map(before & 0x1f, KEY_INDEXES, startsSource);
      write(keyIndexAt, (before & 0xe0) | keyIndex);
    }
    return mapped ?? payload;
  }
}
