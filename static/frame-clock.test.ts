// From the moment at which a frame was captured to its RTP timestamp.

import { beforeEach, describe, expect, it } from 'vitest';
import { FrameClock, ticksBetween } from './frame-clock.js';

const INTERVAL_MS = 33;
const FIRST = 2 ** 32 - 10_000;

let clock: FrameClock;

/** RTP timestamp of a camera's frame. */
const rtp = (frame: number) => (FIRST + frame * INTERVAL_MS * 90) >>> 0;
/** When it was captured. */
const capturedAtMs = (frame: number) => 1_000 + frame * INTERVAL_MS;

/** The encoder gives out frames, each so many ms after it was captured. */
function encode(from: number, to: number, encodingMs: (frame: number) => number): void {
  for (let frame = from; frame < to; frame++) clock.encoded(rtp(frame), capturedAtMs(frame) + encodingMs(frame));
}

beforeEach(() => {
  clock = new FrameClock();
});

describe('ticksBetween', () => {
  it.each([
    [0, 90, 90],
    [90, 0, -90],
    [2 ** 32 - 1, 1, 2],
    [1, 2 ** 32 - 1, -2],
  ])('from %d to %d is %d', (from, to, ticks) => {
    expect(ticksBetween(from, to)).toBe(ticks);
  });
});

describe('a frame that is encoded', () => {
  it.each([
    ['fast', () => 1],
    ['with jitter', (frame: number) => 3 + ((frame * 7) % 60)],
    ['in bursts', (frame: number) => 2 + (2 - (frame % 3)) * INTERVAL_MS],
  ])('is found when the encoder works %s', (_how, encodingMs) => {
    encode(0, 30, encodingMs);
    for (let frame = 0; frame < 30; frame++) {
      expect(clock.find(capturedAtMs(frame), 2_000)).toEqual({ rtpTimestamp: rtp(frame), errorMs: 0 });
    }
  });

  it.each([-10, -3, 3, 10])('is found when the moment of capture is %d ms off', (offMs) => {
    encode(0, 30, () => 2);
    for (let frame = 0; frame < 30; frame++) {
      expect(clock.find(capturedAtMs(frame) + offMs, 2_000)?.rtpTimestamp).toBe(rtp(frame));
    }
  });

  it('is not there before it has left the encoder', () => {
    encode(0, 10, () => 2);
    expect(clock.find(capturedAtMs(10), capturedAtMs(10) + 1)).toBeUndefined();
    encode(10, 11, () => 2);
    expect(clock.find(capturedAtMs(10), capturedAtMs(10) + 2)?.rtpTimestamp).toBe(rtp(10));
  });

  it('counts once with all its layers', () => {
    encode(0, 10, () => 2);
    clock.encoded(rtp(9), capturedAtMs(9) + 9);
    expect(clock.find(capturedAtMs(9), 2_000)?.rtpTimestamp).toBe(rtp(9));
  });

  it('is forgotten after 2 s', () => {
    encode(0, 10, () => 2);
    expect(clock.find(capturedAtMs(0), capturedAtMs(9) + 2_003)).toBeUndefined();
  });
});

describe('an estimate', () => {
  const captureMs = 50_000;
  const report = { rtpTimestamp: 7_000, atMs: captureMs, roundTripMs: 10 };

  it('is not possible before a report', () => {
    expect(clock.estimate(captureMs, INTERVAL_MS, captureMs)).toBeUndefined();
  });

  it('lies half a frame before the frame, and says its error', () => {
    clock.reported({ ...report, heardAtMs: captureMs + 15 });
    expect(clock.estimate(captureMs + 100, 40, captureMs + 100)).toEqual({
      rtpTimestamp: 7_000 + 80 * 90,
      errorMs: 2,
    });
  });

  it.each([
    ['later', 60_000],
    ['earlier', 40_000],
  ])('believes the way of the report when the wall clock was set %s', (_when, heardAtMs) => {
    clock.reported({ ...report, heardAtMs });
    expect(clock.estimate(heardAtMs, 40, heardAtMs)).toEqual({ rtpTimestamp: 7_000 - 10 * 90, errorMs: 12 });
  });

  it('goes on from the last encoded frame while there is no report', () => {
    encode(0, 10, () => 0);
    const wrapped = clock.estimate(capturedAtMs(12), INTERVAL_MS, capturedAtMs(12));
    expect(ticksBetween(rtp(12), wrapped?.rtpTimestamp ?? 0)).toBe((-INTERVAL_MS / 2) * 90);
  });
});
