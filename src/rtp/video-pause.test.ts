import { describe, expect, it } from 'vitest';
import { VideoPause } from './video-pause.ts';

/** Frames at an interval, from 0 on; when the last one came. */
function play(pause: VideoPause, frames: number, everyMs: number): number {
  for (let frame = 0; frame < frames; frame++) pause.arrived(frame * 3000, frame * everyMs);
  return (frames - 1) * everyMs;
}

/** When it begins, if something is heard so often. */
function beginsAfter(pause: VideoPause, fromMs: number, heardEveryMs: number): number | undefined {
  for (let ms = heardEveryMs; ms < 60_000; ms += heardEveryMs) if (pause.begins(fromMs + ms)) return ms;
  return undefined;
}

describe('a pause of video', () => {
  it.each([
    ['two seconds after the last of usual frames', 100, 33, 20, 2_040],
    ['so much later as frames come rarely', 20, 1_000, 20, 5_040],
    ['ten seconds after the last at the latest', 20, 5_000, 20, 10_040],
    ['with the sign of life that shows it, when those are rare', 100, 33, 2_500, 5_000],
  ])('begins %s', (_when, frames, everyMs, heardEveryMs, expected) => {
    const pause = new VideoPause();
    expect(beginsAfter(pause, play(pause, frames, everyMs), heardEveryMs)).toBe(expected);
  });

  it('begins once, and again after the next frame', () => {
    const pause = new VideoPause();
    const lastMs = play(pause, 100, 33);
    expect(beginsAfter(pause, lastMs, 20)).toBeDefined();
    expect(beginsAfter(pause, lastMs + 5_000, 20)).toBeUndefined();
    pause.arrived(1_000_000, lastMs + 60_000);
    expect(beginsAfter(pause, lastMs + 60_000, 20)).toBeDefined();
  });

  it('is none while nothing is heard at all, and none when all comes back at once', () => {
    const pause = new VideoPause();
    const lastMs = play(pause, 100, 33);
    expect(pause.begins(lastMs)).toBe(false);
    expect(pause.begins(lastMs + 20_000)).toBe(false);
    expect(pause.begins(lastMs + 20_100)).toBe(false);
    pause.arrived(1_000_000, lastMs + 20_200);
    expect(pause.begins(lastMs + 20_200)).toBe(false);
  });

  it('is that of one that comes without video, too, and of one that is not there yet none', () => {
    const pause = new VideoPause();
    expect(pause.begins(1_000_000)).toBe(false);
    pause.due(1_000_000);
    expect(beginsAfter(pause, 1_000_000, 20)).toBe(2_040);
  });
});
