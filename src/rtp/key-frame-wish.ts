// When to ask the publisher for a key frame, for all viewers of a layer together.
// It must not know who wishes, RTCP or timers: it is told the time.

export interface KeyFrameWishOptions {
  /** Least time between two requests. */
  readonly throttleMs?: number;
  /** A request that shows no effect for so long is repeated. */
  readonly repeatMs?: number;
}

const DEFAULT_THROTTLE_MS = 500;
const DEFAULT_REPEAT_MS = 1000;

export class KeyFrameWish {
  readonly #throttleMs: number;
  readonly #repeatMs: number;
  #requestedAtMs = Number.NEGATIVE_INFINITY;
  /** `wished`: not asked for yet. `requested`: asked for, not seen yet. */
  #state: 'none' | 'wished' | 'requested' = 'none';

  constructor({ throttleMs = DEFAULT_THROTTLE_MS, repeatMs = DEFAULT_REPEAT_MS }: KeyFrameWishOptions = {}) {
    this.#throttleMs = throttleMs;
    this.#repeatMs = repeatMs;
  }

  /** Whether a key frame is wished for and was not seen yet. */
  get isPending(): boolean {
    return this.#state !== 'none';
  }

  /** Somebody needs a key frame. True when the request must be sent now; else `due` will tell. */
  wish(nowMs: number): boolean {
    this.#state = 'wished';
    return this.due(nowMs);
  }

  /** Whether a request must be sent now, a late or a repeated one. It counts as sent. */
  due(nowMs: number): boolean {
    if (this.#state === 'none') return false;
    const waitMs = this.#state === 'wished' ? this.#throttleMs : this.#repeatMs;
    if (nowMs - this.#requestedAtMs < waitMs) return false;
    this.#requestedAtMs = nowMs;
    this.#state = 'requested';
    return true;
  }

  /** A key frame arrived: nobody waits any more. */
  seen(): void {
    this.#state = 'none';
  }
}
