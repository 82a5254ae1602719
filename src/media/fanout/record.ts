// A packet as the bytes that the native engine reads; native/packets.c has the layout at `read_record`.
// It must not know routes or members.

import type { MediaKind } from '../../rtp/codec.ts';
import type { FanoutPacket } from './engine.ts';

export const RECORD_HEADER_BYTES = 40;

/** Number of a kind at the native engine. */
export const SLOT: Readonly<Record<MediaKind, 0 | 1>> = { audio: 0, video: 1 };

const MARKER = 1;
const HAS_ORIENTATION = 2;
const HAS_AUDIO_LEVEL = 4;
const PADDED = 8;
const TWO_TO_32 = 0x1_0000_0000;

/** Writes one record at `offset`; its bytes. `target` must have the room. */
export function writeRecord(target: Buffer, offset: number, packet: FanoutPacket, sendTime: number): number {
  const { payload, extensions, index, padding } = packet;
  const length = payload.length + padding;
  let flags = packet.marker ? MARKER : 0;
  if (extensions?.orientation !== undefined) flags |= HAS_ORIENTATION;
  if (extensions?.audioLevel !== undefined) flags |= HAS_AUDIO_LEVEL;
  if (padding > 0) flags |= PADDED;
  target.writeUInt16LE(length, offset);
  target[offset + 2] = SLOT[packet.kind];
  target[offset + 3] = flags;
  target.writeUInt32LE(packet.timestamp, offset + 4);
  target.writeUInt32LE(index % TWO_TO_32, offset + 8);
  target.writeUInt32LE(Math.floor(index / TWO_TO_32), offset + 12);
  target[offset + 16] = extensions?.orientation ?? 0;
  target[offset + 17] = extensions?.audioLevel ?? 0;
  const captureTime = extensions?.captureTime;
  target[offset + 18] = captureTime?.length ?? 0;
  target[offset + 19] = 0;
  if (captureTime) target.set(captureTime, offset + 20);
  target.writeUInt32LE(sendTime, offset + 36);
  target.set(payload, offset + RECORD_HEADER_BYTES);
  const end = offset + RECORD_HEADER_BYTES + length;
  if (padding > 0) target.fill(0, end - padding, end)[end - 1] = padding;
  return end - offset;
}
