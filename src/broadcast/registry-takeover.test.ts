// Two who want to publish under one name, at once or one after the other.

import { expect, test } from 'vitest';
import { AV1, trackOf } from '../test/fakes.ts';
import { resumeOf, Stage } from '../test/stage.ts';

test('a stranger is refused while the publisher is there, before any transport is made', async () => {
  const stage = new Stage();
  await stage.publish({ keyHash: 'key' });
  await expect(stage.open('publisher', { keyHash: 'other' })).rejects.toMatchObject({ code: 'already_live' });
  await expect(stage.open('publisher')).rejects.toMatchObject({ code: 'already_live' });
  expect(stage.media.requests).toHaveLength(1);
});

test('the same key takes over: the old session ends, its transport closes after the new one is answered', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  const old = await stage.publish({ keyHash: 'key' });
  stage.media.commands.length = 0;
  const fresh = await stage.open('publisher', { keyHash: 'key' });
  const freshTransportId = stage.media.lastTransportId;
  expect(stage.media.commands).toEqual([`open ${freshTransportId}`, `close ${old.transportId}`]);
  expect(stage.storyOf(old.session.id).at(-1)).toBe('ended taken-over');
  expect(stage.registry.session(old.session.id)).toBeUndefined();
  expect(stage.registry.describe('live')).toMatchObject({ state: 'interrupted', viewers: 1 });
  stage.media.emit({ type: 'connected', transportId: freshTransportId });
  expect(stage.registry.describe('live').state).toBe('live');
  expect(stage.registry.session(viewer.session.id)?.state).toBe('connected');
  expect(stage.store.load().sessions.map((session) => session.id)).toEqual([viewer.session.id, fresh.session.id]);
});

test('anybody takes over from a publisher who is away', async () => {
  const stage = new Stage();
  const old = await stage.publish({ keyHash: 'key' });
  stage.lose(old.transportId);
  await stage.publish({ keyHash: 'other' });
  expect(stage.storyOf(old.session.id).at(-1)).toBe('ended taken-over');
  expect(stage.registry.describe('live').state).toBe('live');
});

test('a stranger gets the name after 7 s of silence, and who waits for it is told then', async () => {
  const stage = new Stage();
  const { session, transportId } = await stage.publish({ keyHash: 'key' });
  stage.media.emit({ type: 'silent', transportId, forMs: 2_000 });
  expect(stage.registry.describe('live').state).toBe('interrupted');
  const news = stage.newsOf('live').length;
  stage.clock.advance(4_999);
  expect(stage.registry.describe('live').free).toBe(false);
  await expect(stage.open('publisher')).rejects.toMatchObject({ code: 'already_live' });
  expect(stage.newsOf('live')).toHaveLength(news);
  stage.clock.advance(1);
  expect(stage.newsOf('live').slice(news)).toEqual(['interrupted 0']);
  expect(stage.registry.describe('live').free).toBe(true);
  await stage.publish({ keyHash: 'other' });
  expect(stage.storyOf(session.id).at(-1)).toBe('ended taken-over');
});

test.each<[string, (stage: Stage, publisher: Awaited<ReturnType<Stage['publish']>>) => void]>([
  ['says that it leaves', (stage, { session }) => stage.registry.leave(session.id)],
  ['closes its connection', (stage, { transportId }) => stage.lose(transportId)],
  [
    'falls silent and then closes',
    (stage, { transportId }) => {
      stage.media.emit({ type: 'silent', transportId, forMs: 2_000 });
      stage.lose(transportId);
    },
  ],
  ['was silent for long', (stage, { transportId }) => stage.media.emit({ type: 'silent', transportId, forMs: 7_100 })],
])('a stranger gets the name of one at once that %s', async (_, goes) => {
  const stage = new Stage();
  goes(stage, await stage.publish());
  await expect(stage.open('publisher')).resolves.toBeDefined();
});

test.each<[string, (stage: Stage, transportId: string) => Stage]>([
  ['was started again', (stage) => stage.restart()],
  [
    'lost a worker',
    (stage, transportId) => {
      stage.killWorkerOf(transportId);
      return stage;
    },
  ],
])('a server that %s keeps the name 7 s for its publisher, and tells who waits for it', async (_, fails) => {
  const before = new Stage();
  const publisher = await before.publish();
  const stage = fails(before, publisher.transportId);
  stage.clock.advance(1_000);
  await expect(stage.open('publisher')).rejects.toMatchObject({ code: 'already_live' });
  stage.clock.advance(5_999);
  expect(stage.registry.describe('live').free).toBe(false);
  const news = stage.newsOf('live').length;
  stage.clock.advance(1);
  expect(stage.newsOf('live').slice(news)).toEqual(['interrupted 0']);
  expect(stage.registry.describe('live').free).toBe(true);
  await stage.publish();
  expect(stage.storyOf(publisher.session.id).at(-1)).toBe('ended taken-over');
});

test('a publisher that resumes after a restart keeps the name, and nobody is told that it is free', async () => {
  const before = new Stage();
  const publisher = await before.publish();
  const stage = before.restart();
  stage.clock.advance(5_000);
  await stage.publish(resumeOf(publisher));
  const news = stage.newsOf('live').length;
  stage.clock.advance(10_000);
  expect(stage.newsOf('live')).toHaveLength(news);
  await expect(stage.open('publisher')).rejects.toMatchObject({ code: 'already_live' });
});

test('a worker that dies does not prolong a silence', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.emit({ type: 'silent', transportId, forMs: 2_000 });
  stage.clock.advance(3_000);
  stage.killWorkerOf(transportId);
  await expect(stage.open('publisher')).rejects.toMatchObject({ code: 'already_live' });
  stage.clock.advance(2_000);
  await expect(stage.open('publisher')).resolves.toBeDefined();
});

test.each<[string, (stage: Stage, transportId: string) => void]>([
  ['nothing is heard of it', (stage, transportId) => stage.media.emit({ type: 'silent', transportId, forMs: 2_000 })],
  ['its worker dies', (stage, transportId) => stage.killWorkerOf(transportId)],
])('who said that it leaves does not get the name back because then %s', async (_, happens) => {
  const stage = new Stage();
  const { session, transportId } = await stage.publish();
  stage.registry.leave(session.id);
  happens(stage, transportId);
  expect(stage.registry.describe('live').free).toBe(true);
  await expect(stage.open('publisher')).resolves.toBeDefined();
});

test('the same key and the session itself have the name back at any moment of silence', async () => {
  for (const again of ['key', 'session']) {
    const stage = new Stage();
    const publisher = await stage.publish({ keyHash: 'key' });
    stage.media.emit({ type: 'silent', transportId: publisher.transportId, forMs: 2_000 });
    const claim = again === 'key' ? { keyHash: 'key' } : resumeOf(publisher);
    await expect(stage.open('publisher', claim)).resolves.toBeDefined();
  }
});

test('a silence that ended counts no more', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.emit({ type: 'silent', transportId, forMs: 2_000 });
  stage.media.emit({ type: 'active', transportId });
  const news = stage.newsOf('live').length;
  stage.clock.advance(10_000);
  expect(stage.newsOf('live')).toHaveLength(news);
  await expect(stage.open('publisher')).rejects.toMatchObject({ code: 'already_live' });
});

test('the new publisher’s tracks replace the old ones', async () => {
  const stage = new Stage();
  await stage.publish({ keyHash: 'key' });
  stage.media.tracks = [trackOf(AV1)];
  await stage.publish({ keyHash: 'key' });
  expect(stage.registry.describe('live').tracks).toEqual([trackOf(AV1)]);
});

test('two strangers at once: the first to be answered has the name, the other’s transport is closed', async () => {
  const stage = new Stage();
  stage.media.holding = true;
  const [first, second] = [stage.open('publisher'), stage.open('publisher')];
  stage.media.held[1]?.answer();
  await expect(second).resolves.toBeDefined();
  stage.media.held[0]?.answer();
  await expect(first).rejects.toMatchObject({ code: 'already_live' });
  expect(stage.media.openTransports).toEqual(new Set([stage.media.held[1]?.request.transportId]));
  expect(stage.registry.totals().publishers).toBe(1);
});

test('two with the same key at once: the later request has the name, in whatever order they are answered', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const stage = new Stage();
    stage.media.holding = true;
    const opens = [stage.open('publisher', { keyHash: 'key' }), stage.open('publisher', { keyHash: 'key' })];
    for (const index of order) {
      stage.media.held[index]?.answer();
      await opens[index]?.catch(() => undefined);
    }
    expect((await opens[1])?.resumed).toBe(false);
    expect(stage.media.openTransports).toEqual(new Set([stage.media.lastTransportId]));
    expect(stage.registry.totals().publishers).toBe(1);
    if (order[0] === 1) await expect(opens[0]).rejects.toMatchObject({ code: 'already_live' });
  }
});

test('the publisher comes back while a stranger takes over: it keeps the name', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  stage.media.emit({ type: 'silent', transportId: publisher.transportId, forMs: 7_000 });
  stage.media.holding = true;
  const stranger = stage.open('publisher');
  stage.media.emit({ type: 'active', transportId: publisher.transportId });
  stage.media.held[0]?.answer();
  await expect(stranger).rejects.toMatchObject({ code: 'already_live' });
  expect(stage.media.openTransports).toEqual(new Set([publisher.transportId]));
  expect(stage.registry.describe('live').state).toBe('live');
});

test('a publisher that is taken over while it resumes does not push the new one aside', async () => {
  const stage = new Stage();
  const old = await stage.publish({ keyHash: 'key' });
  stage.media.holding = true;
  const resuming = stage.open('publisher', { keyHash: 'key', ...resumeOf(old) });
  const taking = stage.open('publisher', { keyHash: 'key' });
  stage.media.held[1]?.answer();
  await taking;
  stage.media.held[0]?.answer();
  await expect(resuming).rejects.toMatchObject({ code: 'already_live' });
  expect(stage.media.openTransports).toEqual(new Set([stage.media.lastTransportId]));
  expect(stage.storyOf(old.session.id).at(-1)).toBe('ended taken-over');
});

test('a publisher who lost its session to an earlier request while it resumed claims like anybody', async () => {
  for (const keyHash of ['key', null]) {
    const stage = new Stage();
    const old = await stage.publish({ keyHash });
    stage.lose(old.transportId);
    stage.media.holding = true;
    const taking = stage.open('publisher', { keyHash });
    const resuming = stage.open('publisher', { keyHash, ...resumeOf(old) });
    stage.media.held[0]?.answer();
    await taking;
    stage.media.held[1]?.answer();
    if (keyHash) await expect(resuming).resolves.toMatchObject({ resumed: false });
    else await expect(resuming).rejects.toMatchObject({ code: 'already_live' });
    expect(stage.media.openTransports.size).toBe(1);
    expect(stage.registry.totals().publishers).toBe(1);
  }
});

test('a publisher who resumed while a stranger took over keeps the name', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  stage.lose(publisher.transportId);
  stage.media.holding = true;
  const stranger = stage.open('publisher');
  const resuming = stage.open('publisher', resumeOf(publisher));
  stage.media.held[1]?.answer();
  await expect(resuming).resolves.toMatchObject({ resumed: true });
  stage.media.held[0]?.answer();
  await expect(stranger).rejects.toMatchObject({ code: 'already_live' });
  expect(stage.media.openTransports).toEqual(new Set([stage.media.held[1]?.request.transportId]));
});
