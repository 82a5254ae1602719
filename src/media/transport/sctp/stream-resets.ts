// How streams end (RFC 6525 §4 and §5, as RFC 8831 §6.7 uses it): the peer resets its half, we reset ours in return.
// Pure: time is an argument. It must not know data channels, nor how chunks travel.

import { addTsn, type Parameter, readParameters, tsnDistance, writeParameter } from './packet.ts';

const OUTGOING_RESET = 13;
const RESPONSE = 16;
const ADD_OUTGOING_STREAMS = 17;
/** Incoming reset (14), SSN and TSN reset (15), incoming streams (18): nobody asks for them in WebRTC. */
const OTHER_REQUESTS: ReadonlySet<number> = new Set([14, 15, 18]);

const PERFORMED = 1;
const DENIED = 2;
const BAD_SEQUENCE = 5;
const IN_PROGRESS = 6;

/** Streams that one request of ours names. */
const MAX_STREAMS_IN_REQUEST = 256;
/** Streams that wait for our half to end; a peer that wants more does not get it. */
const MAX_STREAMS_WAITING = 1024;
const REPEAT_REQUEST_MS = 1_000;

export interface StreamResetsOptions {
  readonly localInitialTsn: number;
  readonly remoteInitialTsn: number;
  /** The last TSN before the first gap of what came. */
  readonly receivedTsn: () => number;
  /** The last TSN that we gave to anything. */
  readonly sentTsn: () => number;
  /** Something of ours on this stream is not acknowledged. */
  readonly isUsing: (streamId: number) => boolean;
  /** The peer's half ended: numbers begin anew. @returns which streams that were */
  readonly resetInbound: (streamIds: readonly number[]) => readonly number[];
  readonly resetOutbound: (streamIds: readonly number[]) => void;
  /** Sends a RE-CONFIG chunk of this body. */
  readonly transmit: (body: Buffer) => void;
  /** The peer closed these streams. */
  readonly onReset: (streamIds: readonly number[]) => void;
}

interface Request {
  readonly sequence: number;
  readonly streamIds: readonly number[];
  readonly body: Buffer;
}

export class StreamResets {
  readonly #options: StreamResetsOptions;
  /** Number of the peer's next request, and how the one before was answered. */
  #nextRemoteSequence: number;
  #lastResult = DENIED;
  #nextLocalSequence: number;
  /** Streams whose outgoing half has to end when nothing is on its way in it. */
  readonly #waiting = new Set<number>();
  #request: Request | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;

  constructor(options: StreamResetsOptions) {
    this.#options = options;
    this.#nextLocalSequence = options.localInitialTsn;
    this.#nextRemoteSequence = options.remoteInitialTsn;
  }

  /** When the request has to be repeated. */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** The peer has not yet answered that this stream begins anew: what is sent now might be taken for a repetition (§5.1.2 A1). */
  isResetting(streamId: number): boolean {
    return this.#request?.streamIds.includes(streamId) ?? false;
  }

  /**
   * The bodies of a packet's RE-CONFIG chunks. One request of a packet is answered: a peer may have no more under way
   * (§5.1.1), and asks again for what it hears nothing of.
   */
  receive(bodies: readonly Buffer[], nowMs: number): void {
    let hasAnswered = false;
    for (const parameter of bodies.flatMap(readParameters)) {
      if (parameter.type === RESPONSE) this.#answered(parameter.value, nowMs);
      else if (!hasAnswered) hasAnswered = this.#receiveRequest(parameter);
    }
    this.proceed(nowMs);
  }

  /** Sends what can be sent now: called when something of ours was acknowledged. */
  proceed(nowMs: number): void {
    if (this.#request || this.#waiting.size === 0) return;
    const streamIds = [...this.#waiting]
      .filter((streamId) => !this.#options.isUsing(streamId))
      .slice(0, MAX_STREAMS_IN_REQUEST);
    if (streamIds.length === 0) return;
    for (const streamId of streamIds) this.#waiting.delete(streamId);
    const sequence = this.#nextLocalSequence;
    this.#nextLocalSequence = addTsn(sequence, 1);
    const value = Buffer.alloc(12 + 2 * streamIds.length);
    value.writeUInt32BE(sequence, 0);
    value.writeUInt32BE(addTsn(this.#nextRemoteSequence, -1), 4);
    value.writeUInt32BE(this.#options.sentTsn(), 8);
    for (const [index, streamId] of streamIds.entries()) value.writeUInt16BE(streamId, 12 + 2 * index);
    this.#request = { sequence, streamIds, body: writeParameter(OUTGOING_RESET, value) };
    this.#options.resetOutbound(streamIds);
    this.#repeat(nowMs);
  }

  timedOut(nowMs: number): void {
    this.#repeat(nowMs);
  }

  #repeat(nowMs: number): void {
    if (!this.#request) return;
    this.#dueAtMs = nowMs + REPEAT_REQUEST_MS;
    this.#options.transmit(this.#request.body);
  }

  #answered(value: Buffer, nowMs: number): void {
    if (!this.#request || value.length < 8 || value.readUInt32BE(0) !== this.#request.sequence) return;
    if (value.readUInt32BE(4) === IN_PROGRESS) {
      this.#dueAtMs = nowMs + REPEAT_REQUEST_MS;
      return;
    }
    this.#request = undefined;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
  }

  /** @returns whether it was answered */
  #receiveRequest({ type, value }: Parameter): boolean {
    const isReset = type === OUTGOING_RESET;
    if (!isReset && type !== ADD_OUTGOING_STREAMS && !OTHER_REQUESTS.has(type)) return false;
    if (value.length < (isReset ? 12 : 4)) return false;
    const sequence = value.readUInt32BE(0);
    const distance = tsnDistance(this.#nextRemoteSequence, sequence);
    // Its last one again, because our answer was lost.
    if (distance === -1) this.#answer(sequence, this.#lastResult);
    else if (distance !== 0) this.#answer(sequence, BAD_SEQUENCE);
    else if (isReset) this.#resetInbound(sequence, value);
    else this.#settle(sequence, type === ADD_OUTGOING_STREAMS ? PERFORMED : DENIED);
    return true;
  }

  #resetInbound(sequence: number, value: Buffer): void {
    // Something sent before the reset is still missing (§5.2.2 E2): the peer asks again.
    if (tsnDistance(this.#options.receivedTsn(), value.readUInt32BE(8)) > 0) {
      this.#answer(sequence, IN_PROGRESS);
      return;
    }
    const named = Array.from({ length: (value.length - 12) >> 1 }, (_, index) => value.readUInt16BE(12 + 2 * index));
    this.#settle(sequence, PERFORMED);
    const streamIds = this.#options.resetInbound(named);
    for (const streamId of streamIds) if (this.#waiting.size < MAX_STREAMS_WAITING) this.#waiting.add(streamId);
    this.#options.onReset(streamIds);
  }

  #settle(sequence: number, result: number): void {
    this.#nextRemoteSequence = addTsn(sequence, 1);
    this.#lastResult = result;
    this.#answer(sequence, result);
  }

  #answer(sequence: number, result: number): void {
    const value = Buffer.alloc(8);
    value.writeUInt32BE(sequence, 0);
    value.writeUInt32BE(result, 4);
    this.#options.transmit(writeParameter(RESPONSE, value));
  }
}
