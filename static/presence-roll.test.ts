// The list of people follows what is told.

import { expect, it } from 'vitest';
import { follow, inOrder, NOBODY, type Person } from './presence-roll.js';

const person = (viewer: string, name = viewer): Person => ({ viewer, name, role: 'viewer' });
const names = (roll: typeof NOBODY) => inOrder(roll).map(({ name }) => name);

it('from a snapshot on, by changes', () => {
  const first = follow(NOBODY, { people: [person('bob'), person('ann')], total: 2 });
  const next = follow(first, {
    joined: [person('cy')],
    left: [person('ann')],
    changed: [person('bob', 'Zoe')],
    total: 2,
  });
  expect([names(first), names(next), next.total]).toEqual([['ann', 'bob'], ['cy', 'Zoe'], 2]);
});

it('a snapshot after a reconnect takes the place of everything', () => {
  const roll = follow(follow(NOBODY, { people: [person('ann')], total: 1 }), { people: [person('bob')], total: 9 });
  expect([names(roll), roll.total]).toEqual([['bob'], 9]);
});

it('the broadcaster stands first', () => {
  const roll = follow(NOBODY, { people: [person('ann'), { ...person('zoe'), role: 'publisher' }], total: 2 });
  expect(names(roll)).toEqual(['zoe', 'ann']);
});
