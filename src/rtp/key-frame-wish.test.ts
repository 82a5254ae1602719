import { describe, expect, it } from 'vitest';
import { KeyFrameWish } from './key-frame-wish.ts';

/** When a request goes out, asked every 10 ms, with wishes and key frames at the given times. */
function requests(untilMs: number, wishesAtMs: readonly number[], seenAtMs: readonly number[] = []): number[] {
  const wish = new KeyFrameWish();
  const sentAtMs: number[] = [];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 10) {
    if (seenAtMs.includes(nowMs)) wish.seen();
    const isSent = wishesAtMs.includes(nowMs) ? wish.wish(nowMs) : wish.due(nowMs);
    if (isSent) sentAtMs.push(nowMs);
  }
  return sentAtMs;
}

describe('key-frame requests', () => {
  it.each<[string, number[], number[], number[]]>([
    ['none without a wish', [], [], []],
    ['the first wish at once, at time 0 too', [0], [50], [0]],
    ['wishes of many viewers together are one', [100, 110, 110, 120], [130], [100]],
    ['a wish after the request is asked for later, once', [100, 300, 400], [700], [100, 600]],
    ['a wish that is still open is repeated every second', [100], [], [100, 1100, 2100]],
    ['a key frame ends the repetition', [100], [1500], [100, 1100]],
    ['a key frame answers a late wish', [100, 300], [400], [100]],
    ['a wish soon after a key frame waits for its turn', [100, 250], [200, 900], [100, 600]],
    ['a wish long after is asked for at once', [100, 1630], [200, 1640], [100, 1630]],
    ['repetitions obey the time between requests', [100, 1050], [], [100, 1050, 2050]],
  ])('%s', (_, wishesAtMs, seenAtMs, sentAtMs) => {
    expect(requests(2500, wishesAtMs, seenAtMs)).toEqual(sentAtMs);
  });

  it('never come closer than 500 ms, however many wishes', () => {
    const everyTenMs = Array.from({ length: 300 }, (_, at) => at * 10);
    const sentAtMs = requests(3000, everyTenMs, [770, 1330]);
    expect(sentAtMs).toEqual([0, 500, 1000, 1500, 2000, 2500, 3000]);
  });

  it('are pending from the wish to the key frame', () => {
    const wish = new KeyFrameWish({ throttleMs: 100 });
    expect(wish.isPending).toBe(false);
    wish.wish(0);
    expect(wish.isPending).toBe(true);
    wish.seen();
    expect(wish.isPending).toBe(false);
    expect(wish.wish(99)).toBe(false);
    expect(wish.isPending).toBe(true);
  });
});
