// The receiving half of an association (RFC 9260 §6.2, §6.5, §6.9): messages put together and handed out in order, and what
// a SACK says. Pure and bounded: it must not know timers, the handshake or what a message is.

import { sequenceDistance } from '../../../rtp/sequence.ts';
import { writeAcknowledgement } from './acknowledgement.ts';
import { addTsn, type DataFields, FIRST_FRAGMENT, LAST_FRAGMENT, tsnDistance, UNORDERED } from './packet.ts';
import { ReceivedNumbers } from './received-numbers.ts';

/** What we tell the peer that it may have on its way or waiting behind a lost packet; four of the largest messages. */
export const RECEIVE_WINDOW_BYTES = 256 * 1024;
/** What is kept of messages that are not whole, or wait for one before them. No peer that keeps to the window gets there. */
const MAX_HELD_BYTES = RECEIVE_WINDOW_BYTES + 64 * 1024;
/** Chunks that arrived behind a lost one. */
const MAX_MISORDERED_CHUNKS = 2048;
const MAX_HELD_CHUNKS = 2 * MAX_MISORDERED_CHUNKS;
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
  /** Fragments of messages that are not whole, by TSN. */
  readonly #fragments = new Map<number, DataFields>();
  #heldBytes = 0;
  #heldChunks = 0;

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

  /** `excess`: the peer holds to no limit, and has to go. */
  receive(chunk: DataFields): 'new' | 'known' | 'excess' {
    const outcome = this.#numbers.add(chunk.tsn);
    if (outcome !== 'new') return 'known';
    let stream = this.#streams.get(chunk.streamId);
    if (!stream) {
      if (this.#streams.size >= MAX_INBOUND_STREAMS) return 'excess';
      stream = { nextSequence: 0, waiting: new Map() };
      this.#streams.set(chunk.streamId, stream);
    }
    const isWhole = (chunk.flags & FIRST_FRAGMENT) !== 0 && (chunk.flags & LAST_FRAGMENT) !== 0;
    if (isWhole) this.#accept(stream, chunk, { ppid: chunk.ppid, payload: chunk.payload });
    else this.#keepFragment(stream, chunk);
    const isExcess =
      this.#numbers.ahead > MAX_MISORDERED_CHUNKS ||
      this.#heldChunks > MAX_HELD_CHUNKS ||
      this.#heldBytes > MAX_HELD_BYTES;
    return isExcess ? 'excess' : 'new';
  }

  /** The peer gives up what it sent up to `tsn`, and ordered messages up to these numbers (RFC 3758 §3.6). */
  skipTo(tsn: number, skipped: Iterable<readonly [streamId: number, streamSequence: number]>): void {
    if (!this.#numbers.skipTo(tsn)) return;
    for (const [fragmentTsn, fragment] of this.#fragments) {
      if (tsnDistance(fragmentTsn, tsn) >= 0) this.#dropFragment(fragment);
    }
    for (const [streamId, streamSequence] of skipped) {
      const stream = this.#streams.get(streamId);
      const count = stream ? sequenceDistance(stream.nextSequence, streamSequence) : -1;
      if (!stream || count < 0) continue;
      for (const [sequence, message] of [...stream.waiting].sort((a, b) => sequenceDistance(b[0], a[0]))) {
        if (sequenceDistance(sequence, streamSequence) >= 0) this.#handOut(streamId, stream, sequence, message);
      }
      stream.nextSequence = (streamSequence + 1) & 0xffff;
      this.#handOutWaiting(streamId, stream);
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

  #keepFragment(stream: InboundStream, view: DataFields): void {
    const chunk = { ...view, payload: ownCopy(view.payload) };
    this.#fragments.set(chunk.tsn, chunk);
    this.#heldBytes += chunk.payload.length;
    this.#heldChunks++;
    // In order, only the last fragment makes a message whole; out of order, also one that fills a gap.
    if ((chunk.flags & LAST_FRAGMENT) === 0 && !this.#fragments.has(addTsn(chunk.tsn, 1))) return;
    const fragments = this.#messageAround(chunk);
    const [first] = fragments;
    if (!first) return;
    for (const fragment of fragments) this.#dropFragment(fragment);
    const payload = Buffer.concat(fragments.map((fragment) => fragment.payload));
    this.#accept(stream, first, { ppid: first.ppid, payload });
  }

  /** All fragments of the message that `chunk` belongs to; none when some are missing. */
  #messageAround(chunk: DataFields): DataFields[] {
    const fragments = [chunk];
    const isSame = (other: DataFields | undefined) =>
      other?.streamId === chunk.streamId && ((other.flags ^ chunk.flags) & UNORDERED) === 0;
    for (let last = chunk; (last.flags & LAST_FRAGMENT) === 0; ) {
      const next = this.#fragments.get(addTsn(last.tsn, 1));
      if (!next || !isSame(next) || (next.flags & FIRST_FRAGMENT) !== 0) return [];
      fragments.push(next);
      last = next;
    }
    const before: DataFields[] = [];
    for (let first = chunk; (first.flags & FIRST_FRAGMENT) === 0; ) {
      const previous = this.#fragments.get(addTsn(first.tsn, -1));
      if (!previous || !isSame(previous) || (previous.flags & LAST_FRAGMENT) !== 0) return [];
      before.push(previous);
      first = previous;
    }
    return [...before.reverse(), ...fragments];
  }

  #dropFragment(fragment: DataFields): void {
    if (!this.#fragments.delete(fragment.tsn)) return;
    this.#heldBytes -= fragment.payload.length;
    this.#heldChunks--;
  }

  #accept(stream: InboundStream, { streamId, flags, streamSequence }: DataFields, message: InboundMessage): void {
    if ((flags & UNORDERED) !== 0) {
      this.#deliver(streamId, message.ppid, message.payload);
      return;
    }
    const distance = sequenceDistance(stream.nextSequence, streamSequence);
    if (distance < 0 || stream.waiting.has(streamSequence)) return;
    if (distance === 0) {
      stream.nextSequence = (streamSequence + 1) & 0xffff;
      this.#deliver(streamId, message.ppid, message.payload);
      if (stream.waiting.size > 0) this.#handOutWaiting(streamId, stream);
      return;
    }
    stream.waiting.set(streamSequence, { ppid: message.ppid, payload: ownCopy(message.payload) });
    this.#heldBytes += message.payload.length;
    this.#heldChunks++;
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
    this.#heldBytes -= payload.length;
    this.#heldChunks--;
  }
}

/** A view of one byte would keep a whole record in memory, and a slice of Node's pool its whole pool. */
function ownCopy(view: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(view.length);
  copy.set(view);
  return copy;
}
