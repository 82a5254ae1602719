// Many deadlines on one timer, which is set for the soonest. It must not know what is due.

import type { Clock } from '../ports.ts';

export class Deadlines<Key> {
  readonly #clock: Clock;
  readonly #onDue: (key: Key) => void;
  readonly #deadlines = new Map<Key, number>();
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, onDue: (key: Key) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  has(key: Key): boolean {
    return this.#deadlines.has(key);
  }

  /** Replaces the key's deadline (Unix ms); undefined removes it. */
  set(key: Key, atMs: number | undefined): void {
    if (atMs === undefined) {
      // The timer stays: firing for nothing is cheaper than a search at each removal.
      this.#deadlines.delete(key);
      return;
    }
    this.#deadlines.set(key, atMs);
    this.#arm(atMs);
  }

  clear(): void {
    this.#deadlines.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(atMs: number): void {
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    this.#timer?.cancel();
    const cancel = this.#clock.schedule(Math.max(0, atMs - this.#clock.now()), () => this.#fire());
    this.#timer = { atMs, cancel };
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    const due = [...this.#deadlines].filter(([, atMs]) => atMs <= nowMs).sort(([, a], [, b]) => a - b);
    for (const [key, atMs] of due) {
      // What an earlier one moved or removed is not due any more.
      if (this.#deadlines.get(key) !== atMs) continue;
      this.#deadlines.delete(key);
      this.#onDue(key);
    }
    let soonest: number | undefined;
    for (const atMs of this.#deadlines.values()) soonest = Math.min(soonest ?? atMs, atMs);
    if (soonest !== undefined) this.#arm(soonest);
  }
}
