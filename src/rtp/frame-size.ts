// How large a picture is, read from the first packet of a key frame: VP8 and H264. Takes any bytes of any length.
// It must not know packets or who wants to know. VP9 and AV1 say it too, but not where a relay looks.

import { BitReader } from './bit-reader.ts';
import type { CodecName } from './codec.ts';
import { readVp8Descriptor } from './vp8-descriptor.ts';

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** H264 NAL unit types (RFC 6184 table 1, H.264 table 7-1). */
const NAL = { sps: 7, stapA: 24 } as const;
/** An SPS of what cameras and encoders send is some 30 bytes; scaling lists make it a few hundred. */
const MAX_SPS_BYTES = 1024;
/** Profiles whose SPS says how colours are sampled (H.264 §7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** In macroblocks of 16 pixels, more than level 6.2 has. */
const MAX_MACROBLOCKS = 1024;

/** Undefined where the packet does not say it. */
export function readFrameSize(codec: CodecName, payload: Uint8Array): FrameSize | undefined {
  if (codec === 'VP8') return readVp8Size(payload);
  if (codec !== 'H264') return undefined;
  const sps = findSps(payload);
  return sps && readSpsSize(sps);
}

/** RFC 6386 §9.1: three bytes of frame tag, the start code 9d 01 2a, then 14 bits of width and of height, lowest byte first. */
function readVp8Size(payload: Uint8Array): FrameSize | undefined {
  const { startsFrame, payloadAt } = readVp8Descriptor(payload);
  const frame = payload.subarray(payloadAt, payloadAt + 10);
  const [tag = 1, , , one, two, three, widthLow = 0, widthHigh = 0, heightLow = 0, heightHigh = 0] = frame;
  const isKeyFrame = startsFrame && (tag & 0x01) === 0 && one === 0x9d && two === 0x01 && three === 0x2a;
  if (!isKeyFrame || frame.length < 10) return undefined;
  return sizeOf(((widthHigh & 0x3f) << 8) | widthLow, ((heightHigh & 0x3f) << 8) | heightLow);
}

/** The sequence parameter set, alone or in an aggregate (RFC 6184 §5.6, §5.7.1), without the NAL header. */
function findSps(payload: Uint8Array): Uint8Array | undefined {
  const type = (payload[0] ?? 0) & 0x1f;
  if (type === NAL.sps) return payload.subarray(1);
  if (type !== NAL.stapA) return undefined;
  for (let offset = 1; offset + 2 < payload.length; ) {
    const size = ((payload[offset] ?? 0) << 8) | (payload[offset + 1] ?? 0);
    offset += 2;
    if (size === 0 || offset + size > payload.length) return undefined;
    if (((payload[offset] ?? 0) & 0x1f) === NAL.sps) return payload.subarray(offset + 1, offset + size);
    offset += size;
  }
  return undefined;
}

/** H.264 §7.3.2.1.1, as far as the cropped size. */
function readSpsSize(sps: Uint8Array): FrameSize | undefined {
  const bits = new BitReader(withoutEscapes(sps.subarray(0, MAX_SPS_BYTES)));
  const profile = bits.read(8);
  // Constraint flags and level.
  bits.read(16);
  bits.exponential();
  const chroma = HIGH_PROFILES.has(profile) ? readChroma(bits) : 1;
  // log2_max_frame_num_minus4
  bits.exponential();
  skipPictureOrder(bits);
  // max_num_ref_frames, gaps_in_frame_num_value_allowed_flag
  bits.exponential();
  bits.read(1);
  const macroblocksWide = bits.exponential() + 1;
  const mapUnitsHigh = bits.exponential() + 1;
  const isProgressive = bits.read(1) === 1;
  if (!isProgressive) bits.read(1);
  // direct_8x8_inference_flag
  bits.read(1);
  const [left, right, top, bottom] = bits.read(1) === 1 ? readFour(bits) : [0, 0, 0, 0];
  if (bits.isOver || macroblocksWide > MAX_MACROBLOCKS || mapUnitsHigh > MAX_MACROBLOCKS) return undefined;
  // Table 6-1: pixels per chroma sample; fields have every other line.
  const fields = isProgressive ? 1 : 2;
  const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
  const cropY = (chroma === 1 ? 2 : 1) * fields;
  return sizeOf(macroblocksWide * 16 - cropX * (left + right), mapUnitsHigh * 16 * fields - cropY * (top + bottom));
}

function readFour(bits: BitReader): [number, number, number, number] {
  return [bits.exponential(), bits.exponential(), bits.exponential(), bits.exponential()];
}

/** chroma_format_idc, or 0 for separate planes; skips bit depths and scaling lists. */
function readChroma(bits: BitReader): number {
  const chroma = bits.exponential();
  const hasSeparatePlanes = chroma === 3 && bits.read(1) === 1;
  bits.exponential();
  bits.exponential();
  bits.read(1);
  if (bits.read(1) === 1) {
    for (let list = 0; list < (chroma === 3 ? 12 : 8); list++) {
      if (bits.read(1) === 1) skipScalingList(bits, list < 6 ? 16 : 64);
    }
  }
  return hasSeparatePlanes ? 0 : chroma;
}

/** H.264 §7.3.2.1.1.1 */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let index = 0; index < size && !bits.isOver; index++) {
    last = (last + bits.signedExponential() + 256) % 256;
    if (last === 0) return;
  }
}

/** Picture order count, of which there are three kinds. */
function skipPictureOrder(bits: BitReader): void {
  const kind = bits.exponential();
  if (kind === 0) bits.exponential();
  if (kind !== 1) return;
  bits.read(1);
  bits.signedExponential();
  bits.signedExponential();
  const cycle = bits.exponential();
  for (let index = 0; index < cycle && !bits.isOver; index++) bits.signedExponential();
}

/** H.264 §7.4.1: 03 after two zeros only keeps them from looking like a start code. */
function withoutEscapes(bytes: Uint8Array): Uint8Array {
  const plain: number[] = [];
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    plain.push(byte);
  }
  return Uint8Array.from(plain);
}

function sizeOf(width: number, height: number): FrameSize | undefined {
  return width > 0 && height > 0 ? { width, height } : undefined;
}
