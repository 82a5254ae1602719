// Which of the most recent numbers of a never-wrapping counter were seen (RFC 3711 §3.3.2 replay list).
// It must not know what the numbers count.

export class ReplayWindow {
  readonly #size: number;
  readonly #bits: Uint32Array;
  #highest: number;

  /** `size` in numbers: a power of two, at least 32. `past` and everything before it counts as seen. */
  constructor(size: number, past = -1) {
    if (size < 32 || (size & (size - 1)) !== 0) throw new Error(`Replay window size ${size} is not a power of two`);
    this.#size = size;
    this.#bits = new Uint32Array(size / 32);
    this.#highest = past;
    if (past >= 0) this.#bits.fill(0xffff_ffff);
  }

  /** The highest number seen; -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether `index` is neither seen nor too old to tell. Changes nothing. */
  isFresh(index: number): boolean {
    if (index < 0) return false;
    if (index > this.#highest) return true;
    if (index <= this.#highest - this.#size) return false;
    const bit = index % this.#size;
    return ((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0;
  }

  /** Remembers `index`, which must be fresh. */
  add(index: number): void {
    if (index - this.#highest >= this.#size) this.#bits.fill(0);
    else for (let passed = this.#highest + 1; passed < index; passed++) this.#clear(passed);
    if (index > this.#highest) this.#highest = index;
    const bit = index % this.#size;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  #clear(index: number): void {
    const bit = index % this.#size;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) & ~(1 << (bit & 31));
  }
}
