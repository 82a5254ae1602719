// The graceful stop: who is asked to go, who is refused, and when it is over.

import { expect, test } from 'vitest';
import { FakeClock } from '../test/fakes.ts';
import { resumeOf, Stage } from '../test/stage.ts';
import { Announcer } from './announcer.ts';
import { recall, windowMs } from './recall.ts';
import type { BroadcastEvent } from './service.ts';
import { Session } from './session/session.ts';

const DEADLINE_MS = 5_000;

function askedOf(stage: Stage): { sessionId: string; reason: string; afterMs: number }[] {
  return stage.events.flatMap((event) => (event.type === 'reconnect' ? [event] : []));
}

/** Whether it is over. */
function watch(drained: Promise<void>): { isOver: boolean } {
  const seen = { isOver: false };
  void drained.then(() => {
    seen.isOver = true;
  });
  return seen;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

test('with nobody here it is over at once', async () => {
  const stage = new Stage();
  const gone = await stage.watch();
  stage.lose(gone.transportId);
  await stage.registry.drain(DEADLINE_MS);
  expect(askedOf(stage)).toEqual([]);
});

test('everybody who is carried is asked to go within a moment, and media and messages go on', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  const viewer = await stage.watch();
  const away = await stage.watch();
  stage.lose(away.transportId);
  const drain = watch(stage.registry.drain(DEADLINE_MS));
  expect(askedOf(stage).map(({ sessionId, reason }) => [sessionId, reason])).toEqual([
    [publisher.session.id, 'server-stopping'],
    [viewer.session.id, 'server-stopping'],
  ]);
  for (const { afterMs } of askedOf(stage)) expect(afterMs).toBeLessThanOrEqual(200);
  // Last: the viewer has the old picture until the new one comes.
  expect(askedOf(stage)[0]?.afterMs).toBe(200);
  expect(stage.registry.describe('live').state).toBe('live');
  expect(stage.media.openTransports.size).toBe(2);
  stage.registry.publishData('live', { label: 'chat', binary: false, payload: Buffer.from('bye') });
  await stage.registry.restartIce(viewer.session.id);
  await settle();
  expect(drain.isOver).toBe(false);
});

test('takes nobody in: neither new ones, nor who resumes, nor who was on the way', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  stage.media.holding = true;
  const late = stage.open('viewer');
  void stage.registry.drain(DEADLINE_MS);
  const refusal = { code: 'shutting_down', retryAfterSeconds: 2 };
  stage.media.held[0]?.answer();
  await expect(late).rejects.toMatchObject(refusal);
  await expect(stage.open('viewer')).rejects.toMatchObject(refusal);
  await expect(stage.open('publisher', resumeOf(publisher))).rejects.toMatchObject(refusal);
  expect(stage.registry.describe('live').state).toBe('live');
});

test.each<[string, (stage: Stage, session: { id: string }, transportId: string) => void]>([
  ['goes elsewhere', (stage, _session, transportId) => stage.lose(transportId)],
  ['stops', (stage, { id }) => stage.registry.end(id)],
  [
    'was silent and is given up',
    (stage, _session, transportId) => {
      stage.media.emit({ type: 'silent', transportId, forMs: 2_000 });
      stage.lose(transportId);
    },
  ],
])('is over when the last one %s', async (_title, leave) => {
  const stage = new Stage();
  const first = await stage.watch();
  const last = await stage.watch();
  const drain = watch(stage.registry.drain(DEADLINE_MS));
  leave(stage, first.session, first.transportId);
  await settle();
  expect(drain.isOver).toBe(false);
  leave(stage, last.session, last.transportId);
  await settle();
  expect(drain.isOver).toBe(true);
  expect(stage.registry.isStopping).toBe(true);
});

test('is over at the deadline, whoever is still here', async () => {
  const stage = new Stage();
  await stage.watch();
  const drain = watch(stage.registry.drain(DEADLINE_MS));
  stage.clock.advance(DEADLINE_MS - 1);
  await settle();
  expect(drain.isOver).toBe(false);
  stage.clock.advance(1);
  await settle();
  expect(drain.isOver).toBe(true);
});

test('a server that drained forgets nobody', async () => {
  const before = new Stage();
  const viewer = await before.watch();
  const drained = before.registry.drain(DEADLINE_MS);
  const stage = before.restart();
  await drained;
  expect((await stage.open('viewer', resumeOf(viewer))).session.id).toBe(viewer.session.id);
});

test.each([
  [1, 'server-stopping', 200],
  [80, 'server-stopping', 200],
  [400, 'server-stopping', 1_000],
  [1_200, 'server-stopping', 3_000],
  [50_000, 'server-stopping', 3_000],
  [1, 'codec', 2.5],
  [1_000, 'codec', 2_500],
] as const)('%i clients that are asked for %s come over %i ms', (sessions, reason, expected) => {
  expect(windowMs(sessions, reason)).toBe(expected);
});

test('nobody is asked to go later than after half of the time that there is', async () => {
  const stage = new Stage();
  await stage.publish();
  void stage.registry.drain(100);
  expect(askedOf(stage).map(({ afterMs }) => afterMs)).toEqual([50]);
});

test('of a thousand that are asked, few come in the same 100 ms', () => {
  const clock = new FakeClock();
  const announcer = new Announcer({
    clock,
    quietMs: 0,
    deliveriesPerSecond: 1,
    onFault: () => {},
    viewOf: () => {
      throw new Error('no broadcast here');
    },
  });
  const asked: BroadcastEvent[] = [];
  announcer.subscribe((event) => asked.push(event));
  const birth = { role: 'viewer', broadcast: 'live' as Session['broadcast'], keyHash: null, createdAtMs: 0 } as const;
  const sessions = Array.from({ length: 1_000 }, () => Session.create(birth).session);
  let step = 0;
  recall(sessions, 'server-stopping', { announcer, jitter: () => ((step++ * 7919) % 1_000) / 1_000 });
  const perTenth = new Map<number, number>();
  for (const event of asked) {
    if (event.type !== 'reconnect') continue;
    const tenth = Math.floor(event.afterMs / 100);
    perTenth.set(tenth, (perTenth.get(tenth) ?? 0) + 1);
  }
  expect(asked).toHaveLength(1_000);
  expect(Math.max(...perTenth.values())).toBeLessThanOrEqual(60);
});
