// What counts as a name and what does not.

import { expect, test } from 'vitest';
import { parseBroadcastName, parseLabel } from './names.ts';
import { isStateLabel } from './ports.ts';

test.each(['live', 'A', '0', 'a.b_c-D', '__proto__', 'x'.repeat(64)])('%j is a broadcast name', (name) => {
  expect(parseBroadcastName(name)).toBe(name);
});

test.each(['', 'x'.repeat(65), 'a b', 'a/b', 'ä', 'live\n', 'a%20b', '.', '..'])('%j is no broadcast name', (name) => {
  expect(() => parseBroadcastName(name)).toThrow(expect.objectContaining({ code: 'invalid_name' }));
});

test.each(['chat', 'state/score', ' ', 'größe', '😀'.repeat(64), 'Fanlight'])('%j is a label', (label) => {
  expect(parseLabel(label)).toBe(label);
});

test.each(['', 'x'.repeat(65), '😀'.repeat(65), 'a\u0000', 'a\n', '\u0085', '\ud800', 'fanlight'])(
  '%j is no label',
  (label) => {
    expect(() => parseLabel(label)).toThrow(expect.objectContaining({ code: 'invalid_label' }));
  },
);

test.each([
  ['state', true],
  ['state/', true],
  ['state/score', true],
  ['states', false],
  ['my/state', false],
  ['State', false],
])('%j is remembered: %j', (label, remembered) => {
  expect(isStateLabel(label)).toBe(remembered);
});
