// The viewers of a relay that catch up: steps each of them every few ms, and never for so long that the others wait.
// It must not know how one catches up, or who should.

import { CatchUp, type Followed, type Latecomer } from './catch-up.ts';

const STEP_EVERY_MS = 5;
/** Of each step's time for all of a worker's viewers that catch up: those who are live come first. */
const MAX_STEP_MS = 3;

/** The time that catching up takes, of all broadcasts of a worker together. */
export class CatchUpBudget {
  #beganMs = Number.NEGATIVE_INFINITY;
  #usedMs = 0;

  isSpent(nowMs: number): boolean {
    if (nowMs - this.#beganMs >= STEP_EVERY_MS) {
      this.#beganMs = nowMs;
      this.#usedMs = 0;
    }
    return this.#usedMs >= MAX_STEP_MS;
  }

  used(ms: number): void {
    this.#usedMs += ms;
  }
}

export interface LatecomersOptions<V> {
  readonly now: () => number;
  readonly budget: CatchUpBudget;
  /** Wraps the work, so that it counts as sending. */
  readonly measure: (work: () => void) => void;
  /** It was sent its first packets. */
  readonly onBegun: (viewer: V, nowMs: number) => void;
  /** It has all that it missed. */
  readonly onLive: (viewer: V, nowMs: number) => void;
  /** It cannot go on: it waits for a key frame again. */
  readonly onLost: (viewer: V) => void;
}

interface Behind {
  readonly catchUp: CatchUp;
  hasBegun: boolean;
}

export class Latecomers<V> {
  readonly #options: LatecomersOptions<V>;
  /** In the order of their turns. */
  readonly #behind = new Map<V, Behind>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LatecomersOptions<V>) {
    this.#options = options;
  }

  /** At this moment. */
  get viewers(): V[] {
    return [...this.#behind.keys()];
  }

  has(viewer: V): boolean {
    return this.#behind.has(viewer);
  }

  /** Begins at once, if there is time. `seenUntil`: the timestamp of what it saw last, if it saw something. */
  add(viewer: V, latecomer: Latecomer, followed: Followed, seenUntil?: number): void {
    const { now, budget } = this.#options;
    const nowMs = now();
    const behind = { catchUp: new CatchUp(latecomer, followed, nowMs, seenUntil), hasBegun: false };
    this.#behind.set(viewer, behind);
    if (!budget.isSpent(nowMs)) this.#step(viewer, behind);
    if (this.#behind.size > 0) this.#timer ??= setInterval(() => this.#stepAll(), STEP_EVERY_MS);
  }

  /** It left, or begins in another way. */
  remove(viewer: V): void {
    this.#behind.delete(viewer);
    this.#rest();
  }

  close(): void {
    this.#behind.clear();
    this.#rest();
  }

  #stepAll(): void {
    const { now, budget } = this.#options;
    for (const [viewer, behind] of [...this.#behind]) {
      if (budget.isSpent(now())) break;
      this.#step(viewer, behind);
    }
    this.#rest();
  }

  #step(viewer: V, behind: Behind): void {
    const { now, budget, measure, onBegun, onLive, onLost } = this.#options;
    const nowMs = now();
    // Behind the others, whose turn it is next.
    this.#behind.delete(viewer);
    this.#behind.set(viewer, behind);
    measure(() => {
      const state = behind.catchUp.step(nowMs);
      if (state !== 'behind') this.#behind.delete(viewer);
      if (state === 'lost') onLost(viewer);
      else if (!behind.hasBegun) onBegun(viewer, nowMs);
      behind.hasBegun = true;
      if (state === 'live') onLive(viewer, nowMs);
    });
    budget.used(now() - nowMs);
  }

  #rest(): void {
    if (this.#behind.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
