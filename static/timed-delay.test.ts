// How far the picture is held back for messages that come after their frames.

import { beforeEach, describe, expect, it } from 'vitest';
import { TimedDelay } from './timed-delay.js';

let delay: TimedDelay;
let nowMs: number;

/** Messages that are so late, 50 ms apart; what delays were asked for. */
function came(lateMs: number[]): number[] {
  return lateMs.flatMap((each) => {
    nowMs += 50;
    return delay.came(each, nowMs) ?? [];
  });
}

const times = (count: number, lateMs: number) => Array<number>(count).fill(lateMs);

beforeEach(() => {
  delay = new TimedDelay();
  nowMs = 10_000;
});

describe('TimedDelay', () => {
  it('asks for nothing while messages come in time', () => {
    expect(came(times(200, 0))).toEqual([]);
  });

  it('overlooks two in a hundred', () => {
    const seldom = [...times(49, 0), 80];
    expect(came([...seldom, ...seldom, ...seldom])).toEqual([]);
  });

  it('asks for as much as they are late, and a little more', () => {
    expect(came(times(3, 40))).toEqual([60]);
  });

  it('gives the receiver a second, and asks for more when that was not enough', () => {
    expect(came([...times(3, 40), ...times(19, 40), ...times(3, 10)])).toEqual([60, 90]);
  });

  it('asks for 300 ms at most', () => {
    expect(came(times(200, 4_000))).toEqual([300]);
  });
});
