// The header of a packet for one member, with its extensions (RFC 3550 §5.1, RFC 8285 §4.2), as the portable engine
// writes it; native/packets.c writes the same bytes. It must not know keys or sockets.

import { RTP_HEADER_LENGTH, writeRtpHeader } from '../../rtp/packet.ts';
import type { FanoutPacket, FanoutRoute } from './engine.ts';

/** Four bytes of block header, and the longest elements: mid 17, send time 4, orientation 2, audio level 2, capture time 17. */
export const MAX_HEADER_BYTES = RTP_HEADER_LENGTH + 4 + 17 + 4 + 2 + 2 + 17 + 2;

const ONE_BYTE_PROFILE = 0xbede;
const MAX_MID_LENGTH = 16;

/** What of a header is not in the packet. */
export interface HeaderNumbers {
  readonly payloadType: number;
  readonly ssrc: number;
  readonly sequence: number;
  /** As `absSendTime` gives it. */
  readonly sendTime: number;
}

/** Writes at the start of `target`, which must have `MAX_HEADER_BYTES`; the header's length. */
export function writeHeader(target: Buffer, packet: FanoutPacket, route: FanoutRoute, numbers: HeaderNumbers): number {
  writeRtpHeader(target, { ...numbers, marker: packet.marker, timestamp: packet.timestamp });
  const { extensionIds: ids, mid } = route;
  const { orientation, audioLevel, captureTime } = packet.extensions ?? {};
  const start = RTP_HEADER_LENGTH + 4;
  let offset = start;
  if (ids.mid > 0 && mid.length > 0 && mid.length <= MAX_MID_LENGTH) {
    target[offset] = (ids.mid << 4) | (mid.length - 1);
    offset += 1 + target.write(mid, offset + 1, 'latin1');
  }
  if (ids.sendTime > 0) {
    target[offset] = (ids.sendTime << 4) | 2;
    offset = target.writeUIntBE(numbers.sendTime, offset + 1, 3);
  }
  if (ids.orientation > 0 && orientation !== undefined)
    offset = writeByte(target, offset, ids.orientation, orientation);
  if (ids.audioLevel > 0 && audioLevel !== undefined) offset = writeByte(target, offset, ids.audioLevel, audioLevel);
  if (ids.captureTime > 0 && captureTime) {
    target[offset] = (ids.captureTime << 4) | (captureTime.length - 1);
    target.set(captureTime, offset + 1);
    offset += 1 + captureTime.length;
  }
  if (offset === start) return RTP_HEADER_LENGTH;
  while (offset % 4 !== 0) target[offset++] = 0;
  target[0] = (target[0] ?? 0) | 0x10;
  target.writeUInt16BE(ONE_BYTE_PROFILE, RTP_HEADER_LENGTH);
  target.writeUInt16BE((offset - start) / 4, RTP_HEADER_LENGTH + 2);
  return offset;
}

function writeByte(target: Buffer, offset: number, id: number, value: number): number {
  target[offset] = id << 4;
  target[offset + 1] = value;
  return offset + 2;
}
