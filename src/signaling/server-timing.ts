// Takes the time of one request's parts, for the header `Server-Timing` (W3C Server Timing). It must not know what the parts are.

interface Lap {
  readonly name: string;
  readonly ms: number;
}

export class ServerTiming {
  readonly #now: () => number;
  readonly #startedAtMs: number;
  readonly #laps: Lap[] = [];
  #lapStartedAtMs: number;

  /** @param now ms with fractions, that only go forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedAtMs = now();
    this.#lapStartedAtMs = this.#startedAtMs;
  }

  /** What has happened since the last lap was this. @param name a token (RFC 9110 §5.6.2) */
  lap(name: string): void {
    const nowMs = this.#now();
    this.#laps.push({ name, ms: nowMs - this.#lapStartedAtMs });
    this.#lapStartedAtMs = nowMs;
  }

  /** Until the last lap. */
  get totalMs(): number {
    return this.#lapStartedAtMs - this.#startedAtMs;
  }

  /** `read;dur=0.4, worker;dur=2.1, total;dur=2.5`, in ms. */
  get header(): string {
    return [...this.#laps, { name: 'total', ms: this.totalMs }]
      .map(({ name, ms }) => `${name};dur=${ms.toFixed(1)}`)
      .join(', ');
  }
}
