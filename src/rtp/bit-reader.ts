// Bits of a byte string from the front, and the Exp-Golomb numbers of H.264 (§9.1). It must not know what they mean.

/** More leading zeros than a number of 32 bits has. */
const MAX_ZEROS = 31;

/** Beyond the end it reads zeros, and says that it is over. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #isBroken = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** It read what was not there, or a number that cannot be. */
  get isOver(): boolean {
    return this.#isBroken || this.#at > this.#bytes.length * 8;
  }

  /** Unsigned, up to 32 bits. */
  read(bits: number): number {
    let value = 0;
    for (let count = 0; count < bits; count++) {
      const byte = this.#bytes[this.#at >> 3] ?? 0;
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
      this.#at += 1;
    }
    return value;
  }

  /** ue(v) */
  exponential(): number {
    let zeros = 0;
    while (!this.isOver && this.read(1) === 0) zeros += 1;
    if (this.isOver || zeros > MAX_ZEROS) {
      this.#isBroken = true;
      return 0;
    }
    return 2 ** zeros - 1 + this.read(zeros);
  }

  /** se(v): 0, 1, -1, 2, -2 … */
  signedExponential(): number {
    const value = this.exponential();
    return value % 2 === 1 ? (value + 1) / 2 : -value / 2;
  }
}
