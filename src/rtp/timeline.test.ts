import { describe, expect, it } from 'vitest';
import { type Arrival, seededRandom, throughNetwork } from './seeded-network.ts';
import { addSequence, addTimestamp } from './sequence.ts';
import { Timeline, type TimelineInput } from './timeline.ts';

const STARTS = [0, 1, 127, 32767, 32768, 65534, 65535];
const FRAME_TICKS = 3000;

function videoTimeline(firstSequence = 100, firstTimestamp = 5000): Timeline {
  return new Timeline({ kind: 'video', clockRate: 90_000, firstSequence, firstTimestamp });
}

const packet = (sequence: number, timestamp = 0, marker = true): TimelineInput => ({
  sequence: sequence & 0xffff,
  timestamp: timestamp >>> 0,
  marker,
});

/** The outgoing sequence numbers of packets that come in this order, `undefined` for those dropped. */
function sequences(timeline: Timeline, source: number, incoming: readonly number[], nowMs = 0): (number | undefined)[] {
  return incoming.map((sequence) => timeline.map(source, packet(sequence), nowMs)?.sequence);
}

describe('within a source', () => {
  it.each(STARTS)('gaps and reordering stay as they are, from %i', (start) => {
    const steps = [0, 1, 3, 2, 7, 6, 4, 1000, 8];
    const outgoing = sequences(
      videoTimeline(),
      1,
      steps.map((step) => addSequence(start, step)),
    );
    expect(outgoing).toEqual(steps.map((step) => 100 + step));
  });

  it.each(STARTS)('outgoing numbers that start at %i wrap too', (start) => {
    const outgoing = sequences(videoTimeline(start), 1, [10, 11, 13, 12]);
    expect(outgoing).toEqual([0, 1, 3, 2].map((step) => addSequence(start, step)));
  });

  it('timestamps keep their distances across the wrap, also backwards', () => {
    const timeline = videoTimeline(0, 0xffff_ff00);
    const steps = [0, 3000, 9000, 6000, 2 ** 31];
    const outgoing = steps.map((step, at) => timeline.map(1, packet(at, 0xffff_fff0 + step), 0)?.timestamp);
    expect(outgoing).toEqual(steps.map((step) => addTimestamp(0xffff_ff00, step)));
  });

  it('repetitions, and packets from before the first, are dropped', () => {
    expect(sequences(videoTimeline(), 1, [65535, 1, 65535, 0, 0, 65534, 1])).toEqual([
      100,
      102,
      undefined,
      101,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('only the first packet starts the source', () => {
    const timeline = videoTimeline();
    expect([5, 6, 4, 7].map((sequence) => timeline.map(1, packet(sequence), 0)?.startsSource)).toEqual([
      true,
      false,
      undefined,
      false,
    ]);
  });
});

describe('a new source', () => {
  it.each(STARTS)('goes on after the last number, from %i', (start) => {
    const timeline = videoTimeline();
    sequences(timeline, 1, [50, 51]);
    expect(sequences(timeline, 2, [start, start + 1, start + 4])).toEqual([102, 103, 106]);
    expect(timeline.map(3, packet(start), 0)).toMatchObject({ sequence: 107, startsSource: true });
  });

  it('leaves one number out when the last frame was not whole', () => {
    const timeline = videoTimeline();
    timeline.map(1, packet(1, 0, true), 0);
    timeline.map(1, packet(2, 0, false), 0);
    expect(timeline.map(2, packet(9), 0)?.sequence).toBe(103);
  });

  it('judges the last frame by its highest packet, not its latest', () => {
    const timeline = videoTimeline();
    timeline.map(1, packet(1, 0, false), 0);
    timeline.map(1, packet(3, 0, true), 0);
    timeline.map(1, packet(2, 0, false), 0);
    expect(timeline.map(2, packet(9), 0)?.sequence).toBe(103);
  });

  it('never leaves a number out in audio, where the marker means something else', () => {
    const timeline = new Timeline({ kind: 'audio', clockRate: 48_000, firstSequence: 7, firstTimestamp: 0 });
    timeline.map(1, packet(1, 0, false), 0);
    expect(timeline.map(2, packet(9, 0, false), 0)?.sequence).toBe(8);
  });

  it('goes on in time by the clock on the wall, from when the newest frame came', () => {
    const timeline = videoTimeline(0, 1000);
    timeline.map(1, packet(1, 700), 50);
    timeline.map(1, packet(2, 700 + FRAME_TICKS), 83);
    timeline.map(1, packet(3, 700 + FRAME_TICKS), 95);
    timeline.map(1, packet(0, 0), 96);
    expect(timeline.map(2, packet(1, 4_000_000_000), 1083)?.timestamp).toBe(1000 + FRAME_TICKS + 90_000);
    expect(timeline.map(2, packet(2, 4_000_000_000 + FRAME_TICKS), 1083)?.timestamp).toBe(
      1000 + 2 * FRAME_TICKS + 90_000,
    );
  });

  it('is at least a tick later than the last', () => {
    const timeline = videoTimeline(0, 1000);
    timeline.map(1, packet(1, 700), 50);
    expect(timeline.map(2, packet(1, 0), 50)?.timestamp).toBe(1001);
  });

  it('keeps audio and video as far apart as they were', () => {
    const video = videoTimeline(0, 0);
    const audio = new Timeline({ kind: 'audio', clockRate: 48_000, firstSequence: 0, firstTimestamp: 0 });
    video.map(1, packet(1, 0), 0);
    audio.map(1, packet(1, 0), 0);
    expect(video.map(2, packet(1, 123), 2500)?.timestamp).toBe(2.5 * 90_000);
    expect(audio.map(2, packet(1, 456), 2500)?.timestamp).toBe(2.5 * 48_000);
  });

  it('ends the old one: its late packets are dropped and change nothing', () => {
    const timeline = videoTimeline();
    sequences(timeline, 1, [10, 12]);
    sequences(timeline, 2, [500]);
    expect(sequences(timeline, 1, [11, 13, 9000])).toEqual([undefined, undefined, undefined]);
    expect(timeline.skip(1, 14)).toBeUndefined();
    expect(sequences(timeline, 2, [501])).toEqual([104]);
  });
});

describe('a jump of 3000 numbers or more inside a source', () => {
  it.each([3000, 20_000, -3000, -20_000])('by %i is a restart', (jump) => {
    const timeline = videoTimeline(100, 1000);
    sequences(timeline, 1, [40_000, 40_001]);
    expect(timeline.map(1, packet(40_001 + jump, 77), 10)).toEqual({
      index: 102,
      sequence: 102,
      timestamp: 1000 + 900,
      startsSource: true,
    });
    expect(sequences(timeline, 1, [40_002 + jump])).toEqual([103]);
  });

  it.each([2999, -2999])('is none by %i', (jump) => {
    const timeline = videoTimeline(5000);
    sequences(timeline, 1, [29_000, 31_000, 32_999]);
    expect(timeline.map(1, packet(32_999 + jump), 10)).toMatchObject({ sequence: 8999 + jump, startsSource: false });
  });

  it('is not taken back by late packets from before it', () => {
    const timeline = videoTimeline();
    sequences(timeline, 1, [10, 12, 20_000]);
    expect(sequences(timeline, 1, [11, 12, 20_001], 1999)).toEqual([undefined, undefined, 104]);
    expect(timeline.map(1, packet(12), 5000)).toMatchObject({ sequence: 105, startsSource: true });
  });

  it('is taken back by newer packets from before it: one number was stray', () => {
    const timeline = videoTimeline();
    sequences(timeline, 1, [10, 12, 20_000]);
    expect(timeline.map(1, packet(13), 50)).toMatchObject({ sequence: 104, startsSource: true });
  });
});

describe('a skipped packet', () => {
  it.each(STARTS)('leaves no gap, from %i', (start) => {
    const timeline = videoTimeline();
    const at = (step: number) => addSequence(start, step);
    expect(sequences(timeline, 1, [at(0), at(1)])).toEqual([100, 101]);
    expect(timeline.skip(1, at(2))).toBeUndefined();
    expect(timeline.skip(1, at(3))).toBeUndefined();
    expect(timeline.skip(1, at(3))).toBeUndefined();
    expect(sequences(timeline, 1, [at(4), at(5)])).toEqual([102, 103]);
    expect(timeline.skip(1, at(6))).toBeUndefined();
    expect(sequences(timeline, 1, [at(7), at(2), at(6)])).toEqual([104, undefined, undefined]);
  });

  it('does not move the lost packets before it', () => {
    const timeline = videoTimeline();
    sequences(timeline, 1, [10]);
    timeline.skip(1, 13);
    timeline.skip(1, 15);
    expect(sequences(timeline, 1, [16, 12, 14, 11])).toEqual([104, 102, 103, 101]);
  });

  it('that comes too late names the number that viewers miss, once', () => {
    const timeline = videoTimeline();
    sequences(timeline, 1, [65535, 1]);
    expect(timeline.skip(1, 0)).toBe(101);
    expect(timeline.skip(1, 0)).toBeUndefined();
    expect(timeline.skip(1, 1)).toBeUndefined();
    expect(sequences(timeline, 1, [0, 2])).toEqual([undefined, 103]);
  });

  it('leaves no gap before a new source either', () => {
    const timeline = videoTimeline();
    sequences(timeline, 1, [10]);
    timeline.skip(1, 11);
    expect(sequences(timeline, 2, [5])).toEqual([101]);
  });

  it('may be one of thousands', () => {
    const timeline = videoTimeline();
    sequences(timeline, 1, [0]);
    for (let sequence = 1; sequence <= 100_000; sequence++) timeline.skip(1, sequence & 0xffff);
    expect(sequences(timeline, 1, [100_002 & 0xffff, 100_001 & 0xffff])).toEqual([102, 101]);
  });
});

describe('the time of a sender report', () => {
  it('is mapped like the media of its source, and only of the current one', () => {
    const timeline = videoTimeline(0, 0xffff_ffff);
    expect(timeline.mapTimestamp(1, 5)).toBeUndefined();
    timeline.map(1, packet(1, 10), 0);
    expect(timeline.mapTimestamp(1, 9)).toBe(0xffff_fffe);
    expect(timeline.mapTimestamp(1, 12)).toBe(1);
    timeline.map(2, packet(1, 1000), 1000);
    expect(timeline.mapTimestamp(1, 12)).toBeUndefined();
    expect(timeline.mapTimestamp(2, 1000)).toBe(89_999);
  });
});

describe('over a network that loses, repeats and reorders', () => {
  it.each(STARTS)('no number is given twice and distances hold, sources and numbers from %i', (start) => {
    const random = seededRandom(start);
    const timeline = videoTimeline(start);
    const given = new Set<number>();
    let outgoingCycles = 0;
    let lastOutgoing = start;
    for (let source = 1; source <= 4; source++) {
      const sent: Arrival<{ number: number; isPadding: boolean }>[] = Array.from({ length: 400 }, (_, at) => ({
        item: { number: start + at, isPadding: at > 0 && random() < 0.1 },
        atMs: source * 10_000 + at * 5,
      }));
      const paddingBefore = (number: number) =>
        sent.filter(({ item }) => item.isPadding && item.number < number).length;
      const missed = new Set<number>();
      const outgoingByNumber: (number | undefined)[] = [];
      let base: number | undefined;
      for (const { item, atMs } of throughNetwork(random, sent, { loss: 0.05, duplication: 0.05, jitterMs: 30 })) {
        const sequence = item.number & 0xffff;
        if (item.isPadding) {
          if (base !== undefined && timeline.skip(source, sequence) !== undefined) missed.add(item.number);
          continue;
        }
        const place = timeline.map(source, packet(sequence, item.number * 100), atMs);
        if (!place) continue;
        const step = ((place.sequence - lastOutgoing) << 16) >> 16;
        const outgoing = outgoingCycles + step;
        if (given.has(outgoing)) throw new Error(`${outgoing} was given twice`);
        given.add(outgoing);
        lastOutgoing = place.sequence;
        outgoingCycles = outgoing;
        outgoingByNumber[item.number - start] = outgoing;
        base ??= outgoing - item.number + paddingBefore(item.number);
        // Each packet of padding closes its gap unless it was lost or came late, so numbers lie between these bounds.
        expect(outgoing).toBeLessThanOrEqual(base + item.number);
        expect(outgoing).toBeGreaterThanOrEqual(base + item.number - paddingBefore(item.number));
      }
      expect(missed.size).toBeGreaterThan(0);
      const inOrder = outgoingByNumber.filter((outgoing) => outgoing !== undefined);
      expect(inOrder).toEqual(inOrder.toSorted((one, other) => one - other));
    }
    expect(given.size).toBeGreaterThan(1200);
  });
});
