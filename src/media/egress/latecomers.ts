// The viewers of a relay that catch up: each has its turns among all of the worker's. It must not know how one catches up,
// who should, or whose turn it is.

import { CatchUp, type Followed, type Latecomer } from './catch-up.ts';
import type { CatchUpTurn, CatchUpTurns } from './catch-up-turns.ts';

export interface LatecomersOptions<V> {
  readonly now: () => number;
  readonly turns: CatchUpTurns;
  /** Wraps the work, so that it counts as sending. */
  readonly measure: (work: () => void) => void;
  /** It was sent its first packets. */
  readonly onBegun: (viewer: V, nowMs: number) => void;
  /** It has all that it missed. */
  readonly onLive: (viewer: V, nowMs: number) => void;
  /** It cannot go on: it waits for a key frame again. */
  readonly onLost: (viewer: V) => void;
}

export class Latecomers<V> {
  readonly #options: LatecomersOptions<V>;
  readonly #behind = new Map<V, CatchUpTurn>();

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
    this.remove(viewer);
    const { now, turns, measure } = this.#options;
    const catchUp = new CatchUp(latecomer, followed, now(), seenUntil);
    let hasBegun = false;
    const take = (nowMs: number): number => {
      const { sentBytes } = catchUp;
      measure(() => {
        this.#step(viewer, catchUp, hasBegun, nowMs);
        hasBegun = true;
      });
      return catchUp.sentBytes - sentBytes;
    };
    const turn = { take };
    this.#behind.set(viewer, turn);
    turns.add(turn);
  }

  /** It left, or begins in another way. */
  remove(viewer: V): void {
    const turn = this.#behind.get(viewer);
    if (!turn) return;
    this.#behind.delete(viewer);
    this.#options.turns.remove(turn);
  }

  close(): void {
    for (const viewer of this.viewers) this.remove(viewer);
  }

  #step(viewer: V, catchUp: CatchUp, hasBegun: boolean, nowMs: number): void {
    const { onBegun, onLive, onLost } = this.#options;
    const state = catchUp.step(nowMs);
    if (state !== 'behind') this.remove(viewer);
    if (state === 'lost') onLost(viewer);
    else if (!hasBegun) onBegun(viewer, nowMs);
    if (state === 'live') onLive(viewer, nowMs);
  }
}
