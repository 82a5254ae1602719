// When a message of a video frame is due.

import { beforeEach, describe, expect, it } from 'vitest';
import { TimedQueue } from './timed-queue.js';

const FRAME = 3_000;
const SECOND = 90_000;

let queue: TimedQueue;

const words = (due: { message: string; meeting: string }[]) =>
  due.map(({ message, meeting }) => `${message} ${meeting}`);

beforeEach(() => {
  queue = new TimedQueue();
});

describe('a message that comes before its frame', () => {
  it.each([
    ['with it', [FRAME], ['m exact']],
    ['not before it', [0], []],
    ['with the next one that is shown when it was left out', [0, 3 * FRAME], ['m next']],
    ['once', [FRAME, FRAME, 2 * FRAME], ['m exact']],
  ])('is released %s', (_when, frames, expected) => {
    expect(queue.add('m', 7_000 + FRAME, 0)).toEqual([]);
    expect(frames.flatMap((ticks) => words(queue.show(7_000 + ticks, 0)))).toEqual(expected);
  });

  it('is released over the wrap-around of 32 bits', () => {
    const last = 2 ** 32 - FRAME;
    queue.show(last, 0);
    queue.add('m', 0, 0);
    expect(words(queue.show(2 ** 32 - 1, 0))).toEqual([]);
    expect(words(queue.show(0, 0))).toEqual(['m exact']);
  });

  it('is released with others in the order of their frames, and of their coming within one', () => {
    queue.add('c', 2 * FRAME, 0);
    queue.add('a', FRAME, 0);
    queue.add('d', 2 * FRAME, 0);
    queue.add('b', FRAME, 0);
    queue.add('later', 3 * FRAME, 0);
    expect(words(queue.show(2 * FRAME, 0))).toEqual(['a next', 'b next', 'c exact', 'd exact']);
    expect(queue.isEmpty).toBe(false);
  });

  it('waits 5 s and no longer', () => {
    queue.add('m', SECOND, 1_000);
    expect(queue.overdue(5_999)).toEqual([]);
    expect(words(queue.overdue(6_000))).toEqual(['m overdue']);
    expect(queue.isEmpty).toBe(true);
  });
});

describe('a message that comes after its frame', () => {
  it.each([
    ['while it is shown', 0, 'exact', 20],
    ['two frames later', 2 * FRAME, 'late', 20 + (2 * FRAME) / 90],
  ])('%s is released at once, and says by how much it is late', (_when, ticks, meeting, lateMs) => {
    queue.show(FRAME + ticks, 1_000);
    expect(queue.add('m', FRAME, 1_020)).toEqual([
      { message: 'm', rtpTimestamp: FRAME, meeting, lateMs: expect.closeTo(lateMs, 6) },
    ]);
    expect(queue.isEmpty).toBe(true);
  });
});

describe('numbers that have nothing to do with each other', () => {
  it('wait for frames that do', () => {
    queue.show(7_000, 0);
    queue.add('m', (7_000 - 11 * SECOND) >>> 0, 0);
    expect(words(queue.show(7_000 + FRAME, 0))).toEqual([]);
    expect(words(queue.show((7_000 - 11 * SECOND) >>> 0, 0))).toEqual(['m exact']);
  });

  it('begin with a new connection: what waits is let go', () => {
    queue.show(7_000, 0);
    queue.add('old', 7_000 + FRAME, 0);
    expect(words(queue.restart())).toEqual(['old overdue']);
    expect(queue.add('new', 7_000, 0)).toEqual([]);
  });
});

describe('memory', () => {
  it('is bounded in messages: the oldest one goes', () => {
    const due = Array.from({ length: 1_002 }, (_, at) => queue.add(String(at), SECOND, 0)).flat();
    expect(words(due)).toEqual(['0 overdue', '1 overdue']);
  });

  it('is bounded in characters, and has room again for what was released', () => {
    const large = 'x'.repeat(2 * 1024 * 1024);
    queue.add(large, SECOND, 0);
    queue.add(large, SECOND, 0);
    expect(queue.add('m', SECOND, 0).length).toBe(1);
    queue.show(SECOND, 0);
    expect(queue.add(large, 2 * SECOND, 0)).toEqual([]);
    expect(queue.add(large, 2 * SECOND, 0)).toEqual([]);
  });
});
