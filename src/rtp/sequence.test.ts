import { describe, expect, it } from 'vitest';
import {
  addSequence,
  addTimestamp,
  isRestart,
  MAX_DROPOUT,
  sequenceDistance,
  timestampDistance,
  unwrapSequence,
} from './sequence.ts';

const STARTS = [0, 1, 127, 32767, 32768, 65534, 65535];

describe('sequence numbers', () => {
  it.each([
    [0, 1, 1],
    [1, 0, -1],
    [65535, 0, 1],
    [0, 65535, -1],
    [65534, 3, 5],
    [0, 32767, 32767],
    [0, 32769, -32767],
    [7, 7, 0],
  ])('from %i to %i it is %i', (from, to, distance) => {
    expect(sequenceDistance(from, to)).toBe(distance);
  });

  it.each(STARTS)('come back from every addition that starts at %i', (start) => {
    for (const count of [0, 1, 2, 100, 32767, -1, -100, -32768]) {
      expect(sequenceDistance(start, addSequence(start, count))).toBe(count);
    }
  });

  it.each(STARTS)('unwrap in both directions around %i', (start) => {
    for (const cycles of [0, 1, 7, 65536]) {
      const reference = cycles * 65536 + start;
      for (const step of [0, 1, -1, 3000, -3000, 32767, -32767]) {
        expect(unwrapSequence(reference, addSequence(start, step))).toBe(reference + step);
      }
    }
  });

  it('unwrap next to a negative reference', () => {
    expect(unwrapSequence(-1, 0)).toBe(0);
    expect(unwrapSequence(-1, 65534)).toBe(-2);
  });

  it.each(STARTS)('tell a restart from loss and from lateness at %i', (start) => {
    for (const step of [1, MAX_DROPOUT - 1, -1, 1 - MAX_DROPOUT]) {
      expect(isRestart(start, addSequence(start, step))).toBe(false);
    }
    for (const step of [MAX_DROPOUT, -MAX_DROPOUT, 20000, -20000]) {
      expect(isRestart(start, addSequence(start, step))).toBe(true);
    }
  });
});

describe('timestamps', () => {
  it.each([
    [0, 3000, 3000],
    [0xffff_ffff, 0, 1],
    [0, 0xffff_ffff, -1],
    [0x7fff_ffff, 0x8000_0000, 1],
  ])('from %i to %i it is %i ticks', (from, to, ticks) => {
    expect(timestampDistance(from, to)).toBe(ticks);
    expect(addTimestamp(from, ticks)).toBe(to);
  });

  it('wrap after additions of more than a cycle', () => {
    expect(addTimestamp(5, 3 * 2 ** 32 + 2)).toBe(7);
    expect(addTimestamp(5, -(2 ** 32) - 6)).toBe(0xffff_ffff);
  });
});
