// Keys and rights.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Rights } from './rights.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const closed = new Rights({ publishKey: 'p', viewKey: 'v', adminKey: 'a' });
const open = new Rights({});

describe('a right that needs a key', () => {
  it.each([
    ['publish', 'Bearer p'],
    ['publish', 'bearer  p '],
    ['view', 'Bearer v'],
    ['view', 'Bearer a'],
    ['admin', 'Bearer a'],
  ] as const)('%s is given for %j, with the hash of the key', (right, authorization) => {
    expect(closed.authorize(right, authorization)).toBe(sha256(authorization.trim().at(-1) ?? ''));
  });

  it.each([
    ['publish', undefined, 'missing_key'],
    ['publish', '', 'missing_key'],
    ['publish', 'Bearer', 'missing_key'],
    ['publish', 'Bearer undefined', 'missing_key'],
    ['publish', 'p', 'missing_key'],
    ['publish', 'Bearer v', 'wrong_key'],
    ['view', 'Bearer p', 'wrong_key'],
    ['admin', 'Bearer p', 'wrong_key'],
    ['publish', 'Bearer pp', 'wrong_key'],
  ] as const)('%s is refused for %j as %s', (right, authorization, code) => {
    expect(() => closed.authorize(right, authorization)).toThrow(expect.objectContaining({ code }));
  });

  it('is given to who had a key that is good still', () => {
    expect(closed.allows('publish', sha256('p'))).toBe(true);
    expect(closed.allows('publish', sha256('a'))).toBe(true);
    for (const hash of [sha256('v'), null, '', 'nonsense']) expect(closed.allows('publish', hash)).toBe(false);
    expect(open.allows('publish', null)).toBe(true);
  });

  it('may be left without a key where the address is the capability, but not with a wrong one', () => {
    expect(closed.authorizeIfGiven('publish', undefined)).toBeNull();
    expect(closed.authorizeIfGiven('publish', 'Bearer undefined')).toBeNull();
    expect(() => closed.authorizeIfGiven('publish', 'Bearer v')).toThrow(
      expect.objectContaining({ code: 'wrong_key' }),
    );
  });
});

describe('an open right', () => {
  it('refuses nothing, and knows who comes again by the hash of whatever token came', () => {
    expect(open.authorize('publish', 'Bearer mine')).toBe(sha256('mine'));
    expect(open.authorize('publish', undefined)).toBeNull();
    expect(open.authorize('publish', 'Bearer undefined')).toBeNull();
    expect(open.authorize('publish', 'Basic abc')).toBeNull();
    expect(open.authorizeKey('publish', 'undefined')).toBeNull();
    expect(open.isOpen('publish')).toBe(true);
  });

  it('makes nobody an admin', () => {
    expect(open.isAdmin('Bearer anything')).toBe(false);
    expect(closed.isAdmin('Bearer a')).toBe(true);
    expect(closed.isAdmin('Bearer p')).toBe(false);
  });
});
