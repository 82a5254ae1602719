// What a payload says of itself: VP8 (RFC 7741), VP9 (RFC 9628), H264 (RFC 6184), AV1 (AOM RTP payload format).
// It must not know packets, sources or who waits for a key frame. Takes any bytes of any length.

import type { CodecName } from './codec.ts';
import { readPictureId, readVp8Descriptor } from './vp8-descriptor.ts';

export interface CodecFacts {
  /**
   * A decoder that knows nothing yet can begin with this packet. For H264 it is the parameter set before the picture:
   * the picture alone tells nothing to who does not have it. Every packet of audio is one.
   */
  readonly startsDecoding: boolean;
  /** VP8 and VP9, 7 or 15 bits. */
  readonly pictureId?: number;
  /** VP8 and VP9: the frame is needed by those of its own and of higher temporal layers only. */
  readonly temporalLayer?: number;
  /** VP9. */
  readonly spatialLayer?: number;
}

const NOTHING: CodecFacts = { startsDecoding: false };
const START: CodecFacts = { startsDecoding: true };
/** H264 NAL unit types (RFC 6184 table 1, H.264 table 7-1). */
const NAL = { sps: 7, stapA: 24, fuA: 28 } as const;

export function readCodecFacts(codec: CodecName, payload: Uint8Array): CodecFacts {
  switch (codec) {
    case 'VP8':
      return readVp8(payload);
    case 'VP9':
      return readVp9(payload);
    case 'H264':
      return readH264(payload);
    case 'AV1':
      return isAv1KeyFrameStart(payload) ? START : NOTHING;
    case 'opus':
      return payload.length > 0 ? START : NOTHING;
  }
}

type Writable<T> = { -readonly [key in keyof T]: T[key] };

/** RFC 7741 §4.2: start of partition 0, then the P bit of the frame header (§4.3), 0 for a key frame. */
function readVp8(payload: Uint8Array): CodecFacts {
  const { startsFrame, pictureIdAt, isPictureIdLong, temporalLayerAt, payloadAt } = readVp8Descriptor(payload);
  const frameHeader = payload[payloadAt];
  const startsDecoding = startsFrame && frameHeader !== undefined && (frameHeader & 0x01) === 0;
  const facts: Writable<CodecFacts> = { startsDecoding };
  if (pictureIdAt !== undefined) facts.pictureId = readPictureId(payload, pictureIdAt, isPictureIdLong);
  if (temporalLayerAt !== undefined) facts.temporalLayer = (payload[temporalLayerAt] ?? 0) >> 6;
  return facts;
}

/**
 * RFC 9628 §4.2: not predicted from another picture (P 0), begins a layer frame (B 1), of the lowest spatial layer.
 * With P 0 flexible mode has no reference indices, so both modes lie alike up to the layer byte.
 */
function readVp9(payload: Uint8Array): CodecFacts {
  const facts: Writable<CodecFacts> = { startsDecoding: false };
  const first = payload[0] ?? 0;
  let offset = 1;
  if (first & 0x80) {
    // As in VP8: one byte of 7 bits, or two of 15 when the first bit is set.
    const isLong = ((payload[offset] ?? 0) & 0x80) !== 0;
    const end = offset + (isLong ? 2 : 1);
    if (end <= payload.length) facts.pictureId = readPictureId(payload, offset, isLong);
    offset = end;
  }
  if (first & 0x20) {
    const layers = payload[offset];
    if (layers !== undefined) {
      facts.temporalLayer = layers >> 5;
      facts.spatialLayer = (layers >> 1) & 0x07;
    }
    // Non-flexible mode: TL0PICIDX.
    offset += (first & 0x10) === 0 ? 2 : 1;
  }
  const startsIndependentFrame = (first & 0x40) === 0 && (first & 0x08) !== 0;
  facts.startsDecoding = startsIndependentFrame && (facts.spatialLayer ?? 0) === 0 && offset < payload.length;
  return facts;
}

/** RFC 6184 §5.6 single NAL units, §5.7.1 STAP-A, §5.8 FU-A. */
function readH264(payload: Uint8Array): CodecFacts {
  const type = (payload[0] ?? 0) & 0x1f;
  if (type === NAL.stapA) return readStap(payload);
  if (type !== NAL.fuA) return readNal(type, payload[1]);
  const fragment = payload[1] ?? 0;
  const startsNal = (fragment & 0x80) !== 0;
  return startsNal ? readNal(fragment & 0x1f, payload[2]) : NOTHING;
}

/** The first unit that begins something: parameter sets come before their picture. */
function readStap(payload: Uint8Array): CodecFacts {
  let offset = 1;
  while (offset + 2 < payload.length) {
    const size = ((payload[offset] ?? 0) << 8) | (payload[offset + 1] ?? 0);
    offset += 2;
    if (size === 0 || offset + size > payload.length) return NOTHING;
    const afterHeader = size > 1 ? payload[offset + 1] : undefined;
    const facts = readNal((payload[offset] ?? 0) & 0x1f, afterHeader);
    if (facts.startsDecoding) return facts;
    offset += size;
  }
  return NOTHING;
}

/** `afterHeader` is the NAL unit's second byte: a header alone is no parameter set. */
function readNal(type: number, afterHeader: number | undefined): CodecFacts {
  return type === NAL.sps && afterHeader !== undefined ? START : NOTHING;
}

/** AV1 RTP payload format §4.4: the N bit is set in the first packet of a coded video sequence, where Z must be 0. */
function isAv1KeyFrameStart(payload: Uint8Array): boolean {
  return payload.length > 1 && ((payload[0] ?? 0) & 0x88) === 0x08;
}
