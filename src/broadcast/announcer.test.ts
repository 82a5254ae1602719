// What listeners hear, and how often.

import { expect, test } from 'vitest';
import { FakeClock } from '../test/fakes.ts';
import { Announcer } from './announcer.ts';

function setUp() {
  const clock = new FakeClock(0);
  const faults: unknown[] = [];
  const view = {
    name: 'live',
    state: 'idle',
    sinceMs: 0,
    reason: undefined,
    viewers: 0,
    tracks: [],
    title: '',
    listed: true,
    chat: 'named',
    slowModeSeconds: 0,
    graceEndsAtMs: undefined,
    free: true,
  } as const;
  const announcer = new Announcer({
    clock,
    quietMs: 100,
    deliveriesPerSecond: 20_000,
    viewOf: (name) => ({ ...view, name }),
    onFault: (error) => faults.push(error),
  });
  const heard: string[] = [];
  announcer.subscribe((event) => {
    if (event.type === 'broadcast') heard.push(`${event.broadcast.name}@${clock.now()}`);
  });
  return { clock, announcer, heard, faults };
}

test('viewer counts are told once per broadcast and 100 ms', () => {
  const { clock, announcer, heard } = setUp();
  for (let i = 0; i < 10; i += 1) {
    announcer.broadcastChangedSoon('a');
    clock.advance(30);
  }
  announcer.broadcastChangedSoon('b');
  clock.advance(1_000);
  expect(heard).toEqual(['a@100', 'a@220', 'a@340', 'b@400']);
});

test('a change of something else is told at once and takes the count along', () => {
  const { clock, announcer, heard } = setUp();
  announcer.broadcastChangedSoon('a');
  announcer.broadcastChanged('a');
  clock.advance(1_000);
  expect(heard).toEqual(['a@0']);
});

test('what thousands hear is told less often: at most 20,000 deliveries a second of a broadcast', () => {
  const { clock, announcer } = setUp();
  const clients = new Map([
    ['large', 3_000],
    ['small', 10],
  ]);
  const delivered = new Map<string, number>();
  // As if some heard it over WebSockets and some otherwise.
  for (const _ of ['WebSockets', 'events']) {
    announcer.subscribe(
      (event) => {
        if (event.type !== 'broadcast') return;
        const { name } = event.broadcast;
        delivered.set(name, (delivered.get(name) ?? 0) + (clients.get(name) ?? 0));
      },
      (name) => clients.get(name) ?? 0,
    );
  }
  for (let i = 0; i < 500; i += 1) {
    for (const name of clients.keys()) announcer.broadcastChangedSoon(name);
    clock.advance(20);
  }
  expect(delivered.get('large')).toBeLessThanOrEqual(10 * 20_000);
  expect(delivered.get('large')).toBeGreaterThan(10 * 15_000);
  expect(delivered.get('small')).toBeGreaterThan(10 * 20 * 8);
});

test('a change of something else is told to thousands at once, too', () => {
  const { clock, announcer, heard } = setUp();
  announcer.subscribe(
    () => {},
    () => 100_000,
  );
  announcer.broadcastChangedSoon('a');
  clock.advance(1_000);
  expect(heard).toEqual([]);
  announcer.broadcastChanged('a');
  expect(heard).toEqual(['a@1000']);
  clock.advance(10_000);
  expect(heard).toHaveLength(1);
});

test('a listener that throws does not keep the news from the others', () => {
  const { announcer, heard, faults } = setUp();
  const broken = new Error('socket');
  const unsubscribe = announcer.subscribe(() => {
    throw broken;
  });
  const heardLater: string[] = [];
  announcer.subscribe((event) => heardLater.push(event.type));
  announcer.broadcastChanged('a');
  expect(heard).toHaveLength(1);
  expect(heardLater).toEqual(['broadcast']);
  expect(faults).toEqual([broken]);
  unsubscribe();
  announcer.broadcastChanged('a');
  expect(faults).toHaveLength(1);
});
