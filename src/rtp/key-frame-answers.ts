// Whether a publisher answers when it is asked for a key frame: OBS and FFmpeg do not. It must not know RTCP, sources
// or who asks; it is told the time.

/** A key frame that comes later than this was coming anyway. */
const ANSWER_MS = 1_000;

export class KeyFrameAnswers {
  /** Of the first request since the last key frame. */
  #askedAtMs: number | undefined;
  #ignored = false;

  asked(nowMs: number): void {
    this.#askedAtMs ??= nowMs;
  }

  /** A key frame came. */
  seen(nowMs: number): void {
    if (this.#askedAtMs === undefined) return;
    this.#ignored = nowMs - this.#askedAtMs > ANSWER_MS;
    this.#askedAtMs = undefined;
  }

  /** Another source: what the one before did says nothing about it. */
  forget(isDeaf = false): void {
    this.#askedAtMs = undefined;
    this.#ignored = isDeaf;
  }

  /** The last request came to nothing. */
  isDeaf(nowMs: number): boolean {
    return this.#ignored || (this.#askedAtMs !== undefined && nowMs - this.#askedAtMs > ANSWER_MS);
  }
}
