// Which packets of one source are missing, and when to ask the publisher for them again (RFC 4585 §6.2.1).
// It must not know RTCP bytes, sockets or timers: it is asked what is due.

import { isRestart, unwrapSequence } from './sequence.ts';

export interface NackTrackerOptions {
  /** A packet may be overtaken for so long before it counts as lost. */
  readonly reorderToleranceMs?: number;
  readonly maxTries?: number;
  /** From when it was noticed; later the publisher does not have it any more either. */
  readonly maxAgeMs?: number;
}

const DEFAULT_REORDER_TOLERANCE_MS = 10;
const DEFAULT_MAX_TRIES = 10;
const DEFAULT_MAX_AGE_MS = 2000;
/** More missing packets than this are not worth asking for one by one. */
const MAX_MISSING = 1000;
/** So that one NACK packet holds them, however far apart they lie. */
const MAX_PER_REQUEST = 256;
/** The publisher needs a moment to answer, and we are asked only so often. */
const ANSWER_MARGIN_MS = 10;

interface MissingPacket {
  readonly noticedAtMs: number;
  tries: number;
  firstAskedAtMs: number;
  lastAskedAtMs: number;
}

const NOTHING: readonly number[] = [];

export class NackTracker {
  readonly #reorderToleranceMs: number;
  readonly #maxTries: number;
  readonly #maxAgeMs: number;
  /** Highest number received, without wrap-around. */
  #highest: number | undefined;
  /** By number without wrap-around, rising. */
  readonly #missing = new Map<number, MissingPacket>();
  #gaveUp = false;
  /** As it was last told. */
  #rttMs = 0;
  #isMeasured = false;
  /** Answers come as retransmissions (RFC 4588), told apart from what was only late. */
  #isRtxUsed = false;

  constructor({
    reorderToleranceMs = DEFAULT_REORDER_TOLERANCE_MS,
    maxTries = DEFAULT_MAX_TRIES,
    maxAgeMs = DEFAULT_MAX_AGE_MS,
  }: NackTrackerOptions = {}) {
    this.#reorderToleranceMs = reorderToleranceMs;
    this.#maxTries = maxTries;
    this.#maxAgeMs = maxAgeMs;
  }

  get missingCount(): number {
    return this.#missing.size;
  }

  /** Whether this number is behind the highest and has not come. */
  isMissing(sequence: number): boolean {
    return this.#highest !== undefined && this.#missing.has(unwrapSequence(this.#highest, sequence));
  }

  /**
   * Every packet of the source, also padding and repetitions. Gives the round trip in ms when it answers a request, and
   * it is clear which.
   */
  received(sequence: number, nowMs: number): number | undefined {
    if (this.#highest === undefined) {
      this.#highest = sequence;
      return undefined;
    }
    if (isRestart(this.#highest & 0xffff, sequence)) {
      this.#missing.clear();
      this.#highest = sequence;
      this.#gaveUp = true;
      return undefined;
    }
    const number = unwrapSequence(this.#highest, sequence);
    if (number <= this.#highest) return this.#found(number, nowMs, !this.#isRtxUsed);
    for (let passed = this.#highest + 1; passed < number; passed++) {
      this.#missing.set(passed, { noticedAtMs: nowMs, tries: 0, firstAskedAtMs: 0, lastAskedAtMs: 0 });
    }
    this.#highest = number;
    if (this.#missing.size > MAX_MISSING) {
      this.#missing.clear();
      this.#gaveUp = true;
    }
    return undefined;
  }

  /** A retransmission under an SSRC of its own (RFC 4588), by its original number; gives the round trip as `received`. */
  receivedAgain(sequence: number, nowMs: number): number | undefined {
    this.#isRtxUsed = true;
    return this.#highest === undefined ? undefined : this.#found(unwrapSequence(this.#highest, sequence), nowMs, true);
  }

  /**
   * The sequence numbers to ask for now, rising, at most 256; they count as asked for. Each is asked for once in a
   * round trip. Call it every 10 ms or so, and after packets; `rttMs` is an estimate.
   */
  due(nowMs: number, rttMs: number): readonly number[] {
    this.#rttMs = rttMs;
    if (this.#missing.size === 0) return NOTHING;
    const due: number[] = [];
    for (const [number, packet] of this.#missing) {
      const hasToWait =
        packet.tries === 0
          ? nowMs - packet.noticedAtMs < this.#reorderToleranceMs
          : nowMs - packet.lastAskedAtMs < rttMs + ANSWER_MARGIN_MS;
      if (hasToWait) continue;
      if (packet.tries >= this.#maxTries || nowMs - packet.noticedAtMs >= this.#maxAgeMs) {
        this.#missing.delete(number);
        this.#gaveUp = true;
        continue;
      }
      if (due.length === MAX_PER_REQUEST) break;
      if (packet.tries === 0) packet.firstAskedAtMs = nowMs;
      packet.tries++;
      packet.lastAskedAtMs = nowMs;
      due.push(number & 0xffff);
    }
    return due;
  }

  /** Whether packets were given up since the last call: only a key frame helps now. */
  takeGiveUp(): boolean {
    const gaveUp = this.#gaveUp;
    this.#gaveUp = false;
    return gaveUp;
  }

  /** Nobody waits for this source: what is missing is neither asked for nor given up. */
  forget(): void {
    this.#missing.clear();
    this.#gaveUp = false;
  }

  #found(number: number, nowMs: number, isAnswer: boolean): number | undefined {
    const packet = this.#missing.get(number);
    if (!packet) return undefined;
    this.#missing.delete(number);
    if (!isAnswer || packet.tries === 0) return undefined;
    // After more than one request nobody knows which was answered, unless the last was sent too late for it. Then, and
    // while nothing was measured, the round trip is longer than we thought and would never be measured otherwise.
    const isClear = packet.tries === 1;
    if (!isClear && this.#isMeasured && nowMs - packet.lastAskedAtMs >= this.#rttMs) return undefined;
    this.#isMeasured = true;
    return nowMs - packet.firstAskedAtMs;
  }

  /** A key frame began with this packet: nobody needs what is missing before it. */
  forgetBefore(sequence: number): void {
    if (this.#highest === undefined) return;
    const number = unwrapSequence(this.#highest, sequence);
    for (const missing of this.#missing.keys()) {
      if (missing >= number) return;
      this.#missing.delete(missing);
    }
  }
}
