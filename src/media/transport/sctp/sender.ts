// The sending half of an association (RFC 9260 §6.1 to §6.3, §7.2): fragments, what is on its way, what has to go again.
// Pure: time is an argument, packets leave by a function. It must not know the handshake or data channels.

import type { Acknowledgement, GapBlock } from './acknowledgement.ts';
import { CongestionWindow, flightBytes } from './congestion-window.ts';
import {
  addTsn,
  COMMON_HEADER_BYTES,
  DATA_HEADER_BYTES,
  type DataFields,
  dataChunkBytes,
  FIRST_FRAGMENT,
  LAST_FRAGMENT,
  MAX_PACKET_BYTES,
  tsnDistance,
} from './packet.ts';
import { RetransmissionTimeout } from './retransmission-timeout.ts';

const MAX_FRAGMENT_BYTES = MAX_PACKET_BYTES - COMMON_HEADER_BYTES - DATA_HEADER_BYTES;
/** SACKs that report a chunk missing before it goes again (§7.2.4). */
const MISSES_UNTIL_LOST = 3;
/** Timeouts in a row before the peer counts as gone (§8.1): with the longest timeout that is longer than a transport lives in silence. */
const MAX_TIMEOUTS = 10;
/** Chunks on their way, however small. */
const MAX_CHUNKS_IN_FLIGHT = 1024;

interface Message {
  readonly streamId: number;
  readonly ppid: number;
  readonly payload: Buffer;
}

interface OutboundChunk extends DataFields {
  acknowledged: boolean;
  /** Counts as on its way. */
  inFlight: boolean;
  misses: number;
  /** When it was sent the first time; -1 once it was sent again. */
  sentAtMs: number;
}

export class Sender {
  readonly #transmit: (chunks: readonly DataFields[]) => void;
  readonly #window = new CongestionWindow();
  readonly #timeout = new RetransmissionTimeout();
  readonly #queue: Message[] = [];
  /** How much of the first message in the queue has left. */
  #offset = 0;
  /** Stream id → number of its next message. */
  readonly #streamSequences = new Map<number, number>();
  /** Stream id → its messages in the queue and chunks in `#outstanding`. */
  readonly #uses = new Map<number, number>();
  #nextTsn: number;
  #acknowledgedTsn: number;
  /** What is not acknowledged cumulatively, in order of TSN without gaps. */
  readonly #outstanding: OutboundChunk[] = [];
  #flightBytes = 0;
  /** Outstanding ones that have to go again. */
  #lostChunks = 0;
  #peerWindowBytes = 0;
  /** Fast recovery lasts until this one is acknowledged. */
  #recoveryTsn: number | undefined;
  #timeouts = 0;
  #dueAtMs = Number.POSITIVE_INFINITY;

  constructor(initialTsn: number, transmit: (chunks: readonly DataFields[]) => void) {
    this.#nextTsn = initialTsn;
    this.#acknowledgedTsn = addTsn(initialTsn, -1);
    this.#transmit = transmit;
  }

  /** When `timedOut` has to be called; infinite while nothing is on its way. */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** A message waits for the network or the peer: more would only wait behind it. */
  get isBlocked(): boolean {
    return this.#queue.length > 0;
  }

  get lastTsn(): number {
    return addTsn(this.#nextTsn, -1);
  }

  start(peerWindowBytes: number): void {
    this.#peerWindowBytes = peerWindowBytes;
  }

  /** Queues a message of at least one byte. */
  send(streamId: number, ppid: number, payload: Buffer, nowMs: number): void {
    this.#queue.push({ streamId, ppid, payload });
    this.#use(streamId, 1);
    this.#flush(nowMs);
  }

  /** Something of this stream is queued or not acknowledged. */
  isUsing(streamId: number): boolean {
    return this.#uses.has(streamId);
  }

  /** The numbers of these streams begin anew (RFC 6525 §4.1). */
  resetStreams(streamIds: Iterable<number>): void {
    for (const streamId of streamIds) this.#streamSequences.delete(streamId);
  }

  /** @returns whether something left for good: a stream may be free now */
  acknowledged({ cumulativeTsn, windowBytes, blocks }: Acknowledgement, nowMs: number): boolean {
    const passed = tsnDistance(this.#acknowledgedTsn, cumulativeTsn);
    // An old one, or one of what was never sent.
    if (passed < 0 || passed > this.#outstanding.length) return false;
    const wasFull = this.#flightBytes + flightBytes(MAX_FRAGMENT_BYTES) > this.#window.bytes;
    this.#peerWindowBytes = windowBytes;
    const settled = passed > 0 ? this.#outstanding.splice(0, passed) : [];
    const last = settled.at(-1);
    if (last && !last.acknowledged && last.sentAtMs >= 0) this.#timeout.measured(nowMs - last.sentAtMs);
    let bytes = 0;
    for (const chunk of settled) {
      bytes += this.#settle(chunk);
      this.#use(chunk.streamId, -1);
    }
    this.#acknowledgedTsn = cumulativeTsn;
    const { settledBytes, highest, reported } = this.#settleBlocks(blocks);
    if (this.#recoveryTsn !== undefined && tsnDistance(this.#recoveryTsn, cumulativeTsn) >= 0) {
      this.#recoveryTsn = undefined;
    }
    const isRecovering = this.#recoveryTsn !== undefined;
    if (passed > 0 && !isRecovering) this.#window.acknowledged(bytes + settledBytes, wasFull);
    // A peer without room answers all the same: it is there.
    if (bytes + settledBytes > 0 || windowBytes < MAX_FRAGMENT_BYTES) this.#timeouts = 0;
    if (this.#outstanding.length === 0) this.#dueAtMs = Number.POSITIVE_INFINITY;
    else if (passed > 0) this.#dueAtMs = nowMs + this.#timeout.currentMs;
    // In recovery all that this SACK reports missing counts (§7.2.4); what is behind its last block may just be on its way.
    this.#countMisses(isRecovering && passed > 0 ? reported : highest, nowMs);
    this.#flush(nowMs);
    return passed > 0;
  }

  /** Nothing was acknowledged in time: all goes again (§6.3.3). @returns false when the peer is gone */
  timedOut(nowMs: number): boolean {
    if (++this.#timeouts > MAX_TIMEOUTS) return false;
    this.#timeout.expired();
    this.#window.expired();
    this.#recoveryTsn = undefined;
    for (const [index, chunk] of this.#outstanding.entries()) {
      chunk.misses = 0;
      if (index === 0 && chunk.acknowledged) {
        // Acknowledged in a block and yet the next to come: the peer took it back (§6.2).
        chunk.acknowledged = false;
        this.#lostChunks++;
      }
      if (!chunk.acknowledged) this.#lose(chunk);
    }
    this.#dueAtMs = nowMs + this.#timeout.currentMs;
    this.#flush(nowMs);
    return true;
  }

  #use(streamId: number, change: 1 | -1): void {
    const uses = (this.#uses.get(streamId) ?? 0) + change;
    if (uses > 0) this.#uses.set(streamId, uses);
    else this.#uses.delete(streamId);
  }

  /** @returns bytes that this acknowledgement is the first to report */
  #settle(chunk: OutboundChunk): number {
    if (chunk.acknowledged) return 0;
    chunk.acknowledged = true;
    const bytes = flightBytes(chunk.payload.length);
    if (chunk.inFlight) this.#flightBytes -= bytes;
    else this.#lostChunks--;
    chunk.inFlight = false;
    return bytes;
  }

  /**
   * @returns `highest`: index after the last chunk that is newly acknowledged, 0 when none is; `reported`: the same of all
   * that are in a block
   */
  #settleBlocks(blocks: readonly GapBlock[]): { settledBytes: number; highest: number; reported: number } {
    let settledBytes = 0;
    let highest = 0;
    let from = 0;
    for (const { first, last } of blocks) {
      // Blocks that do not ascend are looked at once all the same: nobody makes us walk through the same numbers twice.
      for (let index = Math.max(from, first - 1); index < Math.min(last, this.#outstanding.length); index++) {
        const chunk = this.#outstanding[index];
        const bytes = chunk ? this.#settle(chunk) : 0;
        settledBytes += bytes;
        if (bytes > 0) highest = index + 1;
      }
      from = Math.max(from, last);
      if (from >= this.#outstanding.length) break;
    }
    return { settledBytes, highest, reported: Math.min(from, this.#outstanding.length) };
  }

  /** Chunks before `end` that are still missing were passed by others once more. */
  #countMisses(end: number, nowMs: number): void {
    let hasLost = false;
    for (let index = 0; index < end; index++) {
      const chunk = this.#outstanding[index];
      if (!chunk || chunk.acknowledged || !chunk.inFlight || ++chunk.misses !== MISSES_UNTIL_LOST) continue;
      this.#lose(chunk);
      hasLost = true;
    }
    if (!hasLost) return;
    if (this.#recoveryTsn === undefined) {
      this.#window.lost();
      this.#recoveryTsn = this.lastTsn;
    }
    // The first packet of a repair does not wait for the window (§7.2.4).
    this.#sendPacket(nowMs, this.#takeLost(Number.POSITIVE_INFINITY));
  }

  #lose(chunk: OutboundChunk): void {
    if (chunk.inFlight) {
      this.#flightBytes -= flightBytes(chunk.payload.length);
      this.#lostChunks++;
    }
    chunk.inFlight = false;
  }

  #flush(nowMs: number): void {
    for (;;) {
      const room = Math.min(this.#window.bytes, this.#peerWindowBytes) - this.#flightBytes;
      const lost = this.#lostChunks > 0 ? this.#takeLost(room) : [];
      const chunks = this.#lostChunks > 0 ? lost : this.#takeNew(room, lost, nowMs);
      if (chunks.length === 0) return;
      this.#sendPacket(nowMs, chunks);
    }
  }

  #sendPacket(nowMs: number, chunks: readonly OutboundChunk[]): void {
    if (chunks.length === 0) return;
    if (this.#dueAtMs === Number.POSITIVE_INFINITY || chunks[0] === this.#outstanding[0]) {
      this.#dueAtMs = nowMs + this.#timeout.currentMs;
    }
    this.#transmit(chunks);
  }

  /** Lost chunks for one packet, as far as the window has room; one always when nothing is on its way (§6.1 A, §7.2.3). */
  #takeLost(room: number): OutboundChunk[] {
    const taken: OutboundChunk[] = [];
    let packetBytes = COMMON_HEADER_BYTES;
    let left = this.#flightBytes === 0 ? Number.POSITIVE_INFINITY : room;
    for (const chunk of this.#outstanding) {
      if (chunk.acknowledged || chunk.inFlight) continue;
      const bytes = flightBytes(chunk.payload.length);
      packetBytes += dataChunkBytes(chunk.payload.length);
      if (packetBytes > MAX_PACKET_BYTES || bytes > left) break;
      left = Math.min(left, room) - bytes;
      chunk.inFlight = true;
      // Later misses of it are told by the timeout: the third one alone makes it lost (§7.2.4).
      chunk.sentAtMs = -1;
      this.#lostChunks--;
      this.#flightBytes += bytes;
      taken.push(chunk);
    }
    return taken;
  }

  /** The next fragments for one packet, behind those that it has already. */
  #takeNew(room: number, taken: OutboundChunk[], nowMs: number): OutboundChunk[] {
    let packetBytes = COMMON_HEADER_BYTES;
    for (const { payload } of taken) {
      packetBytes += dataChunkBytes(payload.length);
      room -= flightBytes(payload.length);
    }
    for (;;) {
      const [message] = this.#queue;
      if (!message || this.#outstanding.length >= MAX_CHUNKS_IN_FLIGHT) return taken;
      const length = Math.min(message.payload.length - this.#offset, MAX_FRAGMENT_BYTES);
      packetBytes += dataChunkBytes(length);
      if (packetBytes > MAX_PACKET_BYTES) return taken;
      if (flightBytes(length) > room && this.#flightBytes > 0) return taken;
      room -= flightBytes(length);
      taken.push(this.#nextFragment(message, length, nowMs));
    }
  }

  #nextFragment(message: Message, length: number, nowMs: number): OutboundChunk {
    const { streamId, ppid, payload } = message;
    const end = this.#offset + length;
    const isWhole = length === payload.length;
    const streamSequence = this.#streamSequences.get(streamId) ?? 0;
    const chunk: OutboundChunk = {
      tsn: this.#nextTsn,
      flags: (this.#offset === 0 ? FIRST_FRAGMENT : 0) | (end === payload.length ? LAST_FRAGMENT : 0),
      streamId,
      streamSequence,
      ppid,
      payload: isWhole ? payload : payload.subarray(this.#offset, end),
      acknowledged: false,
      inFlight: true,
      misses: 0,
      sentAtMs: nowMs,
    };
    this.#nextTsn = addTsn(this.#nextTsn, 1);
    this.#outstanding.push(chunk);
    this.#use(streamId, 1);
    this.#flightBytes += flightBytes(length);
    this.#offset = end;
    if (end < payload.length) return chunk;
    this.#queue.shift();
    this.#use(streamId, -1);
    this.#offset = 0;
    this.#streamSequences.set(streamId, (streamSequence + 1) & 0xffff);
    return chunk;
  }
}
