// Whether a publisher that is there sends no video for now: its camera is off, and what it showed last is not its picture
// any more. One of which nothing is heard is another matter, since its picture goes on. Time is an argument.

/** So long at least, and never longer than the most; between them so many of the intervals at which frames came. */
const LEAST_PAUSE_MS = 2_000;
const MOST_PAUSE_MS = 10_000;
const PAUSE_INTERVALS = 5;
/** How much the newest interval counts when it is shorter than those before. */
const INTERVAL_GAIN = 1 / 8;

export class VideoPause {
  #timestamp: number | undefined;
  /** Of the newest frame, or since when one is due; undefined before. */
  #frameAtMs: number | undefined;
  #intervalMs = 0;
  /** The first sign of life without video. */
  #quietSinceMs: number | undefined;
  #hasBegun = false;

  /** From now on video is due. */
  due(nowMs: number): void {
    this.#frameAtMs ??= nowMs;
  }

  /** A packet of video, by the RTP timestamp of its frame. */
  arrived(timestamp: number, nowMs: number): void {
    this.#quietSinceMs = undefined;
    this.#hasBegun = false;
    if (timestamp === this.#timestamp) return;
    const gapMs = this.#timestamp === undefined ? 0 : nowMs - (this.#frameAtMs ?? nowMs);
    const smoothedMs = this.#intervalMs + (gapMs - this.#intervalMs) * INTERVAL_GAIN;
    this.#intervalMs = Math.min(MOST_PAUSE_MS, Math.max(gapMs, smoothedMs));
    this.#timestamp = timestamp;
    this.#frameAtMs = nowMs;
  }

  /**
   * True once, when a pause begins.
   * @param heardAtMs when anything at all came from the publisher
   */
  begins(heardAtMs: number): boolean {
    if (this.#hasBegun || this.#frameAtMs === undefined || heardAtMs <= this.#frameAtMs) return false;
    // Not since the last frame: after an outage everything comes back at once, and other things may be first.
    this.#quietSinceMs ??= heardAtMs;
    const pauseMs = Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, PAUSE_INTERVALS * this.#intervalMs));
    this.#hasBegun = heardAtMs - this.#quietSinceMs > pauseMs;
    return this.#hasBegun;
  }
}
