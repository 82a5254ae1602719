// The viewer's end of an SCTP association, only as far as it takes to receive messages and acknowledge them as browsers do
// (RFC 9260): werift's own would cost the load more than the server is allowed. No losses on the loopback, so no order is restored.

import { randomInt } from 'node:crypto';
import { sctpChunk, sctpPacket } from '../src/test/transport-peers.ts';

const CHUNK = { data: 0, init: 1, initAck: 2, sack: 3, heartbeat: 4, heartbeatAck: 5, cookieEcho: 10, cookieAck: 11 };
const COMMON_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 4;
const DATA_HEADER_BYTES = 12;
/** Begins and ends a message. */
const LAST_FRAGMENT = 1;
const STATE_COOKIE = 7;
const FORWARD_TSN_SUPPORTED = 49_152;
const WINDOW_BYTES = 1024 * 1024;
const STREAMS = 1_024;
const PPID_DCEP = 50;
/** RFC 9260 §6.2: at least every second packet, and within 200 ms. */
const ACKNOWLEDGE_EVERY = 2;
const ACKNOWLEDGE_WITHIN_MS = 200;
const CONNECT_TIMEOUT_MS = 20_000;
const INIT_AGAIN_MS = 1_000;

export class SctpSink {
  readonly #send: (packet: Buffer) => void;
  readonly #localTag = randomInt(1, 2 ** 32 - 1);
  #remoteTag = 0;
  #cumulativeTsn = 0;
  readonly #ahead = new Set<number>();
  #unacknowledged = 0;
  #timer: NodeJS.Timeout | undefined;
  #onConnected: () => void = () => {};
  /** Whole messages, without those that open channels. */
  messages = 0;

  /** @param send takes SCTP packets, for DTLS */
  constructor(send: (packet: Buffer) => void) {
    this.#send = send;
  }

  async connect(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const again = setInterval(() => this.#sendInit(), INIT_AGAIN_MS);
      const timeout = setTimeout(() => settle(new Error('no SCTP association in time')), CONNECT_TIMEOUT_MS);
      const settle = (error?: Error): void => {
        clearInterval(again);
        clearTimeout(timeout);
        if (error) reject(error);
        else resolve();
      };
      this.#onConnected = () => settle();
      this.#sendInit();
    });
  }

  receive(packet: Buffer): void {
    let offset = COMMON_HEADER_BYTES;
    while (packet.length - offset >= CHUNK_HEADER_BYTES) {
      const length = packet.readUInt16BE(offset + 2);
      if (length < CHUNK_HEADER_BYTES || offset + length > packet.length) return;
      const body = packet.subarray(offset + CHUNK_HEADER_BYTES, offset + length);
      this.#receiveChunk(packet.readUInt8(offset), packet.readUInt8(offset + 1), body);
      offset += Math.ceil(length / 4) * 4;
    }
    if (this.#unacknowledged >= ACKNOWLEDGE_EVERY) this.#acknowledge();
    else if (this.#unacknowledged > 0) this.#timer ??= setTimeout(() => this.#acknowledge(), ACKNOWLEDGE_WITHIN_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #receiveChunk(type: number, flags: number, body: Buffer): void {
    if (type === CHUNK.data) this.#receiveData(flags, body);
    else if (type === CHUNK.initAck) this.#receiveInitAck(body);
    else if (type === CHUNK.cookieAck) this.#onConnected();
    else if (type === CHUNK.heartbeat) this.#sendChunk(CHUNK.heartbeatAck, 0, body);
  }

  #receiveData(flags: number, body: Buffer): void {
    if (body.length < DATA_HEADER_BYTES) return;
    const tsn = body.readUInt32BE(0);
    this.#unacknowledged++;
    // Repeated: only acknowledged once more.
    if (((tsn - this.#cumulativeTsn) | 0) <= 0 || this.#ahead.has(tsn)) return;
    this.#ahead.add(tsn);
    for (let next = (this.#cumulativeTsn + 1) >>> 0; this.#ahead.delete(next); next = (next + 1) >>> 0) {
      this.#cumulativeTsn = next;
    }
    if (flags & LAST_FRAGMENT && body.readUInt32BE(8) !== PPID_DCEP) this.messages++;
  }

  #receiveInitAck(body: Buffer): void {
    this.#remoteTag = body.readUInt32BE(0);
    this.#cumulativeTsn = (body.readUInt32BE(12) - 1) >>> 0;
    for (let offset = 16; body.length - offset >= CHUNK_HEADER_BYTES; ) {
      const length = body.readUInt16BE(offset + 2);
      if (length < CHUNK_HEADER_BYTES) return;
      if (body.readUInt16BE(offset) === STATE_COOKIE) {
        this.#sendChunk(CHUNK.cookieEcho, 0, body.subarray(offset + CHUNK_HEADER_BYTES, offset + length));
        return;
      }
      offset += Math.ceil(length / 4) * 4;
    }
  }

  /** RFC 9260 §3.3.2: tag, window, streams each way, first TSN; then what we support (RFC 3758). */
  #sendInit(): void {
    const body = Buffer.alloc(20);
    body.writeUInt32BE(this.#localTag, 0);
    body.writeUInt32BE(WINDOW_BYTES, 4);
    body.writeUInt16BE(STREAMS, 8);
    body.writeUInt16BE(STREAMS, 10);
    body.writeUInt32BE(randomInt(2 ** 32 - 1), 12);
    body.writeUInt16BE(FORWARD_TSN_SUPPORTED, 16);
    body.writeUInt16BE(CHUNK_HEADER_BYTES, 18);
    this.#send(sctpPacket(0, sctpChunk(CHUNK.init, 0, body)));
  }

  /** RFC 9260 §3.3.4, without gaps: nothing is lost on the loopback. */
  #acknowledge(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unacknowledged = 0;
    const body = Buffer.alloc(12);
    body.writeUInt32BE(this.#cumulativeTsn, 0);
    body.writeUInt32BE(WINDOW_BYTES, 4);
    this.#sendChunk(CHUNK.sack, 0, body);
  }

  #sendChunk(type: number, flags: number, body: Buffer): void {
    this.#send(sctpPacket(this.#remoteTag, sctpChunk(type, flags, body)));
  }
}
