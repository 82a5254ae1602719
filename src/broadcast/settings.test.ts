// What becomes of a title.

import { expect, test } from 'vitest';
import { changeSettings, DEFAULT_SETTINGS } from './settings.ts';

test.each([
  ['  Finals  ', 'Finals'],
  ['two\n\tlines', 'two lines'],
  ['x'.repeat(200), 'x'.repeat(120)],
  ['😀'.repeat(130), '😀'.repeat(120)],
  [`${'x'.repeat(119)} y`, 'x'.repeat(119)],
  ['broken \ud800', 'broken \ufffd'],
  ['', ''],
])('the title %j becomes %j', (title, tidy) => {
  const before = { ...DEFAULT_SETTINGS, title: 'before', listed: false };
  expect(changeSettings(before, { title })).toEqual({ ...before, title: tidy });
});

test('a change to what already is leaves the same object', () => {
  expect(changeSettings(DEFAULT_SETTINGS, { title: ' ', listed: true })).toBe(DEFAULT_SETTINGS);
  expect(changeSettings(DEFAULT_SETTINGS, {})).toBe(DEFAULT_SETTINGS);
});

test('what is not said stays', () => {
  const before = { ...DEFAULT_SETTINGS, title: 'Finals' };
  expect(changeSettings(before, { listed: false })).toEqual({ ...before, listed: false });
  const slow = { chat: 'everyone', slowModeSeconds: 30 } as const;
  expect(changeSettings(before, slow)).toEqual({ ...before, ...slow });
});
