// Whether a viewer that lost the picture is sent everything since the last key frame again. It must not know packets, or
// how that is sent.

/** What matters of a group of pictures. */
export interface HealingGroup {
  readonly firstIndex: number | undefined;
  readonly durationMs: number;
}

/** Between one time and the next, and as long as what was sent lasts. */
const LEAST_HEAL_MS = 2_000;
/** One group is sent so often, the beginning included: when it did not help by then, only the next key frame does. */
const MOST_TIMES = 3;
/** Who loses more than this has no room for more than what is live. */
const MOST_LOSS_SHARE = 0.1;

interface Sent {
  readonly firstIndex: number | undefined;
  readonly times: number;
  readonly lastsMs: number;
  readonly endedAtMs: number;
}

export class Healing<V extends object> {
  readonly #sent = new WeakMap<V, Sent>();

  /** The viewer has been sent all of a group, at its beginning or to heal it. */
  sent(viewer: V, { firstIndex, durationMs: lastsMs }: HealingGroup, endedAtMs: number): void {
    const before = this.#sent.get(viewer);
    const times = before && before.firstIndex === firstIndex ? before.times + 1 : 1;
    this.#sent.set(viewer, { firstIndex, times, lastsMs, endedAtMs });
  }

  /** @param lossShare what the viewer reported last, 0 to 1 */
  allows(viewer: V, { firstIndex }: HealingGroup, lossShare: number, nowMs: number): boolean {
    if (lossShare > MOST_LOSS_SHARE) return false;
    const last = this.#sent.get(viewer);
    if (!last) return true;
    if (last.firstIndex === firstIndex && last.times >= MOST_TIMES) return false;
    return nowMs - last.endedAtMs >= Math.max(LEAST_HEAL_MS, last.lastsMs);
  }
}
