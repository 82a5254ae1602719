// SCTP packets and chunks as bytes (RFC 9260 §3), and the arithmetic of their numbers, which wrap around.
// It must not know associations: whether a chunk makes sense now is for others to say.

import { packetChecksum } from './crc32c.ts';

/** Chunk types (RFC 9260 §3.2, RFC 6525 §3.1, RFC 3758 §3.2). */
export const DATA = 0;
export const INIT = 1;
export const INIT_ACK = 2;
export const SACK = 3;
export const HEARTBEAT = 4;
export const HEARTBEAT_ACK = 5;
export const ABORT = 6;
export const SHUTDOWN = 7;
export const SHUTDOWN_ACK = 8;
export const COOKIE_ECHO = 10;
export const COOKIE_ACK = 11;
export const RE_CONFIG = 130;
export const FORWARD_TSN = 192;

/** Flags of DATA (RFC 9260 §3.3.1, RFC 7053). */
export const LAST_FRAGMENT = 1;
export const FIRST_FRAGMENT = 2;
export const UNORDERED = 4;
export const ACKNOWLEDGE_NOW = 8;

export const COMMON_HEADER_BYTES = 12;
/** Type, flags and length of a chunk; type and length of a parameter. */
export const CHUNK_HEADER_BYTES = 4;
export const DATA_HEADER_BYTES = 16;
/**
 * Fits into 1,280 bytes, which every IPv6 path has, with 37 bytes of DTLS, 8 of UDP, 40 of IPv6 and room for a TURN channel
 * (RFC 8831 §5: no path MTU discovery below 1,200 bytes is needed). A multiple of four.
 */
export const MAX_PACKET_BYTES = 1188;

export interface Chunk {
  readonly type: number;
  readonly flags: number;
  /** What follows the chunk's header, without padding; a view. */
  readonly body: Buffer;
}

export interface Parameter {
  readonly type: number;
  readonly value: Buffer;
}

export interface DataFields {
  readonly tsn: number;
  readonly flags: number;
  readonly streamId: number;
  readonly streamSequence: number;
  readonly ppid: number;
  readonly payload: Buffer;
}

/** What all packets of one direction begin with. */
export interface PacketHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly verificationTag: number;
}

/** Chunks and parameters start at multiples of four bytes. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

export function verificationTagOf(packet: Buffer): number {
  return packet.readUInt32BE(4);
}

/** The chunks of a packet in order, at least one; undefined when the checksum is wrong or a length does not fit. */
export function readChunks(packet: Buffer): Chunk[] | undefined {
  if (packet.length < COMMON_HEADER_BYTES + CHUNK_HEADER_BYTES) return undefined;
  if (packetChecksum(packet) !== packet.readUInt32LE(8)) return undefined;
  const chunks: Chunk[] = [];
  let offset = COMMON_HEADER_BYTES;
  while (packet.length - offset >= CHUNK_HEADER_BYTES) {
    const length = packet.readUInt16BE(offset + 2);
    if (length < CHUNK_HEADER_BYTES || offset + length > packet.length) return undefined;
    chunks.push({
      type: packet.readUInt8(offset),
      flags: packet.readUInt8(offset + 1),
      body: packet.subarray(offset + CHUNK_HEADER_BYTES, offset + length),
    });
    offset += padded(length);
  }
  return chunks;
}

/** A list of parameters (RFC 9260 §3.2.1), up to the first whose length does not fit. */
export function readParameters(bytes: Buffer): Parameter[] {
  const parameters: Parameter[] = [];
  let offset = 0;
  while (bytes.length - offset >= CHUNK_HEADER_BYTES) {
    const length = bytes.readUInt16BE(offset + 2);
    if (length < CHUNK_HEADER_BYTES || offset + length > bytes.length) break;
    parameters.push({
      type: bytes.readUInt16BE(offset),
      value: bytes.subarray(offset + CHUNK_HEADER_BYTES, offset + length),
    });
    offset += padded(length);
  }
  return parameters;
}

/** The fields of a DATA chunk; undefined when it is cut or has no payload. */
export function readData({ flags, body }: Chunk): DataFields | undefined {
  if (body.length <= DATA_HEADER_BYTES - CHUNK_HEADER_BYTES) return undefined;
  return {
    tsn: body.readUInt32BE(0),
    flags,
    streamId: body.readUInt16BE(4),
    streamSequence: body.readUInt16BE(6),
    ppid: body.readUInt32BE(8),
    payload: body.subarray(DATA_HEADER_BYTES - CHUNK_HEADER_BYTES),
  };
}

/** A packet of one chunk. */
export function writePacket(header: PacketHeader, type: number, flags: number, body: Buffer): Buffer {
  const packet = newPacket(header, padded(CHUNK_HEADER_BYTES + body.length));
  writeChunkHeader(packet, COMMON_HEADER_BYTES, type, flags, CHUNK_HEADER_BYTES + body.length);
  body.copy(packet, COMMON_HEADER_BYTES + CHUNK_HEADER_BYTES);
  return seal(packet);
}

/** Bytes of a DATA chunk in its packet. */
export function dataChunkBytes(payloadBytes: number): number {
  return DATA_HEADER_BYTES + padded(payloadBytes);
}

/** A packet of these DATA chunks, which must fit into it. */
export function writeDataPacket(header: PacketHeader, chunks: readonly DataFields[]): Buffer {
  let bytes = 0;
  for (const { payload } of chunks) bytes += dataChunkBytes(payload.length);
  const packet = newPacket(header, bytes);
  let offset = COMMON_HEADER_BYTES;
  for (const { tsn, flags, streamId, streamSequence, ppid, payload } of chunks) {
    writeChunkHeader(packet, offset, DATA, flags, DATA_HEADER_BYTES + payload.length);
    packet.writeUInt32BE(tsn, offset + 4);
    packet.writeUInt16BE(streamId, offset + 8);
    packet.writeUInt16BE(streamSequence, offset + 10);
    packet.writeUInt32BE(ppid, offset + 12);
    packet.set(payload, offset + DATA_HEADER_BYTES);
    offset += dataChunkBytes(payload.length);
  }
  return seal(packet);
}

export function writeParameter(type: number, value: Buffer): Buffer {
  const parameter = Buffer.alloc(padded(CHUNK_HEADER_BYTES + value.length));
  parameter.writeUInt16BE(type, 0);
  parameter.writeUInt16BE(CHUNK_HEADER_BYTES + value.length, 2);
  value.copy(parameter, CHUNK_HEADER_BYTES);
  return parameter;
}

function newPacket({ sourcePort, destinationPort, verificationTag }: PacketHeader, chunkBytes: number): Buffer {
  const packet = Buffer.allocUnsafe(COMMON_HEADER_BYTES + chunkBytes);
  packet.writeUInt16BE(sourcePort, 0);
  packet.writeUInt16BE(destinationPort, 2);
  packet.writeUInt32BE(verificationTag, 4);
  return packet;
}

/** The header, and zeros in the last word, which may be padding. */
function writeChunkHeader(packet: Buffer, offset: number, type: number, flags: number, length: number): void {
  packet.writeUInt32BE(0, offset + padded(length) - 4);
  packet.writeUInt8(type, offset);
  packet.writeUInt8(flags, offset + 1);
  packet.writeUInt16BE(length, offset + 2);
}

function seal(packet: Buffer): Buffer {
  packet.writeUInt32LE(packetChecksum(packet), 8);
  return packet;
}

/** How far TSN `to` is ahead of `from`: -2^31 to 2^31 - 1 (RFC 9260 §1.6). */
export function tsnDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/** `tsn` plus `count` (also negative), wrapped to 32 bits. */
export function addTsn(tsn: number, count: number): number {
  return (tsn + count) >>> 0;
}
