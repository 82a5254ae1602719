// How far the publisher's clock lies behind ours, from reports that took an unknown while to come.
// Pure; it must not know reports or packets.

/** The smallest offset of so long counts: long enough for an undelayed report, short enough to follow a clock that drifts or is set. */
const WINDOW_MS = 20_000;

/**
 * The smallest recent (our time at arrival − their time at sending): delay only ever adds to it (as in RFC 5905 §10).
 * Kept for the current window and the one before.
 */
export class ClockOffset {
  #windowBeganMs: number | undefined;
  #current = Number.POSITIVE_INFINITY;
  #previous = Number.POSITIVE_INFINITY;

  /** Takes an offset seen now, and gives the best known one; all in ms. */
  observe(offsetMs: number, nowMs: number): number {
    if (this.#windowBeganMs === undefined || nowMs - this.#windowBeganMs >= WINDOW_MS) {
      this.#previous = this.#current;
      this.#current = Number.POSITIVE_INFINITY;
      this.#windowBeganMs = nowMs;
    }
    this.#current = Math.min(this.#current, offsetMs);
    return Math.min(this.#current, this.#previous);
  }
}
