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
