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
  expect(changeSettings({ title: 'before', listed: false }, { title })).toEqual({ title: tidy, listed: false });
});

test('a change to what already is leaves the same object', () => {
  expect(changeSettings(DEFAULT_SETTINGS, { title: ' ', listed: true })).toBe(DEFAULT_SETTINGS);
  expect(changeSettings(DEFAULT_SETTINGS, {})).toBe(DEFAULT_SETTINGS);
});

test('what is not said stays', () => {
  expect(changeSettings({ title: 'Finals', listed: true }, { listed: false })).toEqual({
    title: 'Finals',
    listed: false,
  });
});
