import { expect, it } from 'vitest';
import { leastMs } from '../../../test/least-time.ts';
import type { GapBlock } from './acknowledgement.ts';
import { Sender } from './sender.ts';

const FIRST = 100;

/** A sender with much room at its peer, and the TSNs that it sent. */
class Sending {
  readonly tsns: number[] = [];
  readonly sender = new Sender(FIRST, (chunks) => this.tsns.push(...chunks.map(({ tsn }) => tsn)));

  constructor() {
    this.sender.start(100_000);
  }

  send(count: number, streamId = 1): void {
    for (let index = 0; index < count; index++) this.sender.send(streamId, 53, Buffer.from('x'), 1_000);
  }

  /** TSNs that leave by an acknowledgement of all before `next` and these blocks. */
  acknowledge(next: number, ...blocks: GapBlock[]): number[] {
    const before = this.tsns.length;
    this.sender.acknowledged({ cumulativeTsn: next - 1, windowBytes: 100_000, blocks }, 1_050);
    return this.tsns.slice(before);
  }
}

it('in fast recovery repeats what a SACK reports missing, and nothing behind its last block (RFC 9260 §7.2.4)', () => {
  const sending = new Sending();
  sending.send(12);
  // The first and the seventh are lost.
  for (const last of [2, 3]) expect(sending.acknowledge(FIRST, { first: 2, last })).toEqual([]);
  expect(sending.acknowledge(FIRST, { first: 2, last: 4 })).toEqual([FIRST]);
  sending.send(5);
  for (const next of [4, 5, 6]) expect(sending.acknowledge(FIRST + next)).toEqual([]);
  expect(sending.acknowledge(FIRST + 6, { first: 2, last: 2 })).toEqual([]);
  expect(sending.acknowledge(FIRST + 6, { first: 2, last: 3 })).toEqual([]);
  expect(sending.acknowledge(FIRST + 6, { first: 2, last: 4 })).toEqual([FIRST + 6]);
});

it('knows of a stream whether something waits or is on its way, without looking at all that is', () => {
  const sending = new Sending();
  sending.send(1, 1);
  sending.sender.send(2, 53, Buffer.alloc(20_000), 1_000);
  sending.send(400, 3);
  const used = () => [1, 2, 3, 4].filter((streamId) => sending.sender.isUsing(streamId));
  expect(used()).toEqual([1, 2, 3]);
  sending.acknowledge(FIRST + 1);
  expect(used()).toEqual([2, 3]);
  while (sending.sender.dueAtMs !== Number.POSITIVE_INFINITY) sending.acknowledge((sending.tsns.at(-1) ?? 0) + 1);
  expect(used()).toEqual([]);
  sending.send(3_000, 4);
  const tookMs = leastMs(() => () => {
    for (let count = 0; count < 100_000; count++) sending.sender.isUsing(9);
  });
  expect(tookMs).toBeLessThan(200);
});
