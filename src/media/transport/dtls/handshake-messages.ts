// Handshake messages between records and whole (RFC 6347 §4.2.2, §4.2.3): header, fragments, order.
// It must not know what a message says, but that the last one is never plain.

import { FINISHED, HANDSHAKE_HEADER_BYTES } from './records.ts';

/** A whole message as it counts for the transcript: header as if it had never been in pieces, then body. */
export interface HandshakeMessage {
  readonly type: number;
  readonly sequence: number;
  readonly bytes: Buffer;
  readonly body: Buffer;
}

/** The longest that a peer may send: a ClientHello with post-quantum keys has 1.5 kB, a chain of certificates a few. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** How far ahead of its turn a message may come, which the network may reorder. */
const MAX_MESSAGES_AHEAD = 4;
/** Of one message. A sensible sender needs as many as it has packets. */
const MAX_FRAGMENTS = 64;

/** One whole message, in memory of its own: some are kept. */
export function handshakeMessage(type: number, sequence: number, body: Uint8Array): Buffer {
  const message = Buffer.alloc(HANDSHAKE_HEADER_BYTES + body.length);
  writeHeader(message, type, sequence);
  message.set(body, HANDSHAKE_HEADER_BYTES);
  return message;
}

function writeHeader(message: Buffer, type: number, sequence: number): void {
  const length = message.length - HANDSHAKE_HEADER_BYTES;
  message.writeUInt8(type, 0);
  message.writeUIntBE(length, 1, 3);
  message.writeUInt16BE(sequence, 4);
  message.writeUIntBE(0, 6, 3);
  message.writeUIntBE(length, 9, 3);
}

interface Fragment {
  readonly type: number;
  readonly length: number;
  readonly sequence: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Undefined when it makes no sense, and for the rest of its record. */
function readFragment(record: Buffer, at: number): Fragment | undefined {
  if (record.length - at < HANDSHAKE_HEADER_BYTES) return undefined;
  const length = record.readUIntBE(at + 1, 3);
  const offset = record.readUIntBE(at + 6, 3);
  const start = at + HANDSHAKE_HEADER_BYTES;
  const end = start + record.readUIntBE(at + 9, 3);
  if (length > MAX_MESSAGE_BYTES || end > record.length || offset + (end - start) > length) return undefined;
  const bytes = record.subarray(start, end);
  return { type: record.readUInt8(at), length, sequence: record.readUInt16BE(at + 4), offset, bytes };
}

/** Puts messages together and hands them out by number. What it holds is bounded by its constants. */
export class MessageAssembly {
  /** Sequence → fragments in the order in which they came. */
  readonly #fragments = new Map<number, Fragment[]>();

  /**
   * Takes what a plain handshake record carries; of messages that are neither `expected` nor soon after it, nothing, and
   * no Finished: that comes encrypted, so a plain one is forged.
   */
  add(content: Buffer, expected: number): void {
    let at = 0;
    for (let fragment = readFragment(content, at); fragment; fragment = readFragment(content, at)) {
      at += HANDSHAKE_HEADER_BYTES + fragment.bytes.length;
      // A repeated first message says that our answer to it was lost.
      const isWanted = fragment.sequence === 0 || isSoon(fragment.sequence, expected);
      if (isWanted && fragment.type !== FINISHED) this.#keep(fragment);
    }
  }

  /** The whole message of this number, once. */
  take(sequence: number): HandshakeMessage | undefined {
    const fragments = this.#fragments.get(sequence);
    const [first] = fragments ?? [];
    if (!fragments || !first) return undefined;
    const bytes = Buffer.allocUnsafe(HANDSHAKE_HEADER_BYTES + first.length);
    let filled = 0;
    for (const { offset, bytes: part } of fragments.toSorted((a, b) => a.offset - b.offset)) {
      if (offset > filled) return undefined;
      bytes.set(part, HANDSHAKE_HEADER_BYTES + offset);
      filled = Math.max(filled, offset + part.length);
    }
    if (filled < first.length) return undefined;
    this.#fragments.delete(sequence);
    writeHeader(bytes, first.type, sequence);
    return { type: first.type, sequence, bytes, body: bytes.subarray(HANDSHAKE_HEADER_BYTES) };
  }

  #keep(fragment: Fragment): void {
    const { sequence } = fragment;
    const known = this.#fragments.get(sequence) ?? [];
    const isOther = known.some(({ type, length }) => type !== fragment.type || length !== fragment.length);
    // Pieces of another message under the same number: one of the two is forged, and the next one may be right.
    if (isOther || known.length >= MAX_FRAGMENTS) known.length = 0;
    // In memory of its own: a piece of a few bytes would hold the whole datagram.
    this.#fragments.set(sequence, [...known, { ...fragment, bytes: copyOf(fragment.bytes) }]);
  }
}

/** Not from Node's pool, whose slabs a kept piece would hold too. */
export function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

function isSoon(sequence: number, expected: number): boolean {
  return sequence >= expected && sequence <= expected + MAX_MESSAGES_AHEAD;
}
