import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { sourcePacket } from '../test/media-fixtures.ts';
import { keyFrame, VP8 } from '../test/rtp-fixtures.ts';
import { SourceLinks } from './source-links.ts';
import type { SourceItem, SourcePacket } from './worker-protocol.ts';

const open: SourceLinks[] = [];

function workers() {
  const got: { broadcast: string; sourceId: string; items: readonly SourceItem[] }[] = [];
  const wishes: string[] = [];
  const pasts: string[] = [];
  const make = (index: number) => {
    const links = new SourceLinks({
      index,
      onItems: (broadcast, sourceId, items) => got.push({ broadcast, sourceId, items }),
      onPast: (broadcast, sourceId, { items }) => pasts.push(`${broadcast} ${sourceId} ${items.length}`),
      pastOf: () => ({ sourceId: 'pub', items: [item(1), item(2)], isDeaf: false }),
      onKeyFrameWish: (broadcast) => wishes.push(broadcast),
    });
    open.push(links);
    return links;
  };
  const publisher = make(0);
  const viewer = make(1);
  const { port1, port2 } = new MessageChannel();
  publisher.connect(1, port1);
  viewer.connect(0, port2);
  for (const links of [publisher, viewer]) links.setSource('b', 0);
  return { publisher, viewer, got, wishes, pasts, port1, port2 };
}

const item = (sequence: number): SourcePacket => sourcePacket(keyFrame({ sequence }), VP8);

afterEach(() => {
  for (const links of open.splice(0)) links.close();
});

describe('SourceLinks', () => {
  it('sends a broadcast once, in batches, to a worker that wants it', async () => {
    const { publisher, viewer, got, port1, port2 } = workers();
    viewer.setWanted('b', true);
    await once(port1, 'message');
    publisher.publish('b', 'pub', item(1));
    publisher.publish('b', 'pub', item(2));
    // The first message tells what was before.
    await once(port2, 'message');
    await once(port2, 'message');
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({ broadcast: 'b', sourceId: 'pub' });
    expect(got[0]?.items).toHaveLength(2);
  });

  it('tells a worker that begins to watch what was sent before, ahead of what is sent then', async () => {
    const { publisher, viewer, got, pasts, port1, port2 } = workers();
    viewer.setWanted('b', true);
    await once(port1, 'message');
    publisher.publish('b', 'pub', item(3));
    await once(port2, 'message');
    expect([pasts, got]).toEqual([['b pub 2'], []]);
    await once(port2, 'message');
    expect(got).toHaveLength(1);
  });

  it('sends nothing to workers without viewers of the broadcast', async () => {
    const { publisher, viewer, got, port1, port2 } = workers();
    viewer.setWanted('b', true);
    viewer.setWanted('b', false);
    await once(port1, 'message');
    await once(port1, 'message');
    publisher.publish('b', 'pub', item(1));
    // Something that does cross, after which the packet would have come.
    publisher.setSource('c', 1);
    publisher.wishKeyFrame('c');
    await once(port2, 'message');
    expect(got).toEqual([]);
  });

  it('carries a wish for a key frame to the worker that has the publisher', async () => {
    const { viewer, wishes, port1 } = workers();
    viewer.wishKeyFrame('b');
    await once(port1, 'message');
    expect(wishes).toEqual(['b']);
  });

  it('keeps packets of two publishers of a broadcast apart', async () => {
    const { publisher, viewer, got, port1, port2 } = workers();
    viewer.setWanted('b', true);
    await once(port1, 'message');
    publisher.publish('b', 'old', item(1));
    publisher.publish('b', 'new', item(2));
    for (let messages = 0; messages < 3; messages++) await once(port2, 'message');
    expect(got.map(({ sourceId }) => sourceId)).toEqual(['old', 'new']);
  });

  it('ignores what a worker still had under way that has the publisher no longer', async () => {
    const { viewer, got, pasts, port1, port2 } = workers();
    viewer.setWanted('b', true);
    await once(port1, 'message');
    viewer.setSource('b', 7);
    await once(port2, 'message');
    expect(pasts).toEqual([]);
    viewer.setSource('b', 0);
    await once(port2, 'message');
    expect([got, pasts]).toEqual([[], ['b pub 2']]);
  });

  it('subscribes again at a worker that was started anew', async () => {
    const { publisher, viewer, port1 } = workers();
    viewer.setWanted('b', true);
    await once(port1, 'message');
    const { port1: fresh, port2: freshViewer } = new MessageChannel();
    publisher.connect(1, fresh);
    viewer.connect(0, freshViewer);
    const [message] = await once(fresh, 'message');
    expect(message).toEqual({ type: 'subscribe', broadcast: 'b' });
  });
});
