// Why a broadcast is not live, as its viewers are told.

import { expect, test } from 'vitest';
import { resumeOf, Stage } from '../test/stage.ts';

const reasonIn = (stage: Stage) => {
  const { state, reason } = stage.registry.describe('live');
  return [state, reason];
};

/** Live, with somebody who watches. */
async function onAir(): Promise<{ stage: Stage; publisher: Awaited<ReturnType<Stage['publish']>> }> {
  const stage = new Stage();
  const publisher = await stage.publish({ keyHash: 'key' });
  await stage.watch();
  return { stage, publisher };
}

test('there is none while it is live, nor before anybody was', async () => {
  const { stage } = await onAir();
  expect(reasonIn(stage)).toEqual(['live', undefined]);
  expect(stage.registry.describe('other').reason).toBeUndefined();
});

test('a publisher whose page leaves has left, also when its transport goes after that and while it comes back', async () => {
  const { stage, publisher } = await onAir();
  stage.registry.leave(publisher.session.id);
  stage.lose(publisher.transportId);
  expect(reasonIn(stage)).toEqual(['interrupted', 'left']);
  await stage.open('publisher', resumeOf(publisher));
  expect(reasonIn(stage)).toEqual(['interrupted', 'left']);
  stage.media.emit({ type: 'connected', transportId: stage.media.lastTransportId });
  expect(reasonIn(stage)).toEqual(['live', undefined]);
});

test.each([
  ['silent', 'connection-lost'],
  ['failed', 'connection-lost'],
  ['closed-by-peer', 'left'],
  ['worker-died', 'server-restarted'],
] as const)('a transport that ends by %s is told as %s', async (reason, told) => {
  const { stage, publisher } = await onAir();
  stage.media.emit({ type: 'closed', transportId: publisher.transportId, reason });
  expect(reasonIn(stage)).toEqual(['interrupted', told]);
});

test('a silent publisher lost the connection', async () => {
  const { stage, publisher } = await onAir();
  stage.media.emit({ type: 'silent', transportId: publisher.transportId, forMs: 2_000 });
  expect(reasonIn(stage)).toEqual(['interrupted', 'connection-lost']);
});

test('after a restart it was the server', async () => {
  const { stage } = await onAir();
  expect(reasonIn(stage.restart())).toEqual(['interrupted', 'server-restarted']);
});

test('a publisher that another one replaces is told until that one is there', async () => {
  const { stage } = await onAir();
  await stage.open('publisher', { keyHash: 'key' });
  expect(reasonIn(stage)).toEqual(['interrupted', 'replaced']);
});

test('who does not come back is over, and the next publisher begins without a reason', async () => {
  const { stage, publisher } = await onAir();
  stage.lose(publisher.transportId);
  stage.clock.advance(60_000);
  expect(reasonIn(stage)).toEqual(['idle', 'grace-over']);
  await stage.publish();
  expect(reasonIn(stage)).toEqual(['live', undefined]);
});

test('a broadcast is ended by its publisher, or by the admin', async () => {
  const first = await onAir();
  first.stage.registry.end(first.publisher.session.id);
  expect(reasonIn(first.stage)).toEqual(['idle', 'stopped']);
  const second = await onAir();
  second.stage.registry.endPublisher('live', { keyHash: 'key', asAdmin: false });
  expect(reasonIn(second.stage)).toEqual(['idle', 'stopped']);
  const third = await onAir();
  third.stage.registry.endPublisher('live', { keyHash: null, asAdmin: true });
  expect(reasonIn(third.stage)).toEqual(['idle', 'removed']);
});

test('a publisher that never came up ends without a reason', async () => {
  const stage = new Stage();
  const publisher = await stage.open('publisher');
  await stage.watch();
  stage.registry.end(publisher.session.id);
  expect(reasonIn(stage)).toEqual(['idle', undefined]);
});
