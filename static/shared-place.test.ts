// Clicks on buttons that take turns.

import { expect, it } from 'vitest';
import { SharedPlace } from './shared-place.js';

type Shown = readonly [string, number];

it.each<[string, readonly Shown[], number, boolean]>([
  ['the first button takes clicks at once', [['go-live', 0]], 10, true],
  [
    'the second half of a double-click is not for the button that came meanwhile',
    [
      ['go-live', 0],
      ['stop', 5_000],
    ],
    5_200,
    false,
  ],
  [
    'nor is that of somebody slow',
    [
      ['go-live', 0],
      ['stop', 5_000],
    ],
    5_900,
    false,
  ],
  [
    'a second later the button is meant',
    [
      ['go-live', 0],
      ['stop', 5_000],
    ],
    6_000,
    true,
  ],
  [
    'a button that is shown again and again did not just come',
    [
      ['go-live', 0],
      ['stop', 5_000],
      ['stop', 5_900],
    ],
    6_000,
    true,
  ],
  [
    'the first button, back again, is as new as any',
    [
      ['go-live', 0],
      ['stop', 5_000],
      ['go-live', 9_000],
    ],
    9_300,
    false,
  ],
])('%s', (_name, shown, clickedAtMs, isMeant) => {
  const place = new SharedPlace();
  for (const [button, atMs] of shown) place.show(button, atMs);
  expect(place.isMeant(clickedAtMs)).toBe(isMeant);
});
