// The receiving half of an association (RFC 9260 §6.2, §6.5, §6.9): messages put together and handed out in order, and what
// a SACK says. Pure and bounded: it must not know timers, the handshake or what a message is.

import { sequenceDistance } from '../../../rtp/sequence.ts';
import { writeAcknowledgement } from './acknowledgement.ts';
import { type DataFields, FIRST_FRAGMENT, LAST_FRAGMENT, tsnDistance, UNORDERED } from './packet.ts';
import { joined, Reassembly } from './reassembly.ts';
import { ReceivedNumbers } from './received-numbers.ts';

/** What we tell the peer that it may have on its way or waiting behind a lost packet; four of the largest messages. */
export const RECEIVE_WINDOW_BYTES = 256 * 1024;
/**
 * What is kept of messages that are not whole, or wait for one before them. Above this and the next two, which no window
 * tells a peer, what comes behind a gap is dropped without acknowledgement (§6.2) and comes again.
 */
const MAX_HELD_BYTES = RECEIVE_WINDOW_BYTES + 64 * 1024;
/** Chunks that arrived behind a lost one. */
const MAX_MISORDERED_CHUNKS = 2048;
const MAX_HELD_CHUNKS = 2 * MAX_MISORDERED_CHUNKS;
/** What fills gaps is taken above these limits too, since it frees what waits; so far above, the peer leaves gaps in its messages. */
const EXCESS = 2;
/** Streams that a peer may use. */
const MAX_INBOUND_STREAMS = 256;
/** What a chunk that is kept takes beside its payload. */
const CHUNK_OVERHEAD_BYTES = 100;

interface InboundStream {
  /** Number of the next ordered message. */
  nextSequence: number;
  /** Whole messages behind one that is missing. */
  readonly waiting: Map<number, InboundMessage>;
}

interface InboundMessage {
  readonly ppid: number;
  readonly payload: Buffer;
}

export class Receiver {
  readonly #deliver: (streamId: number, ppid: number, payload: Buffer) => void;
  readonly #numbers: ReceivedNumbers;
  readonly #streams = new Map<number, InboundStream>();
  readonly #reassembly = new Reassembly();
  /** Of whole messages that wait for one before them. */
  #waitingBytes = 0;
  #waitingMessages = 0;

  /** @param deliver must not throw; may close the association, after which it has to ignore what still comes */
  constructor(initialTsn: number, deliver: (streamId: number, ppid: number, payload: Buffer) => void) {
    this.#numbers = new ReceivedNumbers(initialTsn);
    this.#deliver = deliver;
  }

  get cumulativeTsn(): number {
    return this.#numbers.cumulativeTsn;
  }

  get hasGaps(): boolean {
    return this.#numbers.ahead > 0;
  }

  /** `refused`: there is no room, it has to come again. `excess`: the peer holds to no limit, and has to go. */
  receive(chunk: DataFields): 'new' | 'known' | 'refused' | 'excess' {
    const isNext = tsnDistance(this.#numbers.cumulativeTsn, chunk.tsn) === 1;
    if (!isNext && (this.#numbers.ahead >= MAX_MISORDERED_CHUNKS || this.#holds(1))) return 'refused';
    if (this.#numbers.add(chunk.tsn) !== 'new') return 'known';
    let stream = this.#streams.get(chunk.streamId);
    if (!stream) {
      if (this.#streams.size >= MAX_INBOUND_STREAMS) return 'excess';
      stream = { nextSequence: 0, waiting: new Map() };
      this.#streams.set(chunk.streamId, stream);
    }
    const isWhole = (chunk.flags & FIRST_FRAGMENT) !== 0 && (chunk.flags & LAST_FRAGMENT) !== 0;
    const message = isWhole ? chunk : this.#reassembly.add(chunk);
    if (message === 'excess') return 'excess';
    if (message) this.#accept(stream, message);
    return this.#holds(EXCESS) ? 'excess' : 'new';
  }

  /** The peer gives up what it sent up to `tsn`, and ordered messages up to these numbers (RFC 3758 §3.6). */
  skipTo(tsn: number, skipped: Iterable<readonly [streamId: number, streamSequence: number]>): void {
    if (!this.#numbers.skipTo(tsn)) return;
    this.#reassembly.skipTo(tsn);
    // Once for each stream, however often it is named: how many numbers are passed.
    const passed = new Map<number, number>();
    for (const [streamId, streamSequence] of skipped) {
      const stream = this.#streams.get(streamId);
      if (!stream) continue;
      const count = sequenceDistance(stream.nextSequence, streamSequence) + 1;
      if (count > (passed.get(streamId) ?? 0)) passed.set(streamId, count);
    }
    for (const [streamId, count] of passed) {
      const stream = this.#streams.get(streamId);
      if (stream) this.#pass(streamId, stream, count);
    }
  }

  /** Their numbers begin anew (RFC 6525 §5.2.2). Without ids: all. */
  resetStreams(streamIds: readonly number[]): readonly number[] {
    const reset = streamIds.length > 0 ? streamIds : [...this.#streams.keys()];
    for (const streamId of reset) {
      for (const message of this.#streams.get(streamId)?.waiting.values() ?? []) this.#release(message);
      this.#streams.delete(streamId);
    }
    return reset;
  }

  /** The body of a SACK. */
  acknowledgement(): Buffer {
    const { cumulativeTsn, blocks } = this.#numbers;
    const used = this.#heldBytes + this.#heldChunks * CHUNK_OVERHEAD_BYTES;
    return writeAcknowledgement({ cumulativeTsn, windowBytes: Math.max(0, RECEIVE_WINDOW_BYTES - used), blocks });
  }

  get #heldBytes(): number {
    return this.#reassembly.bytes + this.#waitingBytes;
  }

  get #heldChunks(): number {
    return this.#reassembly.count + this.#waitingMessages;
  }

  /** Whether it is so many times what may be kept. */
  #holds(times: number): boolean {
    return this.#heldChunks >= times * MAX_HELD_CHUNKS || this.#heldBytes >= times * MAX_HELD_BYTES;
  }

  /** The next so many messages were given up; those of them that came all the same are handed out. */
  #pass(streamId: number, stream: InboundStream, count: number): void {
    const { nextSequence, waiting } = stream;
    const ahead = [...waiting.keys()].map((sequence) => sequenceDistance(nextSequence, sequence));
    stream.nextSequence = (nextSequence + count) & 0xffff;
    for (const distance of Uint16Array.from(ahead.filter((each) => each < count)).sort()) {
      const sequence = (nextSequence + distance) & 0xffff;
      const message = waiting.get(sequence);
      if (message) this.#handOut(streamId, stream, sequence, message);
    }
    this.#handOutWaiting(streamId, stream);
  }

  #accept(stream: InboundStream, { streamId, flags, streamSequence, ppid, payload }: DataFields): void {
    if ((flags & UNORDERED) !== 0) {
      this.#deliver(streamId, ppid, payload);
      return;
    }
    const distance = sequenceDistance(stream.nextSequence, streamSequence);
    if (distance < 0 || stream.waiting.has(streamSequence)) return;
    if (distance === 0) {
      stream.nextSequence = (streamSequence + 1) & 0xffff;
      this.#deliver(streamId, ppid, payload);
      if (stream.waiting.size > 0) this.#handOutWaiting(streamId, stream);
      return;
    }
    stream.waiting.set(streamSequence, { ppid, payload: joined([payload]) });
    this.#waitingBytes += payload.length;
    this.#waitingMessages++;
  }

  #handOutWaiting(streamId: number, stream: InboundStream): void {
    for (;;) {
      const sequence = stream.nextSequence;
      const message = stream.waiting.get(sequence);
      if (!message) return;
      stream.nextSequence = (sequence + 1) & 0xffff;
      this.#handOut(streamId, stream, sequence, message);
    }
  }

  #handOut(streamId: number, stream: InboundStream, sequence: number, message: InboundMessage): void {
    stream.waiting.delete(sequence);
    this.#release(message);
    this.#deliver(streamId, message.ppid, message.payload);
  }

  #release({ payload }: InboundMessage): void {
    this.#waitingBytes -= payload.length;
    this.#waitingMessages--;
  }
}
