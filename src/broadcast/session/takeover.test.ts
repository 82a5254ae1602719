// Who may publish under a name that is taken.

import { expect, test } from 'vitest';
import { type Claim, type Incumbent, judgeClaim, type Verdict } from './takeover.ts';

const present = { sessionId: 'old', gone: false, keyHash: 'key' };
const gone = { ...present, gone: true };
const keyless = { ...present, keyHash: null };
const stranger = { resumedSessionId: undefined, keyHash: 'other', asAdmin: false };
const nobody = { resumedSessionId: undefined, keyHash: null, asAdmin: false };
const sameKey = { resumedSessionId: undefined, keyHash: 'key', asAdmin: false };
const itself = { resumedSessionId: 'old', keyHash: null, asAdmin: false };
const otherSession = { resumedSessionId: 'other', keyHash: null, asAdmin: false };
const admin = { resumedSessionId: undefined, keyHash: 'admin', asAdmin: true };

test.each<[string, Incumbent | undefined, Claim, Verdict]>([
  ['a free name is anybody’s', undefined, nobody, 'free'],
  ['the session itself resumes', present, itself, 'resumes'],
  ['the session itself resumes when gone', gone, itself, 'resumes'],
  ['the same key takes over', present, sameKey, 'takes-over'],
  ['another key does not', present, stranger, 'refused'],
  ['no key does not', present, nobody, 'refused'],
  ['two without a key are strangers', keyless, nobody, 'refused'],
  ['a key does not match none', keyless, sameKey, 'refused'],
  ['another session’s token does not', present, otherSession, 'refused'],
  ['an admin takes over from whoever is there', present, admin, 'takes-over'],
  ['anybody takes over from one who is gone', gone, stranger, 'takes-over'],
  ['anybody without a key, too', gone, nobody, 'takes-over'],
])('%s', (_sentence, incumbent, claim, verdict) => {
  expect(judgeClaim(incumbent, claim)).toBe(verdict);
});
