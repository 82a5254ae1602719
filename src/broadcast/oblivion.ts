// How long a broadcast without people keeps what they left behind. It must not know how anything is forgotten.

import type { Broadcast } from './broadcast.ts';
import type { Limits } from './limits.ts';
import type { Clock } from './ports.ts';
import { Deadlines } from './session/deadlines.ts';

export interface OblivionOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'idleStateMs' | 'idleSettingsMs'>;
  readonly onDue: (broadcast: Broadcast) => void;
}

export class Oblivion {
  readonly #clock: Clock;
  readonly #limits: OblivionOptions['limits'];
  readonly #deadlines: Deadlines<Broadcast>;
  /** For what the deadline was set. */
  readonly #kinds = new WeakMap<Broadcast, Broadcast['leftBehind']>();

  constructor({ clock, limits, onDue }: OblivionOptions) {
    this.#clock = clock;
    this.#limits = limits;
    this.#deadlines = new Deadlines(clock, onDue);
  }

  /** To be called after each change. The time begins when everybody has gone, and anew when something else is left. */
  follow(broadcast: Broadcast): void {
    const { leftBehind } = broadcast;
    if (leftBehind !== undefined && this.#deadlines.has(broadcast) && this.#kinds.get(broadcast) === leftBehind) return;
    this.#kinds.set(broadcast, leftBehind);
    this.#deadlines.set(broadcast, leftBehind && this.#clock.now() + this.#keepMs(leftBehind));
  }

  /** Something was left just now: the next `follow` begins the time anew. */
  renew(broadcast: Broadcast): void {
    this.#deadlines.set(broadcast, undefined);
  }

  clear(): void {
    this.#deadlines.clear();
  }

  #keepMs(leftBehind: NonNullable<Broadcast['leftBehind']>): number {
    return leftBehind === 'messages' ? this.#limits.idleStateMs : this.#limits.idleSettingsMs;
  }
}
