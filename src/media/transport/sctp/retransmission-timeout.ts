// How long to wait for an acknowledgement (RFC 9260 §6.3.1): from measured round trips, doubled by each wait in vain.
// It must not know what waits, nor a clock.

const INITIAL_MS = 1_000;
/** RFC 9260 says 1 s. Less heals a lost last packet sooner, and is still twice what a peer may delay its SACK (200 ms). */
const MIN_MS = 400;
/** RFC 9260 says 60 s. A phone that finds a network again must not wait so long; transports end after 30 s of silence. */
const MAX_MS = 5_000;
const ALPHA = 1 / 8;
const BETA = 1 / 4;

export class RetransmissionTimeout {
  #smoothedMs = -1;
  #variationMs = 0;
  #currentMs = INITIAL_MS;

  get currentMs(): number {
    return this.#currentMs;
  }

  /** A round trip of a chunk that was sent once (Karn's rule). */
  measured(roundTripMs: number): void {
    if (this.#smoothedMs < 0) {
      this.#smoothedMs = roundTripMs;
      this.#variationMs = roundTripMs / 2;
    } else {
      this.#variationMs += BETA * (Math.abs(this.#smoothedMs - roundTripMs) - this.#variationMs);
      this.#smoothedMs += ALPHA * (roundTripMs - this.#smoothedMs);
    }
    this.#currentMs = Math.min(MAX_MS, Math.max(MIN_MS, this.#smoothedMs + 4 * this.#variationMs));
  }

  expired(): void {
    this.#currentMs = Math.min(MAX_MS, this.#currentMs * 2);
  }
}
