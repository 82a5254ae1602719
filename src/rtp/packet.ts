// An RTP packet read where it lies (RFC 3550 §5.1, header extensions RFC 8285), and the bare header we write.
// It must not know codecs, encryption or who sent it.

export const RTP_HEADER_LENGTH = 12;

/** Profiles of the extension block: RFC 8285 §4.2 (one-byte) and §4.3 (two-byte, low four bits are free). */
const ONE_BYTE_PROFILE = 0xbede;
const TWO_BYTE_PROFILE = 0x100;

export interface RtpPacket {
  /** The whole packet; shared, not copied. */
  readonly bytes: Uint8Array;
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly csrcCount: number;
  /** The "defined by profile" field of the header extension; 0 without one. */
  readonly extensionProfile: number;
  /** Where the extension elements lie, after the four bytes of profile and length. */
  readonly extensionOffset: number;
  readonly extensionLength: number;
  readonly payloadOffset: number;
  /** Without padding; 0 for a packet of nothing but padding. */
  readonly payloadLength: number;
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function uint32(bytes: Uint8Array, offset: number): number {
  return ((uint16(bytes, offset) << 16) | uint16(bytes, offset + 2)) >>> 0;
}

/**
 * Bytes of header: fixed part, CSRCs and extension. Undefined when this is not RTP or is cut off. Looks at nothing
 * that SRTP encrypts, so it is right before decryption too.
 */
export function rtpHeaderLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < RTP_HEADER_LENGTH) return undefined;
  const first = bytes[0] ?? 0;
  if (first >> 6 !== 2) return undefined;
  let length = RTP_HEADER_LENGTH + 4 * (first & 0x0f);
  if (first & 0x10) {
    if (bytes.length < length + 4) return undefined;
    length += 4 + 4 * uint16(bytes, length + 2);
  }
  return length <= bytes.length ? length : undefined;
}

/** Reads a decrypted packet; undefined when it is malformed. Never throws. */
export function parseRtp(bytes: Uint8Array): RtpPacket | undefined {
  const payloadOffset = rtpHeaderLength(bytes);
  if (payloadOffset === undefined) return undefined;
  const first = bytes[0] ?? 0;
  const second = bytes[1] ?? 0;
  const csrcCount = first & 0x0f;

  let payloadLength = bytes.length - payloadOffset;
  if (first & 0x20) {
    // The last byte counts the padding, itself included (RFC 3550 §5.1), so 0 is malformed.
    const padding = payloadLength > 0 ? (bytes[bytes.length - 1] ?? 0) : 0;
    if (padding === 0 || padding > payloadLength) return undefined;
    payloadLength -= padding;
  }

  const hasExtension = (first & 0x10) !== 0;
  const extensionOffset = RTP_HEADER_LENGTH + 4 * csrcCount + (hasExtension ? 4 : 0);
  return {
    bytes,
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: uint16(bytes, 2),
    timestamp: uint32(bytes, 4),
    ssrc: uint32(bytes, 8),
    csrcCount,
    extensionProfile: hasExtension ? uint16(bytes, extensionOffset - 4) : 0,
    extensionOffset,
    extensionLength: payloadOffset - extensionOffset,
    payloadOffset,
    payloadLength,
  };
}

/** The payload without padding, sharing the packet's memory. */
export function rtpPayload(packet: RtpPacket): Uint8Array {
  return packet.bytes.subarray(packet.payloadOffset, packet.payloadOffset + packet.payloadLength);
}

/**
 * Calls `visit` with id, offset in the packet and length of each header extension, up to a malformed one. Takes one-byte
 * and two-byte headers (RFC 8285 §4.2, §4.3).
 */
export function eachExtension(packet: RtpPacket, visit: (id: number, offset: number, length: number) => void): void {
  const oneByte = packet.extensionProfile === ONE_BYTE_PROFILE;
  if (!oneByte && packet.extensionProfile >> 4 !== TWO_BYTE_PROFILE) return;
  const { bytes } = packet;
  const end = packet.extensionOffset + packet.extensionLength;
  let offset = packet.extensionOffset;
  while (offset < end) {
    const head = bytes[offset++] ?? 0;
    const id = oneByte ? head >> 4 : head;
    // A zero byte is padding between elements; one-byte id 0 with a length ends the block (RFC 8285 §4.2).
    if (id === 0) {
      if (head === 0) continue;
      return;
    }
    // One-byte id 15 ends the block (RFC 8285 §4.2).
    if (oneByte && id === 15) return;
    if (!oneByte && offset >= end) return;
    const length = oneByte ? (head & 0x0f) + 1 : (bytes[offset++] ?? 0);
    if (offset + length > end) return;
    visit(id, offset, length);
    offset += length;
  }
}

/** The value of header extension `id`, sharing the packet's memory; undefined when absent or cut off. */
export function readExtension(packet: RtpPacket, id: number): Uint8Array | undefined {
  let value: Uint8Array | undefined;
  eachExtension(packet, (found, offset, length) => {
    if (found === id) value ??= packet.bytes.subarray(offset, offset + length);
  });
  return value;
}

export interface RtpHeader {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
}

/** Writes a bare header of 12 bytes at `offset`: no padding, extension or CSRC. `target` must have the room. */
export function writeRtpHeader(target: Uint8Array, header: RtpHeader, offset = 0): void {
  const { sequence, timestamp, ssrc } = header;
  target[offset] = 0x80;
  target[offset + 1] = (header.marker ? 0x80 : 0) | header.payloadType;
  target[offset + 2] = sequence >> 8;
  target[offset + 3] = sequence;
  target[offset + 4] = timestamp >>> 24;
  target[offset + 5] = timestamp >>> 16;
  target[offset + 6] = timestamp >>> 8;
  target[offset + 7] = timestamp;
  target[offset + 8] = ssrc >>> 24;
  target[offset + 9] = ssrc >>> 16;
  target[offset + 10] = ssrc >>> 8;
  target[offset + 11] = ssrc;
}
