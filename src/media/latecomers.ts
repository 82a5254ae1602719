// The viewers of a relay that catch up: steps each of them every few ms, and never for so long that the others wait.
// It must not know how one catches up, or who should.

import { CatchUp, type Followed, type Latecomer } from './catch-up.ts';

export interface LatecomersOptions<V> {
  readonly now: () => number;
  /** It was sent its first packets. */
  readonly onBegun: (viewer: V, nowMs: number) => void;
  /** It cannot go on: it waits for a key frame again. */
  readonly onLost: (viewer: V) => void;
}

const STEP_EVERY_MS = 5;
/** Of each step's time for all of them together: viewers that are live come first. */
const MAX_STEP_MS = 3;

export class Latecomers<V> {
  readonly #options: LatecomersOptions<V>;
  /** In the order of their turns. */
  readonly #behind = new Map<V, CatchUp>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LatecomersOptions<V>) {
    this.#options = options;
  }

  get size(): number {
    return this.#behind.size;
  }

  has(viewer: V): boolean {
    return this.#behind.has(viewer);
  }

  /** Begins at once. `seenUntil`: the timestamp of what it saw last, if it saw something. */
  add(viewer: V, latecomer: Latecomer, followed: Followed, seenUntil?: number): void {
    const nowMs = this.#options.now();
    const catchUp = new CatchUp(latecomer, followed, nowMs, seenUntil);
    this.#behind.set(viewer, catchUp);
    this.#step(viewer, catchUp, nowMs);
    this.#options.onBegun(viewer, nowMs);
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
    const beganMs = this.#options.now();
    let nowMs = beganMs;
    for (const [viewer, catchUp] of [...this.#behind]) {
      this.#step(viewer, catchUp, nowMs);
      nowMs = this.#options.now();
      if (nowMs - beganMs > MAX_STEP_MS) break;
    }
    this.#rest();
  }

  #step(viewer: V, catchUp: CatchUp, nowMs: number): void {
    const state = catchUp.step(nowMs);
    this.#behind.delete(viewer);
    // Behind the others, whose turn it is next.
    if (state === 'behind') this.#behind.set(viewer, catchUp);
    if (state === 'lost') this.#options.onLost(viewer);
  }

  #rest(): void {
    if (this.#behind.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
