import { describe, expect, it } from 'vitest';
import { ReplayWindow } from './replay-window.ts';
import { seededRandom } from './seeded-network.ts';

describe('a replay window', () => {
  it.each([0, 1, 31, 32, 63, 64, 65535, 2 ** 32, 2 ** 47])('takes a number once, starting at %i', (start) => {
    const window = new ReplayWindow(64);
    expect(window.isFresh(start)).toBe(true);
    window.add(start);
    expect(window.isFresh(start)).toBe(false);
    expect(window.isFresh(start + 1)).toBe(true);
    expect(window.highest).toBe(start);
  });

  it('refuses what is too old to tell', () => {
    const window = new ReplayWindow(64);
    window.add(1000);
    expect(window.isFresh(1000 - 63)).toBe(true);
    expect(window.isFresh(1000 - 64)).toBe(false);
    expect(window.isFresh(-1)).toBe(false);
  });

  it.each([0, 31, 1000])('refuses all up to the number %i that it begins behind, and nothing later', (past) => {
    const window = new ReplayWindow(64, past);
    for (const index of [past, past - 1, past - 64]) expect(window.isFresh(index)).toBe(false);
    window.add(past + 2);
    expect([past, past + 1, past + 2, past + 3].map((index) => window.isFresh(index))).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it('says the same as a plain set of numbers', () => {
    const random = seededRandom(2);
    const window = new ReplayWindow(128);
    const seen = new Set<number>();
    let highest = 0;
    for (let round = 0; round < 20_000; round++) {
      const jump = random() < 0.01 ? 200 : 3;
      const index = Math.max(0, highest + Math.floor(random() * jump) - Math.floor(random() * 150));
      const fresh = index > highest - 128 && !seen.has(index);
      if (window.isFresh(index) !== fresh) throw new Error(`wrong about ${index} with highest ${highest}`);
      if (!fresh) continue;
      window.add(index);
      seen.add(index);
      highest = Math.max(highest, index);
    }
    expect(seen.size).toBeGreaterThan(1000);
  });

  it.each([0, 31, 48])('cannot be of size %i', (size) => {
    expect(() => new ReplayWindow(size)).toThrow('power of two');
  });
});
