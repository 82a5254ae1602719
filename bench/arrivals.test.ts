import { describe, expect, it } from 'vitest';
import { Arrivals, percentile } from './arrivals.ts';

/** Video packets by number, each 2 ms on its way; the sequence number is 65,530 more, so that it goes round. */
function arrived(numbers: readonly number[], first = 10): Arrivals {
  const arrivals = new Arrivals();
  arrivals.restart({ video: first, audio: 0 });
  for (const number of numbers) {
    const sentAtNs = BigInt(number) * 1_000_000n;
    arrivals.add('video', (number + 65_530) & 0xffff, { number, sentAtNs }, sentAtNs + 2_000_000n);
  }
  return arrivals;
}

describe('arrivals', () => {
  it.each([
    ['all in order', [10, 11, 12, 13], { packets: 4, lost: 0, duplicates: 0, reordered: 0 }],
    ['the first one missing', [11, 12, 13], { packets: 3, lost: 1, duplicates: 0, reordered: 0 }],
    ['one missing between', [10, 12, 13], { packets: 3, lost: 1, duplicates: 0, reordered: 0 }],
    ['the last ones missing', [10, 11], { packets: 2, lost: 2, duplicates: 0, reordered: 0 }],
    ['one late', [10, 12, 11, 13], { packets: 4, lost: 0, duplicates: 0, reordered: 1 }],
    ['one twice', [10, 11, 11, 12, 13], { packets: 5, lost: 0, duplicates: 1, reordered: 0 }],
    ['nothing', [], { packets: 0, lost: 4, duplicates: 0, reordered: 0 }],
  ])('count %s', (_name, numbers, expected) => {
    expect(arrived(numbers).counts({ video: 14, audio: 0 })).toEqual({ ...expected, misnumbered: 0 });
  });

  it('notice a sequence number that does not belong to its packet', () => {
    const arrivals = arrived([10, 11]);
    arrivals.add('video', 13, { number: 12, sentAtNs: 0n }, 0n);
    expect(arrivals.counts({ video: 13, audio: 0 }).misnumbered).toBe(1);
  });

  it('hand out each delay once', () => {
    const arrivals = arrived([10, 11]);
    expect(arrivals.takeDelaysMs()).toEqual([2, 2]);
    expect(arrivals.takeDelaysMs()).toEqual([]);
  });
});

describe('a percentile', () => {
  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])('of %d is the nearest rank', (share, expected) => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(values, share)).toBe(expected);
  });

  it('of nothing is not a number', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});
