import { describe, expect, it } from 'vitest';
import { type NtpTime, ntpFromUnixMs, ntpMiddle32 } from './ntp.ts';
import { ReceiverFeedback } from './receiver-feedback.ts';
import { parseRtcp, type ReportBlock } from './rtcp.ts';
import { writeReceiverReport } from './rtcp-writer.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
/** NTP seconds, whose low 16 bits are the upper half of the middle 32: these wrap after this second. */
const BEFORE_WRAP: NtpTime = { seconds: 0xee01_ffff, fraction: 0xfff0_0000 };

function block(given: Partial<ReportBlock>): ReportBlock {
  return {
    ssrc: 1,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 0,
    jitter: 0,
    lastSr: 0,
    delaySinceLastSr: 0,
    ...given,
  };
}

const ticks = (ms: number) => Math.round((ms * 65_536) / 1000);

/** A report that answers the sender report of `sentAtMs`, held for `heldMs`, and comes in at `nowMs`. */
function answer(feedback: ReceiverFeedback, sentAtMs: number, heldMs: number, nowMs: number): void {
  const lastSr = ntpMiddle32(ntpFromUnixMs(sentAtMs));
  feedback.reported('video', block({ lastSr, delaySinceLastSr: ticks(heldMs) }), 90_000, ntpFromUnixMs(nowMs));
}

describe('the round trip to a receiver', () => {
  it('is not known before a report that answers one of ours', () => {
    const feedback = new ReceiverFeedback();
    expect(feedback.roundTripMs).toBeUndefined();
    feedback.reported('video', block({}), 90_000, ntpFromUnixMs(NOW_MS));
    expect(feedback.roundTripMs).toBeUndefined();
    expect(feedback.quality('video')).toBeDefined();
  });

  it.each([
    [0, 0],
    [1, 0],
    [80, 0],
    [80, 5000],
    [2500, 900],
    [29_000, 10],
  ])('of %i ms is what passed since our report, less the %i ms that the receiver held it', (roundTripMs, heldMs) => {
    const feedback = new ReceiverFeedback();
    answer(feedback, NOW_MS, heldMs, NOW_MS + heldMs + roundTripMs);
    expect(feedback.roundTripMs).toBeCloseTo(roundTripMs, 1);
  });

  it.each([
    ['shortly before', -100],
    ['at', 0],
    ['shortly after', 100],
  ])('is right when the report comes %s the wrap of the middle 32 bits', (_when, sentMs) => {
    const feedback = new ReceiverFeedback();
    const middle = (ntpMiddle32(BEFORE_WRAP) + ticks(sentMs)) >>> 0;
    const now = (middle + ticks(250)) >>> 0;
    const nowNtp = { seconds: now >>> 16, fraction: (now << 16) >>> 0 };
    feedback.reported('video', block({ lastSr: middle, delaySinceLastSr: ticks(50) }), 90_000, nowNtp);
    expect(feedback.roundTripMs).toBeCloseTo(200, 1);
  });

  it('follows slowly, so that one late report changes little', () => {
    const feedback = new ReceiverFeedback();
    answer(feedback, NOW_MS, 0, NOW_MS + 40);
    answer(feedback, NOW_MS, 0, NOW_MS + 840);
    expect(feedback.roundTripMs).toBeCloseTo(140, 1);
    for (let count = 0; count < 50; count++) answer(feedback, NOW_MS, 0, NOW_MS + 840);
    expect(feedback.roundTripMs).toBeGreaterThan(830);
    expect(feedback.roundTripMs).toBeLessThanOrEqual(840);
  });

  it('is nothing below 0: a receiver that rounds up what it held is near', () => {
    const feedback = new ReceiverFeedback();
    answer(feedback, NOW_MS, 3, NOW_MS + 2);
    expect(feedback.roundTripMs).toBe(0);
  });

  it.each([
    ['longer than half a minute', { lastSr: (ntpMiddle32(ntpFromUnixMs(NOW_MS)) - ticks(31_000)) >>> 0 }],
    ['of a report that we never sent', { lastSr: 1 }],
  ])('is not believed when it is %s', (_name, given) => {
    const feedback = new ReceiverFeedback();
    answer(feedback, NOW_MS - 60, 0, NOW_MS);
    feedback.reported('video', block(given), 90_000, ntpFromUnixMs(NOW_MS));
    expect(feedback.roundTripMs).toBeCloseTo(60, 1);
  });
});

describe('what a receiver tells of its media', () => {
  it('is kept for each medium apart, the newest', () => {
    const feedback = new ReceiverFeedback();
    const now = ntpFromUnixMs(NOW_MS);
    feedback.reported('video', block({ fractionLost: 0.5, cumulativeLost: 7, jitter: 900 }), 90_000, now);
    feedback.reported('audio', block({ fractionLost: 0, cumulativeLost: -2, jitter: 480 }), 48_000, now);
    expect(feedback.quality('video')).toEqual({ lossShare: 0.5, packetsLost: 7, jitterMs: 10 });
    expect(feedback.quality('audio')).toEqual({ lossShare: 0, packetsLost: -2, jitterMs: 10 });
    feedback.reported('video', block({ cumulativeLost: 8 }), 90_000, now);
    expect(feedback.quality('video')).toEqual({ lossShare: 0, packetsLost: 8, jitterMs: 0 });
  });

  it('is the same from the bytes of a receiver report', () => {
    const feedback = new ReceiverFeedback();
    const sent = block({ fractionLost: 64 / 256, cumulativeLost: -5, jitter: 4500, lastSr: 77, delaySinceLastSr: 2 });
    for (const packet of parseRtcp(writeReceiverReport(9, [sent], 'them'))) {
      if (packet.type !== 'receiver-report') continue;
      for (const report of packet.reports) feedback.reported('video', report, 90_000, ntpFromUnixMs(NOW_MS));
    }
    expect(feedback.quality('video')).toEqual({ lossShare: 0.25, packetsLost: -5, jitterMs: 50 });
  });

  it('has no bandwidth until the receiver estimates one, then the newest', () => {
    const feedback = new ReceiverFeedback();
    expect(feedback.estimatedBitrateBps).toBeUndefined();
    feedback.estimated(1_500_000);
    feedback.estimated(700_000);
    expect(feedback.estimatedBitrateBps).toBe(700_000);
    expect(feedback.quality('audio')).toBeUndefined();
  });
});
