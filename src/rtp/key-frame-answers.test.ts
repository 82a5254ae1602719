import { describe, expect, it } from 'vitest';
import { KeyFrameAnswers } from './key-frame-answers.ts';

type Step = ['asked' | 'seen', number] | ['forget'];

describe('KeyFrameAnswers', () => {
  it.each<[string, Step[], number, boolean]>([
    ['was never asked', [['seen', 0]], 5000, false],
    ['has some time left to answer', [['asked', 0]], 1000, false],
    ['let that time pass', [['asked', 0]], 1001, true],
    [
      'answered',
      [
        ['asked', 0],
        ['seen', 300],
      ],
      5000,
      false,
    ],
    [
      'sent a key frame when it was due anyway',
      [
        ['asked', 0],
        ['seen', 4000],
      ],
      4000,
      true,
    ],
    [
      'was asked again and again',
      [
        ['asked', 0],
        ['asked', 900],
        ['asked', 1800],
      ],
      1900,
      true,
    ],
    [
      'ignored one request and answered the next',
      [
        ['asked', 0],
        ['seen', 4000],
        ['asked', 5000],
        ['seen', 5100],
      ],
      5100,
      false,
    ],
    ['was replaced', [['asked', 0], ['forget']], 5000, false],
    [
      'sends key frames by itself since it ignored one',
      [
        ['asked', 0],
        ['seen', 4000],
        ['seen', 8000],
      ],
      8000,
      true,
    ],
  ])('a publisher that %s', (_what, steps, nowMs, isDeaf) => {
    const answers = new KeyFrameAnswers();
    for (const [what, atMs = 0] of steps) {
      if (what === 'forget') answers.forget();
      else answers[what](atMs);
    }
    expect(answers.isDeaf(nowMs)).toBe(isDeaf);
  });
});
