import { beforeEach, describe, expect, it } from 'vitest';
import { TimestampMap } from './timestamp-map.ts';

const FRAME = 3_000;
const SECOND = 90_000;

let map: TimestampMap;

/** Frames of a source go out, `FRAME` ticks apart. */
function forward(sourceId: string, incoming: number, outgoing: number, frames: number, nowMs = 0): void {
  for (let at = 0; at < frames; at++) {
    map.mapped(sourceId, (incoming + at * FRAME) >>> 0, (outgoing + at * FRAME) >>> 0, nowMs);
  }
}

beforeEach(() => {
  map = new TimestampMap({ clockRate: SECOND });
});

describe('TimestampMap', () => {
  it('says once that a source began', () => {
    expect([0, 0, FRAME].map((ticks) => map.mapped('a', 100 + ticks, 7_000 + ticks, 0))).toEqual([true, false, false]);
  });

  it.each([
    ['the first frame', 0, 0],
    ['a frame among those that went out', 5 * FRAME, 5 * FRAME],
    ['a frame that is about to come', 20 * FRAME, 20 * FRAME],
    ['a frame from before the first key frame', -FRAME, -FRAME],
  ])('translates %s', (_what, ticks, expected) => {
    forward('a', 1_000_000, 50_000_000, 10);
    expect(map.translate('a', 1_000_000 + ticks)).toBe(50_000_000 + expected);
  });

  it.each([
    ['incoming numbers', 2 ** 32 - FRAME, 5_000],
    ['outgoing numbers', 5_000, 2 ** 32 - FRAME],
  ])('goes on when %s wrap around', (_what, incoming, outgoing) => {
    forward('a', incoming, outgoing, 4);
    for (let at = 0; at < 4; at++) {
      expect(map.translate('a', (incoming + at * FRAME) >>> 0)).toBe((outgoing + at * FRAME) >>> 0);
    }
  });

  it('knows nothing of other sources, and of frames more than 10 s away', () => {
    forward('a', 1_000_000, 50_000_000, 2);
    expect(map.translate('b', 1_000_000)).toBeUndefined();
    expect(map.translate('a', 1_000_000 + FRAME + 10 * SECOND)).toBeDefined();
    expect(map.translate('a', 1_000_000 + FRAME + 10 * SECOND + 1)).toBeUndefined();
    expect(map.translate('a', 1_000_000 - 10 * SECOND - 1)).toBeUndefined();
  });

  it('translates what comes late by the offset of the source before', () => {
    forward('a', 1_000_000, 50_000_000, 10);
    forward('b', 3_000_000_000, 50_100_000, 10);
    expect(map.translate('a', 1_000_000 + 9 * FRAME)).toBe(50_000_000 + 9 * FRAME);
    expect(map.translate('b', 3_000_000_000 + FRAME)).toBe(50_100_000 + FRAME);
  });

  it('tells offsets of one source apart by the frames around them', () => {
    // Another layer on the same base, with the jitter of its first packet in the offset.
    forward('a', 1_000_000, 50_000_000, 10);
    forward('a', 1_000_000 + 10 * FRAME, 50_000_000 + 10 * FRAME + 45, 10);
    expect(map.translate('a', 1_000_000 + 9 * FRAME)).toBe(50_000_000 + 9 * FRAME);
    expect(map.translate('a', 1_000_000 + 10 * FRAME)).toBe(50_000_000 + 10 * FRAME + 45);
    expect(map.translate('a', 1_000_000 + 25 * FRAME)).toBe(50_000_000 + 25 * FRAME + 45);
    // One on a base of its own.
    forward('a', 4_000_000_000, 50_000_000 + 20 * FRAME, 2);
    expect(map.translate('a', 4_000_000_000)).toBe(50_000_000 + 20 * FRAME);
    expect(map.translate('a', 1_000_000)).toBe(50_000_000);
  });

  it('keeps the numbers of a source for 10 s after it, those of the current one as long as it sends', () => {
    forward('a', 1_000_000, 50_000_000, 2, 0);
    forward('b', 2_000_000, 60_000_000, 2, 3_600_000);
    forward('c', 3_000_000, 70_000_000, 2, 3_610_000);
    expect(map.translate('a', 1_000_000)).toBe(50_000_000);
    forward('d', 4_000_000, 80_000_000, 2, 3_610_001);
    expect(map.translate('a', 1_000_000)).toBeUndefined();
    expect(map.translate('b', 2_000_000)).toBe(60_000_000);
  });

  it('takes no number of hours ago for one of its own', () => {
    for (let second = 0; second <= 50_000; second += 5) {
      map.mapped('a', (1_000_000 + second * SECOND) >>> 0, (second * SECOND) >>> 0, second * 1000);
    }
    const now = 50_000 * SECOND;
    expect(map.translate('a', (1_000_000 + now) >>> 0)).toBe(now >>> 0);
    expect(map.translate('a', (1_000_000 + now - 20 * SECOND) >>> 0)).toBe((now - 20 * SECOND) >>> 0);
    expect(map.translate('a', (1_000_000 + now - 21 * SECOND) >>> 0)).toBeUndefined();
  });

  it('bounds its memory', () => {
    for (let at = 0; at < 100; at++) forward(`source-${at}`, at * 1000, at, 1);
    const known = Array.from({ length: 100 }, (_, at) => map.translate(`source-${at}`, at * 1000)).filter(
      (translated) => translated !== undefined,
    );
    expect(known).toEqual(Array.from({ length: 32 }, (_, at) => at + 68));
  });
});
