// Who is here under which name, and what of it was told: changes are gathered and bounded. Pure.
// It must not know sessions, time or who listens.

import type { PresenceChange, PresenceEntry, PresenceView } from './people-service.ts';

/** Everybody counts, so many are told by name. */
export const LISTED = 500;
/** Of one telling; the rest waits for the next. */
export const CHANGES_AT_ONCE = 100;

export class Presence {
  readonly #now = new Map<string, PresenceEntry>();
  /** A part of those who are here: at most `LISTED`. */
  readonly #told = new Map<string, PresenceEntry>();
  readonly #dirty = new Set<string>();
  #toldTotal = 0;
  #view: PresenceView | undefined;

  /** As everybody was told. */
  get view(): PresenceView {
    this.#view ??= { people: [...this.#told.values()], total: this.#toldTotal };
    return this.#view;
  }

  /** Nobody is here, and everybody knows. */
  get isOver(): boolean {
    return this.#now.size === 0 && !this.isUntold;
  }

  /** There is something to tell. */
  get isUntold(): boolean {
    return this.#dirty.size > 0 || this.#now.size !== this.#toldTotal || this.#hasRoomForMore;
  }

  /** Undefined: is not here, or without a name. */
  set(viewer: string, entry: PresenceEntry | undefined): void {
    const before = this.#now.get(viewer);
    if (before?.name === entry?.name) return;
    if (entry) this.#now.set(viewer, entry);
    else this.#now.delete(viewer);
    this.#dirty.add(viewer);
  }

  /** What is told now; undefined when nothing is different from what was told. */
  tell(): PresenceChange | undefined {
    const left: PresenceEntry[] = [];
    const changed: PresenceEntry[] = [];
    for (const viewer of this.#dirty) {
      if (left.length + changed.length >= CHANGES_AT_ONCE) break;
      this.#dirty.delete(viewer);
      const told = this.#told.get(viewer);
      const now = this.#now.get(viewer);
      if (!told || told.name === now?.name) continue;
      if (now) this.#told.set(viewer, now);
      else this.#told.delete(viewer);
      if (now) changed.push(now);
      else left.push(told);
    }
    const joined = this.#listMore(CHANGES_AT_ONCE - left.length - changed.length);
    const total = this.#now.size;
    if (joined.length + left.length + changed.length === 0 && total === this.#toldTotal) return undefined;
    this.#toldTotal = total;
    this.#view = undefined;
    return { joined, left, changed, total };
  }

  /** Those who came first are listed, as long as there is room. */
  #listMore(most: number): PresenceEntry[] {
    const joined: PresenceEntry[] = [];
    if (!this.#hasRoomForMore) return joined;
    for (const [viewer, entry] of this.#now) {
      if (joined.length >= most || this.#told.size >= LISTED) break;
      if (this.#told.has(viewer)) continue;
      this.#told.set(viewer, entry);
      joined.push(entry);
    }
    return joined;
  }

  get #hasRoomForMore(): boolean {
    return this.#told.size < Math.min(LISTED, this.#now.size);
  }
}
