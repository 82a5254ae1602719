// The fuzzer itself, against parsers with a mistake in them: it finds it, makes it small, and does the same again.

import { describe, expect, it } from 'vitest';
import { Fuzzer, minimise, replay } from './fuzzer.ts';
import { BYTE_MUTATIONS, TEXT_MUTATIONS } from './mutations.ts';
import type { FuzzTarget } from './target.ts';

const ENOUGH = 20_000;

function target(check: (input: Uint8Array) => string, options: Partial<FuzzTarget> = {}): FuzzTarget {
  const seeds = [Uint8Array.of(0x80, 4, 1, 2, 3, 4), Uint8Array.of(0x80, 2, 9, 9)];
  return { name: 'broken', seeds, mutations: BYTE_MUTATIONS, maxBytes: 64, maxMs: 50, check, ...options };
}

/** Believes the length that a message says of itself. */
const believesLength = target((input) => {
  const length = input[1] ?? 0;
  if (input[0] === 0x80 && length > input.length - 2) throw new Error(`read ${length} of ${input.length} bytes`);
  return String(Math.min(length, 8));
});

function firstFailure(of: FuzzTarget, seed: number) {
  const fuzzer = new Fuzzer(of, seed);
  while (fuzzer.executions < ENOUGH) {
    const failure = fuzzer.next();
    if (failure) return failure;
  }
  return undefined;
}

describe('the fuzzer', () => {
  it('finds a length that is believed, and makes the input as small as it gets', () => {
    const failure = firstFailure(believesLength, 1);
    expect(failure?.message).toMatch(/^read \d+ of \d+ bytes$/);
    expect(failure?.minimal).toEqual(Uint8Array.of(0x80));
    expect(replay(believesLength, failure?.minimal ?? new Uint8Array())).toBeInstanceOf(Error);
  });

  it('does the same again with the same seed, and something else with another', () => {
    expect(firstFailure(believesLength, 5)).toEqual({ ...firstFailure(believesLength, 5), stack: expect.any(String) });
    expect(firstFailure(believesLength, 5)?.execution).not.toBe(firstFailure(believesLength, 6)?.execution);
  });

  it('finds what lies behind something that it had to find first', () => {
    const twoDoors = target((input) => {
      if (input[0] !== 0x7f) return 'outside';
      if (input[1] !== 0xbe) return 'in the hall';
      throw new Error('in the vault');
    });
    expect(firstFailure(twoDoors, 1)?.message).toBe('in the vault');
  });

  it('finds an input that takes too long, every time it is run', () => {
    const slow = target(
      (input) => {
        const endMs = performance.now() + (input.length > 20 ? 8 : 0);
        while (performance.now() < endMs);
        return 'done';
      },
      { maxMs: 4 },
    );
    expect(firstFailure(slow, 1)?.message).toMatch(/more than 4 ms/);
  });

  it('finds nothing where nothing is', () => {
    const fuzzer = new Fuzzer(
      target((input) => String(input.length)),
      1,
    );
    while (fuzzer.executions < 2000) expect(fuzzer.next()).toBeUndefined();
    expect(fuzzer.outcomes).toBeGreaterThan(20);
  });

  it('leaves the seeds as they are', () => {
    const seeds = [Buffer.from([1, 2, 3, 4]), Buffer.from([5, 6, 7, 8])];
    const before = seeds.map((bytes) => bytes.toString('hex'));
    const harmless = target(() => 'fine', { seeds, mutations: [...BYTE_MUTATIONS, ...TEXT_MUTATIONS] });
    const fuzzer = new Fuzzer(harmless, 3);
    while (fuzzer.executions < 2000) fuzzer.next();
    minimise(harmless, seeds[0] ?? new Uint8Array(), 'nothing');
    expect(seeds.map((bytes) => bytes.toString('hex'))).toEqual(before);
  });
});
