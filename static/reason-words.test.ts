// Each reason has its words where it can occur, and the time that is left is told.

import { describe, expect, it } from 'vitest';
import { reasonWords, waitingText } from './reason-words.js';

describe('words', () => {
  it.each([
    ['interrupted', 'left', /right back/],
    ['interrupted', 'connection-lost', /lost the connection/],
    ['interrupted', 'server-restarted', /server was restarted/],
    ['interrupted', 'replaced', /changing over/],
    ['ended', 'stopped', /ended the broadcast/],
    ['ended', 'removed', /operator/],
    ['ended', 'grace-over', /did not come back/],
  ] as const)('while %s by %s', (state, reason, headline) => {
    expect(reasonWords(state, reason)?.headline).toMatch(headline);
    expect(reasonWords(state, reason)?.detail).toMatch(/by itself/);
  });

  it.each([
    ['interrupted', null],
    ['interrupted', undefined],
    ['interrupted', 'stopped'],
    ['live', 'left'],
    ['ended', 'left'],
  ] as const)('are the usual ones while %s by %s', (state, reason) => {
    expect(reasonWords(state, reason)).toBeUndefined();
  });
});

it.each([
  ['2026-01-01T00:01:00.000Z', 'Waiting for 1:00 more'],
  ['2026-01-01T00:00:04.200Z', 'Waiting for 0:05 more'],
  ['2026-01-01T00:00:00.000Z', ''],
  ['2025-12-31T23:59:00.000Z', ''],
  [null, ''],
  [undefined, ''],
  ['nonsense', ''],
])('until %s', (graceEndsAt, text) => {
  expect(waitingText(graceEndsAt, Date.UTC(2026, 0, 1))).toBe(text);
});
