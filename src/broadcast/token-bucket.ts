// A rate limit with room for bursts. Time is an argument; it must not know what it limits.

export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number | undefined;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** True: there was a token, and it is gone now. `share`: of rate and burst, for now; there is room for one at least. */
  take(nowMs: number, share = 1): boolean {
    if (!this.has(nowMs, share)) return false;
    this.#tokens -= 1;
    return true;
  }

  /** True: `take` would find a token. */
  has(nowMs: number, share = 1): boolean {
    // A clock that was set back refills nothing and takes nothing.
    const elapsedMs = Math.max(0, nowMs - (this.#atMs ?? nowMs));
    this.#atMs = nowMs;
    const burst = Math.max(1, this.#burst * share);
    this.#tokens = Math.min(burst, this.#tokens + (elapsedMs * this.#perSecond * share) / 1000);
    return this.#tokens >= 1;
  }
}
