// When a lost WebSocket is dialled again.

import { beforeEach, describe, expect, it } from 'vitest';
import { PageClock } from '../src/test/page-clock.ts';
import { Redial } from './redial.js';

describe('Redial', () => {
  let clock: PageClock;
  let isThere: boolean;
  let asked: number[];
  let dialled: number[];
  let redial: Redial;

  beforeEach(() => {
    clock = new PageClock();
    isThere = false;
    asked = [];
    dialled = [];
    const actions = {
      probe: async () => {
        asked.push(clock.now());
        return isThere;
      },
      dial: () => void dialled.push(clock.now()),
    };
    redial = new Redial(actions, { clock, random: () => 0.5 });
  });

  it('looks at once, give or take, and dials when the server answers', async () => {
    isThere = true;
    redial.lost();
    await clock.advance(250);
    expect(dialled).toEqual([250]);
  });

  it('never waits longer than 1.5 s in the first two minutes, and looks less often after them', async () => {
    redial.lost();
    await clock.advance(120_000);
    const gaps = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_500);
    asked = [];
    await clock.advance(3_600_000);
    expect((asked.at(-1) ?? 0) - (asked.at(-2) ?? 0)).toBe(15_000);
    expect(dialled).toEqual([]);
  });

  it('looks as often as in the beginning after a socket that worked', async () => {
    redial.lost();
    await clock.advance(3_600_000);
    redial.connected();
    asked = [];
    redial.lost();
    await clock.advance(1_100);
    expect(asked).toHaveLength(2);
  });

  it('asks less and less often where requests pass and WebSockets do not', async () => {
    isThere = true;
    redial.lost();
    for (let seconds = 0; seconds < 120; seconds++) {
      const before = dialled.length;
      await clock.advance(1_000);
      if (dialled.length > before) redial.lost();
    }
    expect(dialled.length).toBeLessThan(15);
    const gaps = dialled.slice(1).map((at, index) => at - (dialled[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(24_000);
  });

  it('rests for as long as it is told, unless there is reason to hurry', async () => {
    isThere = true;
    redial.rest(30_000);
    await clock.advance(29_000);
    expect(asked).toEqual([]);
    redial.hurry();
    await clock.advance(60_000);
    expect(dialled).toEqual([29_000]);
  });

  it('does nothing any more once it is stopped, whatever is answered', async () => {
    isThere = true;
    redial.hurry();
    redial.stop();
    await clock.advance(60_000);
    expect(dialled).toEqual([]);
  });
});
