// How long a viewer holds its picture back so that messages of the label `timed`, which are made after the frame was captured, find
// their frame on the screen. Pure: time is an argument. It must not know queues, receivers or videos.

/** Messages that are looked at together. */
const WINDOW = 100;
/** A delay is chosen so that of the last messages no more than this share would have been late. */
const LATE_SHARE = 0.02;
/** On top of what was measured: messages come no more regularly than frames. */
const MARGIN_MS = 20;
/** Nobody wants to be further behind than this; who makes messages so late gets them a little after their frame. */
const MAX_DELAY_MS = 300;
/** Receivers take their time to change the delay. */
const SETTLE_MS = 1000;

export class TimedDelay {
  /** @type {number[]} by how many ms each of the last messages was late; 0 for those in time */
  #lateMs = [];
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #delayMs = 0;

  /**
   * A message came.
   * @param {number} lateMs since its frame was shown; 0 when it was not shown yet
   * @param {number} nowMs
   * @returns {number | undefined} another delay that is needed from now on
   */
  came(lateMs, nowMs) {
    if (nowMs - this.#changedAtMs < SETTLE_MS) return undefined;
    this.#lateMs.push(lateMs);
    if (this.#lateMs.length > WINDOW) this.#lateMs.shift();
    const sorted = this.#lateMs.toSorted((a, b) => b - a);
    const stillLateMs = sorted[Math.floor(WINDOW * LATE_SHARE)] ?? 0;
    if (stillLateMs === 0 || this.#delayMs >= MAX_DELAY_MS) return undefined;
    this.#delayMs = Math.min(MAX_DELAY_MS, this.#delayMs + stillLateMs + MARGIN_MS);
    this.#lateMs = [];
    this.#changedAtMs = nowMs;
    return this.#delayMs;
  }
}
