import { describe, expect, it } from 'vitest';
import { ReceptionStatistics } from './reception-statistics.ts';
import { addSequence } from './sequence.ts';

const STARTS = [0, 1, 127, 32767, 32768, 65534, 65535];
const SSRC = 7;

function receiving(sequences: readonly number[]): ReceptionStatistics {
  const statistics = new ReceptionStatistics(90_000);
  for (const sequence of sequences) statistics.received(sequence, 0, 0);
  return statistics;
}

describe('loss in a report', () => {
  it.each(STARTS)('counts what did not come, from %i', (start) => {
    const steps = [0, 1, 2, 5, 6, 7, 9, 8];
    const statistics = receiving(steps.map((step) => addSequence(start, step)));
    expect(statistics.report(SSRC, 0)).toEqual({
      ssrc: SSRC,
      fractionLost: Math.floor((2 * 256) / 10) / 256,
      cumulativeLost: 2,
      highestSequence: start + 9,
      jitter: 0,
      lastSr: 0,
      delaySinceLastSr: 0,
    });
  });

  it('is a share of what was expected since the last report', () => {
    const statistics = receiving([0, 3]);
    expect(statistics.report(SSRC, 0)).toMatchObject({ fractionLost: 0.5, cumulativeLost: 2 });
    for (const sequence of [4, 5, 7]) statistics.received(sequence, 0, 0);
    expect(statistics.report(SSRC, 0)).toMatchObject({ fractionLost: 0.25, cumulativeLost: 3 });
    expect(statistics.report(SSRC, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 3 });
  });

  it('shrinks by what comes late, and is negative with repetitions', () => {
    const statistics = receiving([0, 2]);
    statistics.report(SSRC, 0);
    statistics.received(1, 0, 0);
    expect(statistics.report(SSRC, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 0 });
    statistics.received(2, 0, 0);
    expect(statistics.report(SSRC, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: -1 });
  });

  it('does not begin with the second packet when the first two changed places', () => {
    expect(receiving([0, 65535, 1]).report(SSRC, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 0 });
  });

  it('counts cycles above the highest number', () => {
    const statistics = new ReceptionStatistics(90_000);
    for (let number = 65_000; number < 3 * 65_536 + 200; number += 100) statistics.received(number & 0xffff, 0, 0);
    expect((statistics.report(SSRC, 0)?.highestSequence ?? 0) >> 16).toBe(3);
  });

  it('begins anew when the source restarts its numbers', () => {
    const statistics = receiving([10, 20, 30_000, 30_001]);
    expect(statistics.report(SSRC, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 0, highestSequence: 30_001 });
  });

  it('is not reported before the first packet', () => {
    expect(new ReceptionStatistics(48_000).report(SSRC, 0)).toBeUndefined();
  });
});

describe('jitter', () => {
  const FRAME_TICKS = 3000;
  const FRAME_MS = 1000 / 30;

  function jitterOf(latenessMs: (frame: number) => number, firstTimestamp = 0, packetsPerFrame = 1): number {
    const statistics = new ReceptionStatistics(90_000);
    let sequence = 0;
    for (let frame = 0; frame < 400; frame++) {
      for (let packet = 0; packet < packetsPerFrame; packet++) {
        const nowMs = frame * FRAME_MS + latenessMs(frame) + packet * 2;
        statistics.received(sequence++, (firstTimestamp + frame * FRAME_TICKS) >>> 0, nowMs);
      }
    }
    return statistics.report(SSRC, 0)?.jitter ?? Number.NaN;
  }

  it('is nothing when packets come as evenly as they are stamped, also across the wrap', () => {
    expect(jitterOf(() => 40, 0xffff_f000)).toBe(0);
  });

  it('is how much the delay changes: 10 ms are 900 ticks', () => {
    const jitter = jitterOf((frame) => (frame % 2) * 10);
    expect(jitter).toBeGreaterThanOrEqual(898);
    expect(jitter).toBeLessThanOrEqual(900);
  });

  it('does not count the packets of one frame against each other', () => {
    expect(jitterOf(() => 0, 0, 5)).toBe(0);
  });

  it('does not count what comes late, nor a new clock of the source', () => {
    const statistics = new ReceptionStatistics(90_000);
    statistics.received(1, 0, 0);
    statistics.received(3, 6000, 2 * FRAME_MS);
    statistics.received(2, 3000, 500);
    statistics.received(4, 9000 + 2 ** 30, 3 * FRAME_MS);
    statistics.received(5, 12_000 + 2 ** 30, 4 * FRAME_MS);
    expect(statistics.report(SSRC, 0)?.jitter).toBe(0);
  });
});

describe('sender reports', () => {
  it('come back as their middle 32 bits and the time since', () => {
    const statistics = receiving([1]);
    statistics.senderReport({ seconds: 0xb44db705, fraction: 0x20000000 }, 1000);
    expect(statistics.report(SSRC, 6250)).toMatchObject({ lastSr: 0xb7052000, delaySinceLastSr: 5.25 * 65_536 });
  });
});
