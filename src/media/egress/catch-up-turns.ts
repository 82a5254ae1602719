// Whose turn it is of a worker's viewers that catch up, of all broadcasts together, and what they may take: those who are
// live come first. It must not know viewers, packets, or how one catches up.

const STEP_EVERY_MS = 5;
/** Of each step's time. */
const MAX_STEP_MS = 3;
/**
 * Of all workers together: half of what a gigabit card carries. A hundred joiners of 6 Mb/s would fill it with what they
 * missed, at the cost of all who are live.
 */
const MAX_BYTES_PER_SECOND = 64_000_000;
/** Of a worker at least, however many there are: a few joiners at their full pace. */
const LEAST_BYTES_PER_SECOND = 16_000_000;
/** So much is left of quiet times: some key frames. */
const SAVED_MS = 20;

/** One viewer's place in the row. */
export interface CatchUpTurn {
  /** Sends what is due, and tells how many bytes that was. */
  take(nowMs: number): number;
}

export class CatchUpTurns {
  readonly #now: () => number;
  readonly #bytesPerMs: number;
  /** Who had none yet, and so no picture: before all others. */
  readonly #first = new Set<CatchUpTurn>();
  /** In their order. */
  readonly #next = new Set<CatchUpTurn>();
  #timer: NodeJS.Timeout | undefined;
  #beganMs = Number.NEGATIVE_INFINITY;
  #usedMs = 0;
  /** Below 0 after a frame that was larger than what was left: it goes out whole. */
  #bytes = 0;
  #filledAtMs = Number.NEGATIVE_INFINITY;

  /** @param workers that share the network */
  constructor(now: () => number, workers: number) {
    this.#now = now;
    this.#bytesPerMs = Math.max(LEAST_BYTES_PER_SECOND, MAX_BYTES_PER_SECOND / workers) / 1000;
  }

  /** Its first turn is at once, if there is anything left, and then every few ms until it is removed. */
  add(turn: CatchUpTurn): void {
    this.#first.add(turn);
    if (!this.#isSpent(this.#now())) this.#take(turn);
    if (this.#first.size + this.#next.size > 0) this.#timer ??= setInterval(() => this.#takeAll(), STEP_EVERY_MS);
  }

  remove(turn: CatchUpTurn): void {
    this.#first.delete(turn);
    this.#next.delete(turn);
    if (this.#first.size + this.#next.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #takeAll(): void {
    for (const turn of [...this.#first, ...this.#next]) {
      if (this.#isSpent(this.#now())) return;
      // It may have left because of one before it.
      if (this.#first.has(turn) || this.#next.has(turn)) this.#take(turn);
    }
  }

  #take(turn: CatchUpTurn): void {
    const nowMs = this.#now();
    // Behind the others, whose turn it is next.
    this.#first.delete(turn);
    this.#next.delete(turn);
    this.#next.add(turn);
    this.#bytes -= turn.take(nowMs);
    this.#usedMs += this.#now() - nowMs;
  }

  #isSpent(nowMs: number): boolean {
    if (nowMs - this.#beganMs >= STEP_EVERY_MS) {
      this.#beganMs = nowMs;
      this.#usedMs = 0;
    }
    const earned = Math.max(0, nowMs - this.#filledAtMs) * this.#bytesPerMs;
    this.#bytes = Math.min(SAVED_MS * this.#bytesPerMs, this.#bytes + earned);
    this.#filledAtMs = nowMs;
    return this.#usedMs >= MAX_STEP_MS || this.#bytes <= 0;
  }
}
