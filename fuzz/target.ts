// What a fuzz target is, and how it says that something it must rely on does not hold. It must not know any parser.

import type { Mutation } from './mutations.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs and known attacks, from which all others are made. */
  readonly seeds: readonly Uint8Array[];
  readonly mutations: readonly Mutation[];
  /** Inputs are cut here: what the code before the parser lets through. */
  readonly maxBytes: number;
  /** What one input may take on an idle machine. */
  readonly maxMs: number;
  /**
   * Runs the parser and throws when it throws or breaks a promise. The result names what was seen, coarsely: inputs that
   * show something new become seeds.
   */
  check(input: Uint8Array): string;
}

/** A promise that the parser gave. */
export function promise(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`broken: ${what}`);
}

/** Whether `part` lies in the memory of `whole`. */
export function liesWithin(part: Uint8Array, whole: Uint8Array): boolean {
  return (
    part.buffer === whole.buffer &&
    part.byteOffset >= whole.byteOffset &&
    part.byteOffset + part.length <= whole.byteOffset + whole.length
  );
}

export function isUint(value: number, bits: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** bits;
}
