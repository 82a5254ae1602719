// When the packets of one transport came, by their transport-wide numbers, and which of them to report now
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2). It must not know SSRCs, RTCP bytes, clocks or timers.

import { isRestart, MAX_DROPOUT, unwrapSequence } from './sequence.ts';

/** Packets from `baseSequence` on, in their order: when each came, in ms; undefined when it did not. The last one did. */
export interface ArrivalReport {
  /** 16 bits. */
  readonly baseSequence: number;
  readonly arrivals: readonly (number | undefined)[];
}

/** More than a restart of the numbers (MAX_DROPOUT) lies apart; a power of two. */
const REMEMBERED = 4096;
/**
 * A packet that comes after its number was reported lost is worth one more report, unless so many came since that the
 * sender has long forgotten it.
 */
const MAX_REOPENED = 1000;

/** As libwebrtc does: twenty times a second for a sender that fills a link, ten for a trickle of audio. */
const BUSY_INTERVAL_MS = 50;
const QUIET_INTERVAL_MS = 100;
/** From so many packets since the last report a sender counts as busy (about 2 Mb/s). */
const BUSY_PACKETS = 10;

export class TransportWideRecorder {
  /** By number modulo REMEMBERED. */
  readonly #numbers = new Float64Array(REMEMBERED).fill(Number.NaN);
  readonly #arrivals = new Float64Array(REMEMBERED);
  /** Without wrap-around. */
  #highest: number | undefined;
  /** The first number that the next report is about. */
  #next = 0;
  #newPackets = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  /** Every packet with such a number, whatever it carries. `sequence` has 16 bits; `arrivedAtMs` should have fractions. */
  received(sequence: number, arrivedAtMs: number): void {
    if (this.#highest === undefined || isRestart(this.#highest & 0xffff, sequence)) {
      this.#numbers.fill(Number.NaN);
      this.#highest = sequence;
      this.#next = sequence;
      this.#record(sequence, arrivedAtMs);
      return;
    }
    const number = unwrapSequence(this.#highest, sequence);
    if (this.#at(number) !== undefined || this.#highest - number > MAX_REOPENED) return;
    this.#highest = Math.max(this.#highest, number);
    this.#next = Math.min(this.#next, number);
    this.#record(number, arrivedAtMs);
  }

  /** What came since the last report, when one is due. Also says again what came between, when a packet came late. */
  due(nowMs: number): ArrivalReport | undefined {
    if (this.#highest === undefined || this.#newPackets === 0) return undefined;
    const intervalMs = this.#newPackets >= BUSY_PACKETS ? BUSY_INTERVAL_MS : QUIET_INTERVAL_MS;
    if (nowMs - this.#reportedAtMs < intervalMs) return undefined;
    const base = Math.max(this.#next, this.#highest - MAX_DROPOUT);
    const arrivals = Array.from({ length: this.#highest - base + 1 }, (_, step) => this.#at(base + step));
    this.#next = this.#highest + 1;
    this.#newPackets = 0;
    this.#reportedAtMs = nowMs;
    return { baseSequence: base & 0xffff, arrivals };
  }

  #record(number: number, arrivedAtMs: number): void {
    this.#numbers[number & (REMEMBERED - 1)] = number;
    this.#arrivals[number & (REMEMBERED - 1)] = arrivedAtMs;
    this.#newPackets++;
  }

  #at(number: number): number | undefined {
    const at = number & (REMEMBERED - 1);
    return this.#numbers[at] === number ? this.#arrivals[at] : undefined;
  }
}
