// A session's secret, and what it can decode.

import { expect, test } from 'vitest';
import { AV1, OPUS, trackOf, VP8 } from '../../test/fakes.ts';
import { parseBroadcastName } from '../names.ts';
import { Session } from './session.ts';

const birth = { role: 'viewer', broadcast: parseBroadcastName('live'), keyHash: null, createdAtMs: 5 } as const;

test('id and token are 128 random bits each, and different', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 100; i += 1) {
    const { session, resumeToken } = Session.create(birth);
    for (const secret of [session.id, resumeToken]) {
      expect(secret).toMatch(/^[A-Za-z0-9_-]{22}$/);
      seen.add(secret);
    }
  }
  expect(seen.size).toBe(200);
});

test('only the right token is verified, also after the store', () => {
  const { session, resumeToken } = Session.create(birth);
  for (const each of [session, Session.restore(session.stored())]) {
    expect(each.verify(resumeToken)).toBe(true);
    for (const wrong of ['', session.id, `${resumeToken}=`, resumeToken.slice(1)]) {
      expect(each.verify(wrong)).toBe(false);
    }
  }
});

test('the token is not in what is stored', () => {
  const { session, resumeToken } = Session.create(birth);
  expect(JSON.stringify(session.stored())).not.toContain(resumeToken);
  expect(session.stored()).toMatchObject({ id: session.id, role: 'viewer', broadcast: 'live', createdAtMs: 5 });
});

test('a stored hash that is broken verifies nothing', () => {
  const { session } = Session.create(birth);
  expect(Session.restore({ ...session.stored(), resumeTokenHash: 'ab' }).verify('')).toBe(false);
});

test.each([
  ['decodes all', [VP8, OPUS], [VP8, OPUS], undefined],
  ['cannot decode the video', [VP8, OPUS], [AV1, OPUS], 'AV1'],
  ['asked for sound only', [OPUS], [AV1, OPUS], undefined],
  ['asked for nothing', [], [AV1, OPUS], undefined],
  ['has nobody to watch', [VP8], [], undefined],
])('a viewer that %s', (_sentence, codecs, sent, unsupportedCodec) => {
  const { session } = Session.create(birth);
  session.carryBy({ transportId: 't', iceTag: 'i', codecs, attempt: 1 });
  expect(session.judge(sent.map(trackOf))).toBe(unsupportedCodec !== undefined);
  expect(session.view().unsupportedCodec).toBe(unsupportedCodec);
});
