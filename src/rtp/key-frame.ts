// Whether a payload begins a key frame: VP8 (RFC 7741), VP9 (RFC 9628), H264 (RFC 6184), AV1 (AOM RTP payload).
// It must not know packets, sources or who waits for one. Takes any bytes of any length.

import type { CodecName } from './codec.ts';

/** H264 NAL unit types (RFC 6184 table 1, H.264 table 7-1). */
const NAL = { idr: 5, sps: 7, stapA: 24, fuA: 28 } as const;

/**
 * Whether a decoder that knows nothing yet can begin with this packet. For H264 a parameter set that comes before the
 * picture begins it, and so does the picture itself. Every packet of audio does.
 */
export function isKeyFrameStart(codec: CodecName, payload: Uint8Array): boolean {
  switch (codec) {
    case 'VP8':
      return isVp8KeyFrameStart(payload);
    case 'VP9':
      return isVp9KeyFrameStart(payload);
    case 'H264':
      return isH264KeyFrameStart(payload);
    case 'AV1':
      return isAv1KeyFrameStart(payload);
    case 'opus':
      return payload.length > 0;
  }
}

/** RFC 7741 §4.2: start of partition 0, then the P bit of the frame header (§4.3), 0 for a key frame. */
function isVp8KeyFrameStart(payload: Uint8Array): boolean {
  const first = payload[0] ?? 0;
  const startsFrame = (first & 0x10) !== 0 && (first & 0x07) === 0;
  if (!startsFrame) return false;
  let offset = 1;
  if (first & 0x80) {
    const extensions = payload[offset++] ?? 0;
    // Picture ID of 7 or 15 bits, TL0PICIDX, then one byte for TID and KEYIDX together.
    if (extensions & 0x80) offset += (payload[offset] ?? 0) & 0x80 ? 2 : 1;
    if (extensions & 0x40) offset += 1;
    if (extensions & 0x30) offset += 1;
  }
  const frameHeader = payload[offset];
  return frameHeader !== undefined && (frameHeader & 0x01) === 0;
}

/**
 * RFC 9628 §4.2: not predicted from another picture (P 0), begins a layer frame (B 1), of the lowest spatial layer.
 * With P 0 flexible mode has no reference indices, so both modes lie alike up to the layer byte.
 */
function isVp9KeyFrameStart(payload: Uint8Array): boolean {
  const first = payload[0] ?? 0;
  const startsIndependentFrame = (first & 0x40) === 0 && (first & 0x08) !== 0;
  if (!startsIndependentFrame) return false;
  let offset = 1;
  if (first & 0x80) offset += (payload[offset] ?? 0) & 0x80 ? 2 : 1;
  if (first & 0x20) {
    const layers = payload[offset++] ?? 0;
    const spatialLayer = (layers >> 1) & 0x07;
    if (spatialLayer !== 0) return false;
    // Non-flexible mode: TL0PICIDX.
    if ((first & 0x10) === 0) offset += 1;
  }
  return offset < payload.length;
}

/** RFC 6184 §5.6 single NAL units, §5.7.1 STAP-A, §5.8 FU-A. */
function isH264KeyFrameStart(payload: Uint8Array): boolean {
  const type = (payload[0] ?? 0) & 0x1f;
  if (type === NAL.stapA) return stapBeginsKeyFrame(payload);
  if (type !== NAL.fuA) return nalBeginsKeyFrame(type, payload[1]);
  const fragment = payload[1] ?? 0;
  const startsNal = (fragment & 0x80) !== 0;
  return startsNal && nalBeginsKeyFrame(fragment & 0x1f, payload[2]);
}

function stapBeginsKeyFrame(payload: Uint8Array): boolean {
  let offset = 1;
  while (offset + 2 < payload.length) {
    const size = ((payload[offset] ?? 0) << 8) | (payload[offset + 1] ?? 0);
    offset += 2;
    if (size === 0 || offset + size > payload.length) return false;
    const afterHeader = size > 1 ? payload[offset + 1] : undefined;
    if (nalBeginsKeyFrame((payload[offset] ?? 0) & 0x1f, afterHeader)) return true;
    offset += size;
  }
  return false;
}

/**
 * `afterHeader` is the NAL unit's second byte. A slice starts with first_mb_in_slice as Exp-Golomb (H.264 §7.3.3): a
 * first bit of 1 means macroblock 0. Later slices of the same picture do not begin it.
 */
function nalBeginsKeyFrame(type: number, afterHeader: number | undefined): boolean {
  if (afterHeader === undefined) return false;
  return type === NAL.sps || (type === NAL.idr && (afterHeader & 0x80) !== 0);
}

/** AV1 RTP payload format §4.4: the N bit is set in the first packet of a coded video sequence, where Z must be 0. */
function isAv1KeyFrameStart(payload: Uint8Array): boolean {
  return payload.length > 1 && ((payload[0] ?? 0) & 0x88) === 0x08;
}
