// Going away and coming back: grace, restart of the server, and forgetting.

import { expect, test } from 'vitest';
import { textMessage } from '../test/fakes.ts';
import { resumeOf, Stage } from '../test/stage.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

test('a lost publisher interrupts its broadcast for 60 s, then it is idle', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  await stage.watch();
  stage.events.length = 0;
  stage.lose(publisher.transportId);
  const graceEndsAtMs = stage.clock.now() + 60_000;
  expect(stage.registry.describe('live')).toMatchObject({ state: 'interrupted', graceEndsAtMs, viewers: 1 });
  expect(stage.registry.describe('live').tracks).toHaveLength(2);
  stage.clock.advance(59_999);
  expect(stage.registry.describe('live').state).toBe('interrupted');
  stage.clock.advance(1);
  const view = stage.registry.describe('live');
  expect(view).toMatchObject({ state: 'idle', tracks: [], graceEndsAtMs: undefined, viewers: 1 });
  expect(stage.storyOf(publisher.session.id)).toEqual(['away', 'ended grace-over']);
  expect(stage.newsOf('live')).toEqual(['interrupted 1', 'idle 1']);
});

test('a lost viewer keeps its session for 30 s and counts meanwhile, though not as connected', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.lose(viewer.transportId);
  expect(stage.registry.totals().viewers).toBe(0);
  stage.clock.advance(29_999);
  expect(stage.registry.describe('live').viewers).toBe(1);
  expect(stage.registry.session(viewer.session.id)?.state).toBe('away');
  stage.clock.advance(1);
  expect(stage.registry.session(viewer.session.id)).toBeUndefined();
});

test('a silent session is away on its transport, and back when packets arrive', async () => {
  const stage = new Stage();
  const { session, transportId } = await stage.publish();
  stage.media.emit({ type: 'silent', transportId, forMs: 2_000 });
  expect(stage.registry.describe('live').state).toBe('interrupted');
  expect(stage.media.openTransports).toContain(transportId);
  stage.clock.advance(50_000);
  stage.media.emit({ type: 'active', transportId });
  expect(stage.registry.describe('live').state).toBe('live');
  stage.clock.advance(120_000);
  expect(stage.registry.session(session.id)?.state).toBe('connected');
});

test('when the grace of a silent session ends, its transport is closed', async () => {
  const stage = new Stage();
  const { transportId } = await stage.watch();
  stage.media.emit({ type: 'silent', transportId, forMs: 2_000 });
  stage.clock.advance(30_000);
  expect(stage.media.openTransports.size).toBe(0);
});

test('whoever leaves is away at once', async () => {
  const stage = new Stage();
  const { session } = await stage.publish();
  stage.registry.leave(session.id);
  stage.registry.leave('unknown');
  expect(stage.registry.describe('live').state).toBe('interrupted');
  stage.clock.advance(60_000);
  expect(stage.registry.session(session.id)).toBeUndefined();
});

test('a publisher who resumes is interrupted until it is connected, and its grace is told meanwhile', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  stage.lose(publisher.transportId);
  await stage.open('publisher', resumeOf(publisher));
  const graceEndsAtMs = stage.clock.now() + 15_000 + 60_000;
  expect(stage.registry.describe('live')).toMatchObject({ state: 'interrupted', graceEndsAtMs });
  stage.media.emit({ type: 'connected', transportId: stage.media.lastTransportId });
  expect(stage.registry.describe('live')).toMatchObject({ state: 'live', graceEndsAtMs: undefined });
});

test('the next publisher after the end starts from idle', async () => {
  const stage = new Stage();
  const first = await stage.publish();
  await stage.watch();
  stage.registry.end(first.session.id);
  await stage.open('publisher');
  expect(stage.registry.describe('live')).toMatchObject({ state: 'idle', tracks: [] });
});

test('a session that never connects is away after 15 s, then ended, and the broadcast was never interrupted', async () => {
  const stage = new Stage();
  const { session } = await stage.open('publisher');
  stage.clock.advance(15_000);
  expect(stage.registry.session(session.id)?.state).toBe('away');
  stage.clock.advance(60_000);
  expect(stage.registry.session(session.id)).toBeUndefined();
  expect(stage.media.openTransports.size).toBe(0);
  expect(stage.newsOf('live')).toEqual([]);
});

test('thousands of deadlines need one timer', async () => {
  const stage = new Stage();
  for (let i = 0; i < 50; i += 1) {
    await stage.open('viewer');
    stage.clock.advance(100);
  }
  // The other one is for the viewer count.
  expect(stage.clock.pending).toBeLessThanOrEqual(2);
  stage.clock.advance(15_000 + 30_000);
  expect(stage.registry.totals()).toEqual({ broadcasts: 0, viewers: 0, publishers: 0 });
  expect(stage.media.openTransports.size).toBe(0);
  stage.clock.advance(1_000);
  expect(stage.clock.pending).toBe(0);
});

test('a restart of the server forgets nobody: both sides are away and resume with the same ids', async () => {
  const before = new Stage();
  const publisher = await before.publish({ keyHash: 'key' });
  const viewer = await before.watch();
  before.registry.updateSettings('live', { title: 'Finals' });
  before.media.emit({ type: 'data', transportId: publisher.transportId, message: textMessage('state', '1:0') });
  const stage = before.restart();
  expect(before.storyOf(viewer.session.id).at(-1)).toBe('ended server-stopping');
  expect(before.media.openTransports.size).toBe(0);
  expect(stage.registry.describe('live')).toMatchObject({ state: 'interrupted', title: 'Finals', viewers: 1 });
  expect(stage.registry.stateMessages('live')).toEqual([textMessage('state', '1:0')]);
  await expect(
    stage.open('viewer', { resume: { sessionId: viewer.session.id, token: 'guess' } }),
  ).rejects.toMatchObject({ code: 'wrong_resume_token' });
  const back = [await stage.publish(resumeOf(publisher)), await stage.watch(resumeOf(viewer))];
  expect(back.map((opened) => [opened.session.id, opened.resumeToken, opened.resumed])).toEqual(
    [publisher, viewer].map((opened) => [opened.session.id, opened.resumeToken, true]),
  );
  expect(stage.registry.describe('live')).toMatchObject({ state: 'live', viewers: 1 });
});

test('after a restart the grace is fresh, and who does not come back is forgotten', async () => {
  const before = new Stage();
  const publisher = await before.publish();
  before.lose(publisher.transportId);
  before.clock.advance(59_000);
  const stage = before.restart();
  expect(stage.registry.describe('live').graceEndsAtMs).toBe(stage.clock.now() + 60_000);
  stage.clock.advance(60_000);
  expect(stage.registry.describe('live').state).toBe('idle');
  expect(stage.store.load()).toEqual({ sessions: [], broadcasts: [] });
});

test('a server that died in the middle of a takeover restores the newer publisher only', async () => {
  const before = new Stage();
  const old = await before.publish({ keyHash: 'key' });
  const [stored] = before.store.load().sessions;
  before.clock.advance(1_000);
  const fresh = await before.publish({ keyHash: 'key' });
  if (stored) before.store.saveSession(stored);
  const stage = before.restart();
  expect(stage.registry.session(old.session.id)).toBeUndefined();
  expect(stage.registry.session(fresh.session.id)?.state).toBe('away');
  expect(stage.registry.describe('live').state).toBe('interrupted');
  expect(stage.store.load().sessions).toHaveLength(1);
});

test('a server that is closed takes nobody in, not even who was on the way', async () => {
  const stage = new Stage();
  const viewer = await stage.open('viewer');
  stage.media.holding = true;
  const opening = stage.open('publisher');
  expect(stage.clock.pending).toBe(2);
  stage.registry.close();
  stage.registry.close();
  stage.media.held[0]?.answer();
  await expect(opening).rejects.toMatchObject({ code: 'shutting_down' });
  await expect(stage.open('viewer')).rejects.toMatchObject({ code: 'shutting_down' });
  expect(stage.media.openTransports.size).toBe(0);
  expect(stage.store.load().sessions.map((session) => session.id)).toEqual([viewer.session.id]);
  expect(stage.clock.pending).toBe(0);
});

test('a broadcast that nobody would miss is forgotten', async () => {
  const stage = new Stage({ broadcasts: 1 });
  const viewer = await stage.watch({ broadcast: 'a' });
  stage.registry.end(viewer.session.id);
  stage.registry.publishData('b', textMessage('chat', 'x'));
  stage.registry.updateSettings('c', { title: ' ' });
  const publisher = await stage.publish({ broadcast: 'd' });
  await expect(stage.open('publisher', { broadcast: 'e' })).rejects.toMatchObject({ code: 'broadcast_limit' });
  stage.registry.end(publisher.session.id);
  await expect(stage.open('publisher', { broadcast: 'e' })).resolves.toBeDefined();
});

test('settings keep a broadcast, until they are the default again', () => {
  const before = new Stage();
  before.registry.updateSettings('live', { title: 'Finals' });
  const stage = before.restart();
  expect(stage.registry.describe('live').title).toBe('Finals');
  stage.registry.updateSettings('live', { title: '' });
  expect(stage.store.load().broadcasts).toEqual([]);
});

test('state messages of a broadcast without anybody are dropped a day after the last one', async () => {
  const stage = new Stage();
  stage.registry.publishData('live', textMessage('state', '1'));
  stage.clock.advance(DAY_MS - 1);
  stage.registry.publishData('live', textMessage('state', '2'));
  stage.clock.advance(DAY_MS - 1);
  expect(stage.registry.stateMessages('live')).toEqual([textMessage('state', '2')]);
  stage.clock.advance(1);
  expect(stage.registry.stateMessages('live')).toEqual([]);
  expect(stage.store.load().broadcasts).toEqual([]);
});

test('a viewer keeps them, and the day begins when it goes', async () => {
  const stage = new Stage();
  stage.registry.publishData('live', textMessage('state', '1'));
  const viewer = await stage.watch();
  stage.clock.advance(2 * DAY_MS);
  expect(stage.registry.stateMessages('live')).toHaveLength(1);
  stage.registry.end(viewer.session.id);
  stage.clock.advance(DAY_MS - 1);
  expect(stage.registry.stateMessages('live')).toHaveLength(1);
  stage.clock.advance(1);
  expect(stage.registry.stateMessages('live')).toHaveLength(0);
});
