import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../rtp/seeded-network.ts';
import { addTsn } from './packet.ts';
import { ReceivedNumbers } from './received-numbers.ts';

describe('received numbers', () => {
  it('are one run until one is missing, and again when it comes', () => {
    const numbers = new ReceivedNumbers(10);
    expect([10, 11, 14, 15, 13, 17].map((tsn) => numbers.add(tsn))).toEqual(Array(6).fill('new'));
    expect(numbers.cumulativeTsn).toBe(11);
    expect(numbers.ahead).toBe(4);
    expect(numbers.blocks).toEqual([
      { first: 2, last: 4 },
      { first: 6, last: 6 },
    ]);
    numbers.add(12);
    expect(numbers.cumulativeTsn).toBe(15);
    expect(numbers.blocks).toEqual([{ first: 2, last: 2 }]);
    numbers.add(16);
    expect(numbers.cumulativeTsn).toBe(17);
    expect(numbers.ahead).toBe(0);
  });

  it('are known the second time, in a run, behind a gap or before all', () => {
    const numbers = new ReceivedNumbers(1);
    for (const tsn of [1, 2, 5, 6, 9]) numbers.add(tsn);
    expect([1, 2, 5, 6, 9, 0].map((tsn) => numbers.add(tsn))).toEqual(Array(6).fill('known'));
    expect(numbers.ahead).toBe(3);
  });

  it('go on over the wrap of 32 bits', () => {
    const numbers = new ReceivedNumbers(0xffff_fffe);
    for (const tsn of [0xffff_fffe, 0, 1]) numbers.add(tsn);
    expect(numbers.blocks).toEqual([{ first: 2, last: 3 }]);
    numbers.add(0xffff_ffff);
    expect(numbers.cumulativeTsn).toBe(1);
  });

  it('are refused when no SACK could tell of them', () => {
    const numbers = new ReceivedNumbers(1);
    expect(numbers.add(0xffff)).toBe('new');
    expect(numbers.add(0x1_0000)).toBe('too-far');
    expect(numbers.ahead).toBe(1);
  });

  it('that the peer gives up count as come', () => {
    const numbers = new ReceivedNumbers(1);
    for (const tsn of [3, 6, 7]) numbers.add(tsn);
    expect(numbers.skipTo(5)).toBe(true);
    expect(numbers.cumulativeTsn).toBe(7);
    expect(numbers.skipTo(4)).toBe(false);
    expect(numbers.skipTo(0x7fff_0000)).toBe(false);
    expect([numbers.cumulativeTsn, numbers.ahead]).toEqual([7, 0]);
  });

  it.each([1, 2, 3, 4, 5])('agree with a plain set, whatever the order (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const initial = Math.floor(random() * 2 ** 32);
    const numbers = new ReceivedNumbers(initial);
    const model = new Set<number>();
    let cumulative = 0;
    for (let count = 0; count < 3000; count++) {
      const number = Math.max(1, cumulative + Math.floor(random() * 60) - 10);
      expect(numbers.add(addTsn(initial, number - 1))).toBe(
        number > cumulative && !model.has(number) ? 'new' : 'known',
      );
      model.add(number);
      while (model.has(cumulative + 1)) cumulative++;
      const ahead = [...model].filter((each) => each > cumulative).sort((a, b) => a - b);
      expect(numbers.cumulativeTsn).toBe(addTsn(initial, cumulative - 1));
      expect(numbers.ahead).toBe(ahead.length);
      const told = numbers.blocks.flatMap(({ first, last }) =>
        Array.from({ length: last - first + 1 }, (_, index) => cumulative + first + index),
      );
      expect(told).toEqual(ahead);
    }
  });
});
