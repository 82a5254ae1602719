// The graceful stop: everybody who is carried here is asked to go elsewhere, and the end comes when they have gone, or at
// a deadline. It must not know signals, nor what is closed afterwards.

import type { Clock } from './ports.ts';
import { type Jitter, recall } from './recall.ts';
import type { Roster } from './roster.ts';

export class Drain {
  readonly #roster: Roster;
  readonly #clock: Clock;
  readonly #jitter: Jitter;
  #ended: Promise<void> | undefined;

  constructor(options: { roster: Roster; clock: Clock; jitter: Jitter }) {
    this.#roster = options.roster;
    this.#clock = options.clock;
    this.#jitter = options.jitter;
  }

  get hasBegun(): boolean {
    return this.#ended !== undefined;
  }

  /** Resolves when no session has a transport any more, or when the time is over. A second call waits for the same. */
  begin(deadlineMs: number): Promise<void> {
    this.#ended ??= this.#run(deadlineMs);
    return this.#ended;
  }

  #run(deadlineMs: number): Promise<void> {
    const carried = [...this.#roster.sessions()].filter(({ transportId }) => transportId !== undefined);
    if (carried.length === 0) return Promise.resolve();
    const ended = new Promise<void>((resolve) => {
      const cancel = this.#clock.schedule(deadlineMs, resolve);
      this.#roster.onDeserted(() => {
        cancel();
        resolve();
      });
    });
    // Whoever is asked must still have time to go.
    const atMostMs = deadlineMs / 2;
    recall(carried, 'server-stopping', { announcer: this.#roster.announcer, jitter: this.#jitter, atMostMs });
    return ended;
  }
}
