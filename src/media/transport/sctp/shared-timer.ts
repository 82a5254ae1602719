// One timer for all associations of a thread: it runs only while one of them awaits something.
// It must not know what they await.

/** How exact deadlines are: far below the shortest timeout. */
const LOOK_EVERY_MS = 100;
/** A look that comes so late finds acknowledgements that wait at the socket: the thread was busy, not the peers silent. */
const LATE_MS = 2 * LOOK_EVERY_MS;

export interface Timed {
  /** Infinite while nothing is awaited. */
  readonly dueAtMs: number;
  timedOut(nowMs: number): void;
}

export class SharedTimer {
  readonly #now: () => number;
  readonly #awaiting = new Set<Timed>();
  #timer: NodeJS.Timeout | undefined;
  #lookedAtMs = 0;
  #gaveTime = false;

  /** @param now ms that only go forward */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Looks at this one's deadline from now on, until it has none. Cheap when called again. */
  watch(timed: Timed): void {
    this.#awaiting.add(timed);
    if (this.#timer) return;
    this.#lookedAtMs = this.#now();
    // Unreferenced: what is awaited here is no reason for a process to stay.
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  #look(): void {
    const nowMs = this.#now();
    const isLate = nowMs - this.#lookedAtMs > LATE_MS;
    this.#lookedAtMs = nowMs;
    // Once in a row: who is always late has to look at some time.
    this.#gaveTime = isLate && !this.#gaveTime;
    if (this.#gaveTime) return;
    for (const timed of this.#awaiting) {
      if (timed.dueAtMs === Number.POSITIVE_INFINITY) this.#awaiting.delete(timed);
      else if (timed.dueAtMs <= nowMs) timed.timedOut(nowMs);
    }
    if (this.#awaiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
