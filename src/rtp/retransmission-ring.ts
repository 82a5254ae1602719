// The recent packets of a layer by outgoing sequence number, one memory for the NACKs of all viewers.
// It must not know what a packet is, who asks, or how it is sent again.

import { unwrapSequence } from './sequence.ts';

export interface RetransmissionRingOptions {
  /** Older packets are of no use to a viewer any more. */
  readonly maxAgeMs?: number;
  /** Packets at most: a power of two, up to 32768. */
  readonly capacity?: number;
}

const DEFAULT_MAX_AGE_MS = 2000;
/** 2 s of 1000 packets, 8 Mb/s. */
const DEFAULT_CAPACITY = 2048;

interface Entry<T> {
  readonly index: number;
  readonly packet: T;
  readonly addedAtMs: number;
}

export class RetransmissionRing<T> {
  readonly #maxAgeMs: number;
  readonly #slots: (Entry<T> | undefined)[];
  /** Numbers without wrap-around: everything kept lies from `#oldest` to `#newest`. */
  #oldest = 0;
  #newest: number | undefined;

  constructor({ maxAgeMs = DEFAULT_MAX_AGE_MS, capacity = DEFAULT_CAPACITY }: RetransmissionRingOptions = {}) {
    if (capacity < 1 || capacity > 32_768 || (capacity & (capacity - 1)) !== 0) {
      throw new Error(`Ring capacity ${capacity} is not a power of two up to 32768`);
    }
    this.#maxAgeMs = maxAgeMs;
    this.#slots = new Array<Entry<T> | undefined>(capacity).fill(undefined);
  }

  /** Keeps `packet`, in any order, and lets go of those that became too old or too many. */
  add(sequence: number, packet: T, nowMs: number): void {
    const index = this.#newest === undefined ? sequence : unwrapSequence(this.#newest, sequence);
    if (this.#newest === undefined) this.#oldest = index;
    else if (index <= this.#newest - this.#slots.length) return;
    this.#newest = Math.max(this.#newest ?? index, index);
    this.#oldest = Math.min(this.#oldest, index);
    this.#slots[this.#slotOf(index)] = { index, packet, addedAtMs: nowMs };
    this.#letGo(this.#newest, nowMs);
  }

  /** The packet, unless it is too old or was never there. */
  get(sequence: number, nowMs: number): T | undefined {
    if (this.#newest === undefined) return undefined;
    const index = unwrapSequence(this.#newest, sequence);
    const entry = this.#slots[this.#slotOf(index)];
    return entry?.index === index && !this.#isOld(entry, nowMs) ? entry.packet : undefined;
  }

  #letGo(newest: number, nowMs: number): void {
    while (this.#oldest < newest) {
      const slot = this.#slotOf(this.#oldest);
      const entry = this.#slots[slot];
      // The slot may be empty, or hold a newer packet already.
      if (entry?.index === this.#oldest) {
        const isCrowdedOut = this.#oldest <= newest - this.#slots.length;
        if (!isCrowdedOut && !this.#isOld(entry, nowMs)) return;
        this.#slots[slot] = undefined;
      }
      this.#oldest++;
    }
  }

  #isOld(entry: Entry<T>, nowMs: number): boolean {
    return nowMs - entry.addedAtMs > this.#maxAgeMs;
  }

  /** Also right for the negative numbers before a first one of 0. */
  #slotOf(index: number): number {
    return index & (this.#slots.length - 1);
  }
}
