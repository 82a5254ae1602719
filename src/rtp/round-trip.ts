// How long a packet takes there and back, smoothed (as RFC 6298 §2 smooths).
// It must not know what was measured.

/** Until something was measured. */
const ASSUMED_MS = 100;
/** What is shorter was on its way already; what is longer got lost and was sent by another request. */
const MIN_MS = 5;
const MAX_MS = 1000;
const SMOOTHING = 1 / 8;

export class RoundTrip {
  #ms: number | undefined;

  get ms(): number {
    return this.#ms ?? ASSUMED_MS;
  }

  measured(ms: number): void {
    const plausible = Math.min(MAX_MS, Math.max(MIN_MS, ms));
    this.#ms = this.#ms === undefined ? plausible : this.#ms + (plausible - this.#ms) * SMOOTHING;
  }
}
