// What is told about who is here: the list that a client keeps is always the one that a newcomer gets.

import { expect, test } from 'vitest';
import type { PresenceChange, PresenceEntry } from './people-service.ts';
import { CHANGES_AT_ONCE, LISTED, Presence } from './presence.ts';

const person = (viewer: string, name = viewer): PresenceEntry => ({ viewer, name, role: 'viewer' });
const names = (entries: readonly PresenceEntry[] = []) => entries.map(({ name }) => name);

function here(...viewers: string[]): Presence {
  const presence = new Presence();
  for (const viewer of viewers) presence.set(viewer, person(viewer));
  presence.tell();
  return presence;
}

test('who comes, goes and is called differently is told once', () => {
  const presence = here('ann', 'bob');
  presence.set('cy', person('cy'));
  presence.set('ann', undefined);
  presence.set('bob', person('bob', 'Robert'));
  const told = presence.tell();
  expect([names(told?.joined), names(told?.left), names(told?.changed)]).toEqual([['cy'], ['ann'], ['Robert']]);
  expect(told?.total).toBe(2);
  expect(presence.tell()).toBeUndefined();
});

test.each<[string, (presence: Presence) => void]>([
  ['comes and goes', (presence) => [person('cy'), undefined].forEach((each) => void presence.set('cy', each))],
  ['goes and comes', (presence) => [undefined, person('ann')].forEach((each) => void presence.set('ann', each))],
  [
    'is called differently and the same again',
    (presence) => {
      presence.set('ann', person('ann', 'Anna'));
      presence.set('ann', person('ann'));
    },
  ],
])('who %s in the meantime is no news', (_, act) => {
  const presence = here('ann');
  act(presence);
  expect(presence.tell()).toBeUndefined();
  expect(presence.isUntold).toBe(false);
});

test('a newcomer gets what was told, so that the next change fits', () => {
  const presence = here('ann');
  presence.set('bob', person('bob'));
  expect(presence.view).toEqual({ people: [person('ann')], total: 1 });
  expect(names(presence.tell()?.joined)).toEqual(['bob']);
  expect(presence.view).toEqual({ people: [person('ann'), person('bob')], total: 2 });
  expect(presence.view).toBe(presence.view);
});

test('a crowd is told in parts, and listed up to a number; who waits moves up', () => {
  const presence = new Presence();
  const crowd = Array.from({ length: LISTED + 20 }, (_, index) => `v${index}`);
  for (const viewer of crowd) presence.set(viewer, person(viewer));
  const list = new Map<string, PresenceEntry>();
  const follow = () => {
    let changes = 0;
    for (let told: PresenceChange | undefined = presence.tell(); told; told = presence.tell()) {
      expect(told.joined.length + told.left.length + told.changed.length).toBeLessThanOrEqual(CHANGES_AT_ONCE);
      for (const entry of [...told.joined, ...told.changed]) list.set(entry.viewer, entry);
      for (const { viewer } of told.left) expect(list.delete(viewer)).toBe(true);
      changes += 1;
    }
    expect(presence.isUntold).toBe(false);
    expect([...list.values()]).toEqual(expect.arrayContaining([...presence.view.people]));
    expect(list.size).toBe(presence.view.people.length);
    return changes;
  };
  expect(follow()).toBeGreaterThanOrEqual(LISTED / CHANGES_AT_ONCE);
  expect([list.size, presence.view.total]).toEqual([LISTED, LISTED + 20]);
  for (const viewer of crowd.slice(0, 10)) presence.set(viewer, undefined);
  follow();
  expect([list.size, presence.view.total]).toEqual([LISTED, LISTED + 10]);
  for (const viewer of crowd) presence.set(viewer, undefined);
  follow();
  expect(presence.isOver).toBe(true);
});
