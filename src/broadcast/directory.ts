// Which broadcasts are known, and who gives way when there are too many names. It must not know sessions or the store.

import { FanlightError } from '../errors.ts';
import { Broadcast } from './broadcast.ts';
import type { Limits } from './limits.ts';
import type { BroadcastName } from './names.ts';
import type { Clock, Role } from './ports.ts';

const BROADCAST_RETRY_SECONDS = 30;

export interface DirectoryOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  /** A deserted broadcast gives way: forgets all that is kept for it, and then calls `delete`. */
  readonly forget: (broadcast: Broadcast) => void;
}

export class Directory {
  readonly #options: DirectoryOptions;
  readonly #broadcasts = new Map<string, Broadcast>();
  readonly #startedAtMs: number;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.now();
  }

  all(): Iterable<Broadcast> {
    return this.#broadcasts.values();
  }

  get(name: BroadcastName): Broadcast | undefined {
    return this.#broadcasts.get(name);
  }

  /** Whatever the limits say. */
  getOrAdd(name: BroadcastName): Broadcast {
    return this.#broadcasts.get(name) ?? this.#add(name);
  }

  /** An unknown one is idle since the start, and stays unknown. */
  getOrBlank(name: BroadcastName): Broadcast {
    return this.#broadcasts.get(name) ?? new Broadcast(name, this.#options.limits, this.#startedAtMs);
  }

  /**
   * For a publisher, or for anything else that needs the name. The two have places of their own, so that nobody who only
   * waits or chooses a title stands in a publisher's way. Errors: broadcast_limit.
   */
  obtain(name: BroadcastName, role?: Role): Broadcast {
    const known = this.#broadcasts.get(name);
    const isPublishing = role === 'publisher';
    if (known && (!isPublishing || known.published)) return known;
    const hasPlace = isPublishing ? this.#count(true) < this.#options.limits.broadcasts : this.makePlace(1);
    if (!hasPlace) {
      throw new FanlightError('broadcast_limit', undefined, { retryAfterSeconds: BROADCAST_RETRY_SECONDS });
    }
    return known ?? this.#add(name);
  }

  /** Among the names that nobody publishes: those that are deserted longest give way. True when there is room for so many more. */
  makePlace(more: number): boolean {
    const { limits, forget } = this.#options;
    for (let excess = this.#count(false) + more - limits.broadcasts; excess > 0; excess -= 1) {
      let oldest: Broadcast | undefined;
      for (const broadcast of this.#broadcasts.values()) {
        if (!broadcast.deserted) continue;
        if (oldest === undefined || broadcast.touchedAtMs < oldest.touchedAtMs) oldest = broadcast;
      }
      if (oldest === undefined) return false;
      forget(oldest);
    }
    return true;
  }

  delete(name: BroadcastName): void {
    this.#broadcasts.delete(name);
  }

  clear(): void {
    this.#broadcasts.clear();
  }

  #add(name: BroadcastName): Broadcast {
    const { limits, clock } = this.#options;
    const broadcast = new Broadcast(name, limits, clock.now());
    this.#broadcasts.set(name, broadcast);
    return broadcast;
  }

  #count(published: boolean): number {
    let count = 0;
    for (const broadcast of this.#broadcasts.values()) if (broadcast.published === published) count += 1;
    return count;
  }
}
