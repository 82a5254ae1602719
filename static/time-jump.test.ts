// What counts as a sleep.

import { expect, it } from 'vitest';
import { TimeJump } from './time-jump.js';

it.each([
  ['a timer in time', [1_000, 2_000, 3_000], [false, false, false]],
  ['a busy page, or one in the background', [1_900, 3_500, 4_600], [false, false, false]],
  ['an hour of sleep, told once', [1_000, 3_601_000, 3_602_000], [false, true, false]],
  ['two sleeps', [61_000, 121_000], [true, true]],
  ['a clock that is set back', [1_000, -3_600_000, -3_599_000], [false, false, false]],
])('%s', (_title, times, expected) => {
  const jump = new TimeJump(0);
  expect(times.map((time) => jump.passed(time))).toEqual(expected);
});
