// Which TSNs have come (RFC 9260 §6.2): all up to one, and runs behind gaps. It must not know what they carried.

import type { GapBlock } from './acknowledgement.ts';
import { addTsn, tsnDistance } from './packet.ts';

/** Gap blocks of one SACK: more would not fit into a packet (§3.3.4). */
const MAX_BLOCKS = 250;
/** Distances in gap blocks have 16 bits. */
const MAX_DISTANCE = 0xffff;

/** First and last number of a run. */
interface Run {
  first: number;
  last: number;
}

export class ReceivedNumbers {
  #cumulativeTsn: number;
  /** Behind the first gap, ascending, never touching each other. Numbers are distances from `#cumulativeTsn`. */
  #runs: Run[] = [];
  #ahead = 0;

  /** @param initialTsn the first that will come */
  constructor(initialTsn: number) {
    this.#cumulativeTsn = addTsn(initialTsn, -1);
  }

  /** The last before the first gap. */
  get cumulativeTsn(): number {
    return this.#cumulativeTsn;
  }

  /** How many have come behind a gap. */
  get ahead(): number {
    return this.#ahead;
  }

  /** @returns whether it is new; one that is too far ahead to be acknowledged is none */
  add(tsn: number): 'new' | 'known' | 'too-far' {
    const distance = tsnDistance(this.#cumulativeTsn, tsn);
    if (distance <= 0) return 'known';
    if (distance > MAX_DISTANCE) return 'too-far';
    if (distance === 1) {
      this.#advance(1);
      return 'new';
    }
    const index = this.#runsUpTo(distance);
    const before = this.#runs[index - 1];
    const after = this.#runs[index];
    if (before && distance <= before.last) return 'known';
    this.#ahead++;
    const touchesBefore = before?.last === distance - 1;
    const touchesAfter = after?.first === distance + 1;
    if (before && after && touchesBefore && touchesAfter) {
      before.last = after.last;
      this.#runs.splice(index, 1);
    } else if (before && touchesBefore) before.last = distance;
    else if (after && touchesAfter) after.first = distance;
    else this.#runs.splice(index, 0, { first: distance, last: distance });
    return 'new';
  }

  /** All up to this one count as come (RFC 3758 §3.6). @returns whether that changed anything */
  skipTo(tsn: number): boolean {
    const distance = tsnDistance(this.#cumulativeTsn, tsn);
    if (distance <= 0 || distance > MAX_DISTANCE) return false;
    this.#advance(distance);
    return true;
  }

  /** Gap blocks of a SACK: first and last as distances from `cumulativeTsn`. */
  get blocks(): readonly GapBlock[] {
    return this.#runs.length > MAX_BLOCKS ? this.#runs.slice(0, MAX_BLOCKS) : this.#runs;
  }

  /** How many runs begin at this distance or before. */
  #runsUpTo(distance: number): number {
    let low = 0;
    let high = this.#runs.length;
    // Mostly the last one grows.
    if ((this.#runs.at(-1)?.first ?? 0) <= distance) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle]?.first ?? 0) <= distance) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #advance(distance: number): void {
    let passed = distance;
    let [run] = this.#runs;
    while (run && run.first <= passed + 1) {
      this.#ahead -= run.last - run.first + 1;
      passed = Math.max(passed, run.last);
      this.#runs.shift();
      [run] = this.#runs;
    }
    this.#cumulativeTsn = addTsn(this.#cumulativeTsn, passed);
    for (const each of this.#runs) {
      each.first -= passed;
      each.last -= passed;
    }
  }
}
