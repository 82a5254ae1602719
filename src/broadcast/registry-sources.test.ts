// What the media plane hears of publishers that do not come back: who joins later must see nothing of them.

import { expect, test } from 'vitest';
import { resumeOf, Stage } from '../test/stage.ts';

test.each<[string, (stage: Stage, publisher: Awaited<ReturnType<Stage['publish']>>) => unknown]>([
  ['stops', (stage, { session }) => stage.registry.end(session.id)],
  [
    'does not come back in time',
    (stage, { transportId }) => {
      stage.lose(transportId);
      stage.clock.advance(60_000);
    },
  ],
  ['is taken over from', (stage) => stage.open('publisher', { keyHash: 'key' })],
])('a publisher that %s is gone for good', async (_, ends) => {
  const stage = new Stage();
  const publisher = await stage.publish({ keyHash: 'key' });
  await stage.watch();
  await ends(stage, publisher);
  expect(stage.media.endedSources).toEqual(['live']);
});

test('a publisher that is away may come back, and the last picture stays until it does', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  stage.lose(publisher.transportId);
  stage.clock.advance(59_000);
  await stage.publish(resumeOf(publisher));
  expect(stage.registry.describe('live').state).toBe('live');
  expect(stage.media.endedSources).toEqual([]);
});

test('a viewer that leaves takes nothing with it', async () => {
  const stage = new Stage();
  await stage.publish();
  const { session } = await stage.watch();
  stage.registry.end(session.id);
  expect(stage.media.endedSources).toEqual([]);
});

test('the media plane hears who the publisher is now, after it heard that the one before is gone', async () => {
  const stage = new Stage();
  const before = await stage.publish({ keyHash: 'key' });
  const after = await stage.publish({ keyHash: 'key' });
  expect(stage.media.begunSources).toEqual([before.transportId, after.transportId]);
  const again = await stage.publish(resumeOf(after));
  expect(stage.media.begunSources.at(-1)).toBe(again.transportId);
});
