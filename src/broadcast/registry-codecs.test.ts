// What the publisher sends, and which viewers cannot decode it.

import { expect, test } from 'vitest';
import { AV1, OPUS, trackOf, VP8 } from '../test/fakes.ts';
import { Stage } from '../test/stage.ts';

test('when the publisher changes the codec, viewers that cannot decode it are told, and told again when they can', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  const viewer = await stage.watch();
  stage.media.codecs = [VP8, AV1, OPUS];
  const able = await stage.watch();
  stage.events.length = 0;
  const { transportId } = publisher;
  stage.media.emit({ type: 'tracks', transportId, tracks: [trackOf(AV1), trackOf(OPUS)] });
  expect(stage.registry.session(viewer.session.id)?.unsupportedCodec).toBe('AV1');
  expect(stage.registry.session(able.session.id)?.unsupportedCodec).toBeUndefined();
  expect(stage.newsOf('live')).toHaveLength(1);
  expect(stage.storyOf(viewer.session.id)).toHaveLength(1);
  expect(stage.storyOf(able.session.id)).toHaveLength(0);
  const asked = () => stage.events.filter(({ type }) => type === 'reconnect');
  expect(asked()).toEqual([
    { type: 'reconnect', sessionId: viewer.session.id, reason: 'codec', afterMs: expect.any(Number) },
  ]);
  expect(stage.registry.describe('live').tracks.map((track) => track.codec.name)).toEqual(['AV1', 'opus']);
  stage.media.emit({ type: 'tracks', transportId, tracks: [trackOf(VP8), trackOf(OPUS)] });
  expect(stage.registry.session(viewer.session.id)?.unsupportedCodec).toBeUndefined();
  expect(stage.storyOf(viewer.session.id)).toHaveLength(2);
  expect(asked()).toHaveLength(1);
});

test('a viewer who waited is told when the publisher comes with a codec that it lacks, until the publisher stops', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.media.tracks = [trackOf(AV1)];
  const publisher = await stage.publish();
  expect(stage.registry.session(viewer.session.id)?.unsupportedCodec).toBe('AV1');
  expect(stage.registry.describe('live').tracks).toEqual([trackOf(AV1)]);
  stage.registry.end(publisher.session.id);
  expect(stage.registry.session(viewer.session.id)?.unsupportedCodec).toBeUndefined();
});

test('a codec that changes while a viewer is on the way is noticed', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.holding = true;
  const opening = stage.open('viewer');
  stage.media.emit({ type: 'tracks', transportId, tracks: [trackOf(AV1)] });
  stage.media.held[0]?.answer();
  const { session } = await opening;
  expect(session.unsupportedCodec).toBe('AV1');
  expect(stage.events).toContainEqual(
    expect.objectContaining({ type: 'reconnect', sessionId: session.id, reason: 'codec' }),
  );
});

test('the same tracks told again are no news', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.events.length = 0;
  stage.media.emit({ type: 'tracks', transportId, tracks: structuredClone(stage.media.tracks) });
  expect(stage.events).toEqual([]);
});
