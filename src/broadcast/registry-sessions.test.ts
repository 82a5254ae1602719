// Opening, resuming and losing sessions: who gets in, and what is left behind.

import { expect, test } from 'vitest';
import { FanlightError } from '../errors.ts';
import { resumeOf, Stage } from '../test/stage.ts';
import type { IceDescription } from './ports.ts';

test('a broadcast is live when its publisher is connected, not before', async () => {
  const stage = new Stage();
  await stage.open('publisher');
  expect(stage.registry.describe('live').state).toBe('idle');
  stage.media.emit({ type: 'connected', transportId: stage.media.lastTransportId });
  expect(stage.registry.describe('live')).toMatchObject({ state: 'live', sinceMs: stage.clock.now() });
  expect(stage.newsOf('live')).toEqual(['live 0']);
});

test('an opened session is answered with its secret, and known under its id', async () => {
  const stage = new Stage();
  const opened = await stage.open('viewer', { offer: 'v=0' });
  expect(opened).toMatchObject({ answer: 'answer to v=0', resumed: false, session: { state: 'connecting' } });
  expect(stage.registry.session(opened.session.id)).toEqual(opened.session);
  expect(stage.registry.verifyResumeToken(opened.session.id, opened.resumeToken)).toBe(true);
  expect(stage.registry.verifyResumeToken(opened.session.id, 'guess')).toBe(false);
  expect(stage.registry.verifyResumeToken('unknown', opened.resumeToken)).toBe(false);
});

test('neither the token nor the whole session id is logged', async () => {
  const stage = new Stage();
  const opened = await stage.publish();
  stage.registry.end(opened.session.id);
  expect(stage.logged).toHaveLength(2);
  expect(stage.logged.join()).not.toContain(opened.session.id);
  expect(stage.logged.join()).not.toContain(opened.resumeToken);
});

test('a name that is none opens nothing', async () => {
  const stage = new Stage();
  await expect(stage.open('viewer', { broadcast: 'a b' })).rejects.toMatchObject({ code: 'invalid_name' });
  expect(stage.media.commands).toEqual([]);
});

test('a viewer must be able to decode what is live; before the publisher comes everything is welcome', async () => {
  const stage = new Stage();
  await stage.watch();
  await stage.publish();
  await stage.watch();
  expect(stage.media.requests.map((request) => request.requiredTracks.length)).toEqual([0, 0, 2]);
});

test('resuming keeps id and token, and replaces the transport after the new one is answered', async () => {
  const stage = new Stage();
  const first = await stage.watch();
  stage.media.holding = true;
  const resuming = stage.open('viewer', resumeOf(first));
  expect(stage.media.openTransports).toEqual(new Set([first.transportId]));
  expect(stage.registry.session(first.session.id)?.state).toBe('connected');
  stage.media.held[0]?.answer();
  const second = await resuming;
  expect(second).toMatchObject({ resumed: true, resumeToken: first.resumeToken });
  expect(second.session).toMatchObject({ id: first.session.id, state: 'connecting' });
  expect(second.session.iceTag).not.toBe(first.session.iceTag);
  expect(stage.media.openTransports).toEqual(new Set([stage.media.lastTransportId]));
  expect(stage.media.openTransports).not.toContain(first.transportId);
});

test('events of a replaced transport are not heard any more', async () => {
  const stage = new Stage();
  const first = await stage.watch();
  await stage.open('viewer', resumeOf(first));
  stage.media.emit({ type: 'connected', transportId: first.transportId });
  stage.lose(first.transportId);
  expect(stage.registry.session(first.session.id)?.state).toBe('connecting');
});

test('a wrong token is refused and changes nothing', async () => {
  const stage = new Stage();
  const first = await stage.publish();
  const resume = { sessionId: first.session.id, token: 'guess' };
  await expect(stage.open('publisher', { resume })).rejects.toMatchObject({ code: 'wrong_resume_token' });
  expect(stage.media.requests).toHaveLength(1);
  expect(stage.registry.session(first.session.id)?.state).toBe('connected');
});

test.each([
  ['that never was', { resume: { sessionId: 'unknown', token: 'x' } }, 'live'],
  ['of another broadcast', undefined, 'other'],
])('resuming a session %s opens a new one', async (_which, overrides, broadcast) => {
  const stage = new Stage();
  const first = await stage.watch();
  const second = await stage.watch({ ...(overrides ?? resumeOf(first)), broadcast });
  expect(second.resumed).toBe(false);
  expect(second.session.id).not.toBe(first.session.id);
  expect(stage.media.openTransports.size).toBe(2);
});

test('a viewer’s token gives no publisher’s session', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  const publisher = await stage.publish(resumeOf(viewer));
  expect(publisher).toMatchObject({ resumed: false, session: { role: 'publisher' } });
});

test('a failed open leaves nothing behind', async () => {
  const stage = new Stage({ broadcasts: 1 });
  stage.media.failure = new FanlightError('malformed_sdp');
  for (const role of ['publisher', 'viewer'] as const) {
    await expect(stage.open(role)).rejects.toMatchObject({ code: 'malformed_sdp' });
  }
  expect(stage.registry.totals()).toEqual({ broadcasts: 0, viewers: 0, publishers: 0 });
  expect(stage.registry.list({ all: true })).toEqual([]);
  expect(stage.store.load()).toEqual({ sessions: [], broadcasts: [] });
  expect(stage.events).toEqual([]);
  expect(stage.clock.pending).toBe(0);
  stage.media.failure = undefined;
  await expect(stage.open('viewer', { broadcast: 'other' })).resolves.toBeDefined();
});

test('a failed resume leaves the session on its transport', async () => {
  const stage = new Stage();
  const first = await stage.publish();
  stage.media.failure = new FanlightError('unsupported_codec');
  await expect(stage.open('publisher', resumeOf(first))).rejects.toMatchObject({ code: 'unsupported_codec' });
  expect(stage.registry.session(first.session.id)).toMatchObject({ state: 'connected', iceTag: first.session.iceTag });
  expect(stage.media.openTransports).toEqual(new Set([first.transportId]));
});

test('the viewer limit holds, also among viewers who come at once', async () => {
  const stage = new Stage({ viewersPerBroadcast: 2 });
  await stage.watch();
  stage.media.holding = true;
  const both = [stage.open('viewer'), stage.open('viewer')];
  for (const held of stage.media.held) held.answer();
  const [won, lost] = await Promise.allSettled(both);
  expect(won).toMatchObject({ status: 'fulfilled' });
  expect(lost).toMatchObject({ status: 'rejected', reason: { code: 'viewer_limit', retryAfterSeconds: 10 } });
  expect(stage.media.openTransports.size).toBe(2);
  expect(stage.registry.describe('live').viewers).toBe(2);
  await expect(stage.open('viewer')).rejects.toMatchObject({ code: 'viewer_limit' });
  expect(stage.media.requests).toHaveLength(3);
});

test('at the limit the viewer who is away longest gives its place to one who is here', async () => {
  const stage = new Stage({ viewersPerBroadcast: 2 });
  const first = await stage.watch();
  const second = await stage.watch();
  stage.lose(second.transportId);
  stage.clock.advance(1_000);
  stage.lose(first.transportId);
  await stage.watch();
  expect(stage.registry.session(second.session.id)).toBeUndefined();
  expect(stage.registry.session(first.session.id)?.state).toBe('away');
  expect(stage.storyOf(second.session.id).at(-1)).toBe('ended grace-over');
});

test('the only viewer of a broadcast can give way, too', async () => {
  const stage = new Stage({ viewersPerBroadcast: 1 });
  const first = await stage.watch();
  stage.lose(first.transportId);
  await stage.watch();
  expect(stage.registry.totals().viewers).toBe(1);
});

test('resuming needs no free place', async () => {
  const stage = new Stage({ viewersPerBroadcast: 1 });
  const viewer = await stage.watch();
  await expect(stage.open('viewer', resumeOf(viewer))).resolves.toMatchObject({ resumed: true });
});

test('only so many names are published at once, and those that are go on', async () => {
  const stage = new Stage({ broadcasts: 1 });
  const first = await stage.publish({ broadcast: 'a' });
  await expect(stage.open('publisher', { broadcast: 'b' })).rejects.toMatchObject({ code: 'broadcast_limit' });
  await expect(stage.open('viewer', { broadcast: 'a' })).resolves.toBeDefined();
  await expect(stage.open('publisher', { broadcast: 'a', ...resumeOf(first) })).resolves.toBeDefined();
});

test('of two publishers at once for the last place the one who asked first gets it', async () => {
  const stage = new Stage({ broadcasts: 1 });
  stage.media.holding = true;
  const first = stage.open('publisher', { broadcast: 'a' });
  await expect(stage.open('publisher', { broadcast: 'b' })).rejects.toMatchObject({ code: 'broadcast_limit' });
  stage.media.held[0]?.answer();
  await expect(first).resolves.toBeDefined();
});

test('viewers, titles and messages for names that nobody publishes keep no publisher out', async () => {
  const stage = new Stage({ broadcasts: 2 });
  await stage.watch({ broadcast: 'early' });
  stage.registry.updateSettings('titled', { title: 'Soon' });
  await stage.publish({ broadcast: 'a' });
  await expect(stage.open('publisher', { broadcast: 'early' })).resolves.toBeDefined();
  await expect(stage.open('viewer', { broadcast: 'a' })).resolves.toBeDefined();
});

test('viewers who wait for names that nobody publishes take only the places of such names', async () => {
  const stage = new Stage({ broadcasts: 1 });
  const early = await stage.watch({ broadcast: 'early' });
  await expect(stage.open('viewer', { broadcast: 'other' })).rejects.toMatchObject({ code: 'broadcast_limit' });
  stage.registry.end(early.session.id);
  await expect(stage.open('viewer', { broadcast: 'other' })).resolves.toBeDefined();
});

test('of two resumes of one session the later request wins, in whatever order they are answered', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const stage = new Stage();
    const viewer = await stage.watch();
    stage.media.holding = true;
    const resumes = [stage.open('viewer', resumeOf(viewer)), stage.open('viewer', resumeOf(viewer))];
    for (const index of order) {
      stage.media.held[index]?.answer();
      await resumes[index]?.catch(() => undefined);
    }
    const results = await Promise.allSettled(resumes);
    expect(results[1]).toMatchObject({ status: 'fulfilled', value: { resumed: true } });
    expect(stage.media.openTransports).toEqual(new Set([stage.media.lastTransportId]));
    expect(stage.registry.totals().viewers).toBe(1);
    if (order[0] === 1) expect(results[0]).toMatchObject({ reason: { code: 'superseded' } });
  }
});

test('when the later resume fails, the earlier one counts', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.media.holding = true;
  const [earlier, later] = [stage.open('viewer', resumeOf(viewer)), stage.open('viewer', resumeOf(viewer))];
  stage.media.held[1]?.fail(new FanlightError('worker_unavailable'));
  await expect(later).rejects.toMatchObject({ code: 'worker_unavailable' });
  stage.media.held[0]?.answer();
  await expect(earlier).resolves.toMatchObject({ resumed: true });
  expect(stage.media.openTransports.size).toBe(1);
});

test('a session whose grace ends while it is resumed is opened anew', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.lose(viewer.transportId);
  stage.media.holding = true;
  const resuming = stage.open('viewer', resumeOf(viewer));
  stage.clock.advance(30_000);
  stage.media.held[0]?.answer();
  const opened = await resuming;
  expect(opened.resumed).toBe(false);
  expect(opened.session.id).not.toBe(viewer.session.id);
  expect(stage.registry.verifyResumeToken(opened.session.id, opened.resumeToken)).toBe(true);
});

test('a session that is stopped while it is resumed stays stopped', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.media.holding = true;
  const resuming = stage.open('viewer', resumeOf(viewer));
  stage.registry.end(viewer.session.id);
  stage.media.held[0]?.answer();
  await expect(resuming).rejects.toMatchObject({ code: 'unknown_session' });
  expect(stage.media.openTransports.size).toBe(0);
  expect(stage.registry.totals().viewers).toBe(0);
});

test('ending a session closes its transport and forgets it', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.registry.end(viewer.session.id);
  expect(stage.storyOf(viewer.session.id)).toEqual(['connecting', 'connected', 'ended stopped']);
  expect(stage.media.openTransports.size).toBe(0);
  expect(stage.registry.session(viewer.session.id)).toBeUndefined();
  expect(() => stage.registry.end(viewer.session.id)).toThrow(expect.objectContaining({ code: 'unknown_session' }));
});

test('an ICE restart changes the tag of the session and nothing else', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  const description = await stage.registry.restartIce(viewer.session.id);
  expect(stage.registry.session(viewer.session.id)).toMatchObject({
    state: 'connected',
    iceTag: description.usernameFragment,
  });
  await expect(stage.registry.restartIce('unknown')).rejects.toMatchObject({ code: 'unknown_session' });
  stage.lose(viewer.transportId);
  await expect(stage.registry.restartIce(viewer.session.id)).rejects.toMatchObject({ code: 'unknown_session' });
});

test('an ICE restart of a transport that is replaced meanwhile does not touch the new one', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  const description = Promise.withResolvers<IceDescription>();
  stage.media.restartIce = () => description.promise;
  const restarting = stage.registry.restartIce(viewer.session.id);
  const resumed = await stage.open('viewer', resumeOf(viewer));
  description.resolve({ usernameFragment: 'old', password: 'p', candidates: [] });
  await expect(restarting).rejects.toMatchObject({ code: 'unknown_session' });
  expect(stage.registry.session(viewer.session.id)?.iceTag).toBe(resumed.session.iceTag);
});
