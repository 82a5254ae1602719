// Messages that belong to video frames, through the relays of two workers: each has numbers of its own, and a viewer of either
// must find the message at the frame that the publisher meant.

import { beforeEach, describe, expect, it } from 'vitest';
import type { DataMessage } from '../../broadcast/ports.ts';
import { FakeGroup } from '../../test/fake-fanout.ts';
import { textMessage } from '../../test/fakes.ts';
import { sourcePacket } from '../../test/media-fixtures.ts';
import { deltaFrame, keyFrame, VP8 } from '../../test/rtp-fixtures.ts';
import { SendLoad } from '../fanout/gatherer.ts';
import { CatchUpTurns } from './catch-up-turns.ts';
import { Relay } from './relay.ts';

const FRAME = 3_000;

let nowMs: number;
let workers: TestWorker[];

/** A relay, and what its viewers see: frames by their outgoing timestamps, messages as they are released. */
class TestWorker {
  readonly relay: Relay;
  readonly messages: DataMessage[] = [];
  dropped = 0;
  readonly #group = new FakeGroup();

  constructor() {
    this.relay = new Relay({
      broadcast: 'b',
      group: this.#group,
      load: new SendLoad(() => nowMs),
      now: () => nowMs,
      startMemory: { maxBytes: 0, maxMs: 0 },
      catchUpTurns: new CatchUpTurns(() => nowMs, 1),
      wishKeyFrame: () => {},
      timed: { send: (message) => this.messages.push(message), onDropped: () => this.dropped++ },
    });
  }

  /** @returns the newest timestamp that viewers see after this packet */
  receive(sourceId: string, packet: Buffer): number | undefined {
    this.relay.receive(sourceId, sourcePacket(packet, VP8, nowMs));
    const video = this.relay.upTrack('video');
    return video?.recall(video.newestIndex ?? 0, nowMs)?.timestamp;
  }

  get timestamps(): number[] {
    return this.messages.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()).rtpTimestamp);
  }
}

/** Both workers get a frame; what it is called at each. */
function frame(sourceId: string, packet: Buffer): (number | undefined)[] {
  nowMs += 33;
  return workers.map((worker) => worker.receive(sourceId, packet));
}

function say(sourceId: string | undefined, message: object): void {
  for (const { relay } of workers) relay.timed.accept(textMessage('timed', JSON.stringify(message)), sourceId);
}

const seen = () => workers.map(({ timestamps }) => timestamps);
const dropped = () => workers.map((worker) => worker.dropped);

beforeEach(() => {
  nowMs = 100_000;
  workers = [new TestWorker(), new TestWorker()];
});

describe('a message of a video frame', () => {
  it('comes with the number that the frame has on each worker, and is otherwise as it was', () => {
    const first = frame('a', keyFrame({ sequence: 1, timestamp: 7_000 }));
    const second = frame('a', deltaFrame({ sequence: 2, timestamp: 7_000 + FRAME }));
    expect(first[0]).not.toBe(first[1]);
    say('a', { text: 'first', rtpTimestamp: 7_000 });
    say('a', { rtpTimestamp: 7_000 + FRAME });
    expect(seen()).toEqual([
      [first[0], second[0]],
      [first[1], second[1]],
    ]);
    expect(workers[0]?.messages[0]).toEqual(
      textMessage('timed', JSON.stringify({ text: 'first', rtpTimestamp: first[0] })),
    );
  });

  it('of the source before keeps its frame when it comes after the new source', () => {
    frame('a', keyFrame({ sequence: 1, timestamp: 7_000 }));
    const last = frame('a', deltaFrame({ sequence: 2, timestamp: 7_000 + FRAME }));
    nowMs += 2_000;
    const next = frame('b', keyFrame({ sequence: 900, timestamp: 4_000_000_000, ssrc: 2 }));
    say('a', { rtpTimestamp: 7_000 + FRAME });
    say('b', { rtpTimestamp: 4_000_000_000 });
    expect(seen()).toEqual([
      [last[0], next[0]],
      [last[1], next[1]],
    ]);
  });

  it('waits for the first key frame of its source, in order', () => {
    frame('a', keyFrame({ sequence: 1, timestamp: 7_000 }));
    say('b', { rtpTimestamp: 500 });
    say('b', { rtpTimestamp: 500 + FRAME });
    frame('b', deltaFrame({ sequence: 5, timestamp: 500, ssrc: 2 }));
    expect(seen()).toEqual([[], []]);
    const begin = frame('b', keyFrame({ sequence: 6, timestamp: 500 + FRAME, ssrc: 2 }));
    expect(seen()).toEqual(begin.map((timestamp = 0) => [(timestamp - FRAME) >>> 0, timestamp]));
    expect(dropped()).toEqual([0, 0]);
  });

  it('is dropped when its source has not begun within 2 s', () => {
    say('b', { rtpTimestamp: 500 });
    nowMs += 2_001;
    frame('b', keyFrame({ sequence: 1, timestamp: 500 }));
    frame('b', deltaFrame({ sequence: 2, timestamp: 500 + FRAME }));
    say('b', { rtpTimestamp: 500 + FRAME });
    expect(seen().map(({ length }) => length)).toEqual([1, 1]);
    expect(dropped()).toEqual([1, 1]);
  });

  it('is dropped when nobody publishes', () => {
    frame('a', keyFrame({ sequence: 1, timestamp: 7_000 }));
    say(undefined, { rtpTimestamp: 7_000 });
    expect(seen()).toEqual([[], []]);
    expect(dropped()).toEqual([1, 1]);
  });

  it('waits only with so many others, and so many bytes', () => {
    for (let at = 0; at < 300; at++) say('a', { rtpTimestamp: at });
    expect(dropped()).toEqual([44, 44]);
    const large = 'x'.repeat(60_000);
    for (let at = 0; at < 20; at++) say('a', { rtpTimestamp: at, large });
    frame('a', keyFrame({ sequence: 1, timestamp: 0 }));
    expect(seen().map(({ length }) => length)).toEqual([17, 17]);
    expect(dropped()).toEqual([303, 303]);
  });
});
