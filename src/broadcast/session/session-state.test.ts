// The life of a session, event by event.

import { expect, test } from 'vitest';
import type { SessionEndReason, SessionState } from '../service.ts';
import { newborn, type SessionEvent, type SessionLife, transition } from './session-state.ts';

const LIMITS = { setupMs: 15_000, publisherGraceMs: 60_000, viewerGraceMs: 30_000 };
const NOW = 1_000_000;

const VIEWER: Record<SessionState, SessionLife> = {
  connecting: { role: 'viewer', state: 'connecting', deadlineMs: NOW, endReason: undefined },
  connected: { role: 'viewer', state: 'connected', deadlineMs: undefined, endReason: undefined },
  away: { role: 'viewer', state: 'away', deadlineMs: NOW, endReason: undefined },
  ended: { role: 'viewer', state: 'ended', deadlineMs: undefined, endReason: 'stopped' },
};

type Row = [SessionState, SessionEvent, SessionState, number | undefined, SessionEndReason | undefined];
const CHANGES: Row[] = [
  ['connecting', 'transport-opened', 'connecting', 15_000, undefined],
  ['connecting', 'connected', 'connected', undefined, undefined],
  ['connecting', 'transport-closed', 'away', 30_000, undefined],
  ['connecting', 'leave', 'away', 30_000, undefined],
  ['connecting', 'deadline', 'away', 30_000, undefined],
  ['connecting', 'restored', 'away', 30_000, undefined],
  ['connecting', 'taken-over', 'ended', undefined, 'taken-over'],
  ['connecting', 'stop', 'ended', undefined, 'stopped'],
  ['connecting', 'server-stopping', 'ended', undefined, 'server-stopping'],
  ['connected', 'transport-opened', 'connecting', 15_000, undefined],
  ['connected', 'silent', 'away', 30_000, undefined],
  ['connected', 'transport-closed', 'away', 30_000, undefined],
  ['connected', 'leave', 'away', 30_000, undefined],
  ['connected', 'taken-over', 'ended', undefined, 'taken-over'],
  ['connected', 'stop', 'ended', undefined, 'stopped'],
  ['connected', 'server-stopping', 'ended', undefined, 'server-stopping'],
  ['away', 'transport-opened', 'connecting', 15_000, undefined],
  ['away', 'connected', 'connected', undefined, undefined],
  ['away', 'active', 'connected', undefined, undefined],
  ['away', 'deadline', 'ended', undefined, 'grace-over'],
  ['away', 'displaced', 'ended', undefined, 'grace-over'],
  ['away', 'taken-over', 'ended', undefined, 'taken-over'],
  ['away', 'stop', 'ended', undefined, 'stopped'],
  ['away', 'server-stopping', 'ended', undefined, 'server-stopping'],
];

test.each(CHANGES)('%s, %s → %s', (from, event, state, delayMs, endReason) => {
  const deadlineMs = delayMs === undefined ? undefined : NOW + delayMs;
  expect(transition(VIEWER[from], event, NOW, LIMITS)).toEqual({ role: 'viewer', state, deadlineMs, endReason });
});

const EVENTS: SessionEvent[] = [
  'transport-opened',
  'connected',
  'silent',
  'active',
  'transport-closed',
  'leave',
  'taken-over',
  'displaced',
  'stop',
  'deadline',
  'restored',
  'server-stopping',
];
const STATES: SessionState[] = ['connecting', 'connected', 'away', 'ended'];
const IGNORED = STATES.flatMap((state) =>
  EVENTS.filter((event) => !CHANGES.some((row) => row[0] === state && row[1] === event)).map(
    (event) => [state, event] as const,
  ),
);

test.each(IGNORED)('%s ignores %s', (state, event) => {
  expect(transition(VIEWER[state], event, NOW, LIMITS)).toBe(VIEWER[state]);
});

test('a publisher has its own, longer grace', () => {
  const life = transition(newborn('publisher'), 'restored', NOW, LIMITS);
  expect(life).toMatchObject({ state: 'away', deadlineMs: NOW + 60_000 });
});

test('a deadline that comes too early is ignored', () => {
  expect(transition(VIEWER.away, 'deadline', NOW - 1, LIMITS)).toBe(VIEWER.away);
});

test('one more bad sign does not prolong the grace', () => {
  const silent = transition(VIEWER.connected, 'silent', NOW, LIMITS);
  const closed = transition(silent, 'transport-closed', NOW + 10_000, LIMITS);
  expect(closed.deadlineMs).toBe(NOW + 30_000);
});
