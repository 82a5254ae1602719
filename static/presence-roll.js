// Who is here under a name, kept up to date from what the server tells. Pure.

/** @typedef {{ viewer: string, name: string, role: 'viewer' | 'publisher' }} Person */

/**
 * @typedef {object} PresenceMessage a snapshot with `people`, or a change
 * @property {readonly Person[]} [people]
 * @property {readonly Person[]} [joined]
 * @property {readonly Person[]} [left]
 * @property {readonly Person[]} [changed]
 * @property {number} total
 */

/** @typedef {{ people: ReadonlyMap<string, Person>, total: number }} Roll by alias, in the order of coming */

/** Made once, and not for each comparison. */
const BY_NAME = new Intl.Collator();

/** @type {Roll} */
export const NOBODY = { people: new Map(), total: 0 };

/**
 * @param {Roll} roll
 * @param {PresenceMessage} message
 * @returns {Roll}
 */
export function follow(roll, { people, joined = [], left = [], changed = [], total }) {
  const next = people ? new Map(people.map((person) => [person.viewer, person])) : new Map(roll.people);
  for (const { viewer } of left) next.delete(viewer);
  for (const person of [...joined, ...changed]) next.set(person.viewer, person);
  return { people: next, total };
}

/**
 * The broadcaster first, then by name.
 * @param {Roll} roll
 * @returns {Person[]}
 */
export function inOrder({ people }) {
  const rank = (/** @type {Person} */ { role }) => (role === 'publisher' ? 0 : 1);
  return [...people.values()].sort((a, b) => rank(a) - rank(b) || BY_NAME.compare(a.name, b.name));
}
