// RTP packets for tests: VP8 and Opus as small as they can be.

import type { Codec } from '../rtp/codec.ts';
import { writeRtpHeader } from '../rtp/packet.ts';

export const VP8: Codec = { kind: 'video', name: 'VP8', clockRate: 90_000, parameters: {} };
export const AV1: Codec = { kind: 'video', name: 'AV1', clockRate: 90_000, parameters: {} };
export const OPUS: Codec = { kind: 'audio', name: 'opus', clockRate: 48_000, channels: 2, parameters: {} };

/** VP8 payloads (RFC 7741 §4.2, §4.3): descriptor with S bit, then the P bit of the frame header. */
const VP8_KEY_FRAME = [0x10, 0x00, 0x9d, 0x01, 0x2a];
const VP8_DELTA_FRAME = [0x10, 0x01, 0x00];

export interface PacketFields {
  readonly sequence: number;
  readonly timestamp?: number;
  readonly ssrc?: number;
  readonly payloadType?: number;
  readonly marker?: boolean;
}

function packet(fields: PacketFields, payload: readonly number[]): Buffer {
  const bytes = Buffer.alloc(12 + payload.length);
  writeRtpHeader(bytes, {
    sequence: fields.sequence,
    timestamp: fields.timestamp ?? 0,
    ssrc: fields.ssrc ?? 1,
    payloadType: fields.payloadType ?? 96,
    marker: fields.marker ?? true,
  });
  bytes.set(payload, 12);
  return bytes;
}

export function keyFrame(fields: PacketFields): Buffer {
  return packet(fields, VP8_KEY_FRAME);
}

export function deltaFrame(fields: PacketFields): Buffer {
  return packet(fields, VP8_DELTA_FRAME);
}

export function opusPacket(fields: PacketFields): Buffer {
  return packet({ payloadType: 111, marker: false, ...fields }, [0xfc, 1, 2, 3]);
}

/** A packet of nothing but `bytes` of padding (RFC 3550 §5.1). */
export function paddingOnly(fields: PacketFields, bytes = 20): Buffer {
  const padded = packet(fields, [...Array<number>(bytes - 1).fill(0), bytes]);
  padded[0] = 0xa0;
  return padded;
}
