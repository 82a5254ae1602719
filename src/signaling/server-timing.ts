// Takes the time of one request's parts, for the header `Server-Timing` (W3C Server Timing). It must not know what the parts are.

interface Lap {
  readonly name: string;
  readonly ms: number;
}

export class ServerTiming {
  readonly startedAtMs: number;
  readonly #now: () => number;
  readonly #laps: Lap[] = [];
  #lapAtMs: number;

  /** @param now ms with fractions, that only go forward */
  constructor(now: () => number) {
    this.#now = now;
    this.startedAtMs = now();
    this.#lapAtMs = this.startedAtMs;
  }

  /** What has happened since the last lap was this. @param name a token (RFC 9110 §5.6.2) */
  lap(name: string): void {
    const nowMs = this.#now();
    this.#laps.push({ name, ms: nowMs - this.#lapAtMs });
    this.#lapAtMs = nowMs;
  }

  /** When the last lap ended. */
  get lapAtMs(): number {
    return this.#lapAtMs;
  }

  /** `read;dur=0.4, worker;dur=2.1, total;dur=2.5`, in ms. */
  get header(): string {
    return [...this.#laps, { name: 'total', ms: this.#lapAtMs - this.startedAtMs }]
      .map(({ name, ms }) => `${name};dur=${ms.toFixed(1)}`)
      .join(', ');
  }
}
