// When a viewer's page says that nothing comes any more.

import { beforeEach, describe, expect, it } from 'vitest';
import { PageClock } from '../src/test/page-clock.ts';
import { Standstill } from './standstill.js';

describe('Standstill', () => {
  let clock: PageClock;
  let isHeard: boolean;
  let arrived: number;
  let changes: [number, boolean][];
  let standstill: Standstill;

  beforeEach(() => {
    clock = new PageClock();
    isHeard = true;
    arrived = 1;
    changes = [];
    standstill = new Standstill({ isHeard: () => isHeard, arrived: async () => arrived, clock });
    standstill.on('changed', (isStill) => changes.push([clock.now(), isStill]));
  });

  function lose(): void {
    isHeard = false;
    standstill.doubt();
  }

  it('tells two seconds after the last that came, and when something comes again', async () => {
    lose();
    await clock.advance(1_000);
    arrived += 1;
    await clock.advance(5_000);
    expect(changes).toEqual([[3_250, true]]);
    isHeard = true;
    await clock.advance(1_000);
    expect(standstill.isStill).toBe(true);
    arrived += 1;
    await clock.advance(250);
    expect(standstill.isStill).toBe(false);
  });

  it('says nothing of a lost WebSocket while media goes on', async () => {
    lose();
    for (let looks = 0; looks < 100; looks++) {
      arrived += 1;
      await clock.advance(250);
    }
    expect(changes).toEqual([]);
  });

  it('does not look while the server is heard', async () => {
    await clock.advance(10_000);
    lose();
    await clock.advance(500);
    isHeard = true;
    await clock.advance(60_000);
    expect(changes).toEqual([]);
    lose();
    await clock.advance(2_000);
    expect(changes).toEqual([[72_500, true]]);
  });
});
