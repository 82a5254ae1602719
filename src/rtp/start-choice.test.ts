import { describe, expect, it } from 'vitest';
import { catchUpPace, chooseStart, type Start, type StartFacts } from './start-choice.ts';

const SMALL = 100_000;
const LARGE = 2_000_000;

describe('chooseStart', () => {
  it.each<[string, StartFacts, Start]>([
    [
      'nothing that is remembered',
      { groupBytes: undefined, isWhole: false, isDeaf: false },
      { asksPublisher: true, groupAfterMs: undefined },
    ],
    [
      'nothing of a publisher that did not answer, which may do so now',
      { groupBytes: undefined, isWhole: false, isDeaf: true },
      { asksPublisher: true, groupAfterMs: undefined },
    ],
    ['a small group', { groupBytes: SMALL, isWhole: true, isDeaf: false }, { asksPublisher: false, groupAfterMs: 0 }],
    [
      'a small group in which a packet is missing, which may not be repaired',
      { groupBytes: SMALL, isWhole: false, isDeaf: false },
      { asksPublisher: true, groupAfterMs: 0 },
    ],
    [
      'a large group of a publisher that answers',
      { groupBytes: LARGE, isWhole: true, isDeaf: false },
      { asksPublisher: true, groupAfterMs: 120 },
    ],
    [
      'a large group of one that does not, unless it was only overloaded',
      { groupBytes: LARGE, isWhole: true, isDeaf: true },
      { asksPublisher: true, groupAfterMs: 0 },
    ],
  ])('with %s', (_what, facts, expected) => expect(chooseStart(facts)).toEqual(expected));
});

describe('catchUpPace', () => {
  it.each([
    ['a group of 2 Mb/s three times as fast as it came', 1_000_000, 4_000, 750],
    ['a long one faster, so that it takes three seconds', 3_750_000, 15_000, 1_500],
    ['a slow one at 4 Mb/s', 100_000, 10_000, 500],
    ['a fast one at 48 Mb/s', 20_000_000, 10_000, 6_000],
    ['a key frame that has just come at 48 Mb/s', 50_000, 0, 6_000],
  ])('sends %s', (_what, bytes, durationMs, bytesPerMs) => {
    expect(catchUpPace(bytes, durationMs).bytesPerMs).toBe(bytesPerMs);
  });

  it('lets leave at once what a slow link holds', () => {
    expect(catchUpPace(1_000_000, 4_000).burstBytes).toBe(75_000);
    expect(catchUpPace(50_000, 0).burstBytes).toBe(128 * 1024);
  });
});
