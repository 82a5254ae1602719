// Clicks on buttons that take turns.

import { expect, it } from 'vitest';
import { SharedPlace } from './shared-place.js';

type Click = readonly [button: string, atMs: number, isMeant: boolean];

it.each<[string, readonly Click[]]>([
  ['the first click counts, whichever the button', [['stop', 10, true]]],
  [
    'the second half of a double-click is not for the button that came meanwhile',
    [
      ['go-live', 5_000, true],
      ['stop', 5_200, false],
    ],
  ],
  [
    'nor is that of somebody slow',
    [
      ['go-live', 5_000, true],
      ['stop', 5_900, false],
      ['stop', 6_000, true],
    ],
  ],
  [
    'nor in the other direction',
    [
      ['stop', 5_000, true],
      ['go-live', 5_300, false],
    ],
  ],
  [
    'the same button may be pressed again and again',
    [
      ['go-live', 5_000, true],
      ['go-live', 5_100, true],
    ],
  ],
])('%s', (_name, clicks) => {
  const place = new SharedPlace();
  for (const [button, atMs, isMeant] of clicks) expect(place.isMeant(button, atMs)).toBe(isMeant);
});
