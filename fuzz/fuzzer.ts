// Makes inputs for one target from its seeds, runs them, and makes what fails as small as it gets. The same seed gives
// the same inputs, whatever the time. It must not know which parser it is.

import { seededRandom } from '../src/rtp/seeded-network.ts';
import type { FuzzTarget } from './target.ts';

export interface Failure {
  readonly target: string;
  readonly message: string;
  readonly stack: string;
  /** As it was found. */
  readonly input: Uint8Array;
  /** As small as it gets with the same message. */
  readonly minimal: Uint8Array;
  /** Which input of the target it was. */
  readonly execution: number;
}

/** Inputs that showed something new, besides the target's own. */
const MAX_CORPUS = 2000;
const MAX_MUTATIONS = 6;
/** Tries to make a failure smaller. */
const MAX_SHRINKS = 5000;
/** A slow input must be slow each time: this machine may have been busy elsewhere. */
const SLOW_RUNS = 5;

export class Fuzzer {
  readonly target: FuzzTarget;
  readonly #random: () => number;
  readonly #corpus: Uint8Array[];
  readonly #seen = new Set<string>();
  #executions = 0;
  #slowestMs = 0;

  constructor(target: FuzzTarget, seed: number) {
    this.target = target;
    this.#random = seededRandom(seed ^ hash(target.name));
    // A slice of a Buffer is no copy: seeds must not change under mutations.
    this.#corpus = target.seeds.map((bytes) => Uint8Array.from(bytes));
  }

  get executions(): number {
    return this.#executions;
  }

  /** Different outcomes seen so far. */
  get outcomes(): number {
    return this.#seen.size;
  }

  get slowestMs(): number {
    return this.#slowestMs;
  }

  /** Runs the next input: first the seeds as they are, then what is made of them. */
  next(): Failure | undefined {
    const isSeed = this.#executions < this.target.seeds.length;
    const input = (isSeed ? this.#corpus[this.#executions] : undefined) ?? this.#mutated();
    this.#executions++;
    const outcome = this.#run(input);
    if (outcome instanceof Error) {
      const minimal = minimise(this.target, input, outcome.message);
      const { message, stack = '' } = outcome;
      return { target: this.target.name, message, stack, input, minimal, execution: this.#executions };
    }
    if (!this.#seen.has(outcome) && this.#seen.size < MAX_CORPUS) {
      this.#seen.add(outcome);
      this.#corpus.push(input);
    }
    return undefined;
  }

  #run(input: Uint8Array): string | Error {
    const beganMs = performance.now();
    const outcome = runOnce(this.target, input);
    const tookMs = performance.now() - beganMs;
    if (tookMs <= this.target.maxMs) {
      this.#slowestMs = Math.max(this.#slowestMs, tookMs);
      return outcome;
    }
    return isSlow(this.target, input) ? tooSlow(this.target) : outcome;
  }

  #mutated(): Uint8Array {
    const random = this.#random;
    const any = (): Uint8Array => this.#corpus[Math.floor(random() * this.#corpus.length)] ?? new Uint8Array();
    let input = any();
    for (let left = 1 + Math.floor(random() * MAX_MUTATIONS); left > 0; left--) {
      const mutation = this.target.mutations[Math.floor(random() * this.target.mutations.length)];
      if (mutation) input = mutation(input, random, any()).slice(0, this.target.maxBytes);
    }
    return input;
  }
}

/** Runs one input by hand. */
export function replay(target: FuzzTarget, input: Uint8Array): string | Error {
  const outcome = runOnce(target, input);
  return !(outcome instanceof Error) && isSlow(target, input) ? tooSlow(target) : outcome;
}

/** The shortest input found that fails with the same message: drops pieces, then makes bytes zero. */
export function minimise(target: FuzzTarget, failing: Uint8Array, message: string): Uint8Array {
  const fails = (input: Uint8Array): boolean => {
    const outcome = replay(target, input);
    return outcome instanceof Error && kindOf(outcome.message) === kindOf(message);
  };
  let smallest = failing;
  let tries = 0;
  for (let piece = failing.length; piece >= 1; piece = Math.floor(piece / 2)) {
    for (let at = 0; at < smallest.length && tries < MAX_SHRINKS; tries++) {
      const shorter = Uint8Array.from([...smallest.subarray(0, at), ...smallest.subarray(at + piece)]);
      if (fails(shorter)) smallest = shorter;
      else at += piece;
    }
  }
  for (let at = 0; at < smallest.length && tries < MAX_SHRINKS; at++, tries++) {
    const simpler = Uint8Array.from(smallest);
    simpler[at] = 0;
    if (smallest[at] !== 0 && fails(simpler)) smallest = simpler;
  }
  return smallest;
}

function runOnce(target: FuzzTarget, input: Uint8Array): string | Error {
  try {
    // A copy without slack behind it: reading past the end must not find the neighbour's bytes.
    return target.check(Uint8Array.from(input));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function isSlow(target: FuzzTarget, input: Uint8Array): boolean {
  for (let run = 0; run < SLOW_RUNS; run++) {
    const beganMs = performance.now();
    runOnce(target, input);
    if (performance.now() - beganMs <= target.maxMs) return false;
  }
  return true;
}

function tooSlow({ maxMs }: FuzzTarget): Error {
  return new Error(`broken: an input takes more than ${maxMs} ms`);
}

/** Numbers and quotations differ between inputs that fail for the same reason. */
function kindOf(message: string): string {
  return message.replace(/\d+/g, '#').replace(/(["'`]).*\1/g, '…');
}

/** FNV-1a: targets of one seed have different inputs. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x0100_0193);
  return value >>> 0;
}
