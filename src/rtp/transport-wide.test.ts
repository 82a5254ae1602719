import { describe, expect, it } from 'vitest';
import { TransportWideCC } from 'werift';
import { type Arrival, seededRandom, throughNetwork } from './seeded-network.ts';
import { addSequence } from './sequence.ts';
import { type ArrivalReport, TransportWideRecorder } from './transport-wide-recorder.ts';
import { writeTransportWideFeedback } from './transport-wide-rtcp.ts';

const STARTS = [0, 1, 32767, 32768, 65534, 65535];
const HEADER = { senderSsrc: 0x8000_0001, mediaSsrc: 0xffff_fffe, firstCount: 250 };

interface ReadFeedback {
  readonly count: number;
  readonly base: number;
  /** By step from the base; in units of 250 µs, undefined for a packet that did not come. */
  readonly ticks: (number | undefined)[];
}

/** A reader of its own, as strict as the draft: everything must fit to the byte. */
function read(bytes: Uint8Array): ReadFeedback {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expect(view.getUint8(0) & 0xdf).toBe(0x8f);
  expect(view.getUint8(1)).toBe(205);
  expect(4 * (view.getUint16(2) + 1)).toBe(bytes.length);
  expect([view.getUint32(4), view.getUint32(8)]).toEqual([HEADER.senderSsrc, HEADER.mediaSsrc]);
  const padding = view.getUint8(0) & 0x20 ? view.getUint8(bytes.length - 1) : 0;
  expect(padding).toBeLessThan(4);
  const statusCount = view.getUint16(14);
  const statuses: number[] = [];
  let offset = 20;
  while (statuses.length < statusCount) {
    const chunk = view.getUint16(offset);
    offset += 2;
    if (chunk < 0x8000) for (let run = chunk & 0x1fff; run > 0; run--) statuses.push(chunk >> 13);
    else if (chunk & 0x4000) for (let pair = 12; pair >= 0; pair -= 2) statuses.push((chunk >> pair) & 3);
    else for (let bit = 13; bit >= 0; bit--) statuses.push((chunk >> bit) & 1);
  }
  expect(statuses.slice(statusCount).every((status) => status === 0)).toBe(true);
  expect(statuses[statusCount - 1]).not.toBe(0);
  let ticks = (view.getUint32(16) >>> 8) << 8;
  const arrivals = statuses.slice(0, statusCount).map((status) => {
    expect(status).toBeLessThan(3);
    if (status === 0) return undefined;
    ticks += status === 1 ? view.getUint8(offset) : view.getInt16(offset);
    offset += status;
    return ticks;
  });
  expect(offset + padding).toBe(bytes.length);
  return { count: view.getUint8(19), base: view.getUint16(12), ticks: arrivals };
}

const write = (report: ArrivalReport) => writeTransportWideFeedback(HEADER, report);
const report = (...arrivals: (number | undefined)[]): ArrivalReport => ({ baseSequence: 65_530, arrivals });

/** Sequence number and time of each packet as the reports together tell it, the last word counting. */
function told(reports: readonly ArrivalReport[]): Map<number, number | undefined> {
  const arrivals = new Map<number, number | undefined>();
  for (const each of reports) {
    each.arrivals.forEach((atMs, step) => {
      arrivals.set(addSequence(each.baseSequence, step), atMs);
    });
  }
  return arrivals;
}

describe('transport-wide feedback', () => {
  it('tells arrivals in 250 µs and gaps as lost, over the wrap', () => {
    const [packet, ...more] = write(
      report(64_000, undefined, 64_000.26, 64_010, undefined, undefined, undefined, 64_011),
    );
    expect(more).toEqual([]);
    expect(packet && read(packet)).toEqual({
      count: 250,
      base: 65_530,
      ticks: [256_000, undefined, 256_001, 256_040, undefined, undefined, undefined, 256_044],
    });
  });

  it('is padded to whole words, and says so', () => {
    const paddings = [1, 2, 3, 4, 5].map((count) => {
      const [packet = new Uint8Array()] = write(report(...Array.from({ length: count }, (_, at) => 64_000 + at)));
      return packet[0] === 0xaf ? packet.at(-1) : 0;
    });
    expect(paddings).toEqual([1, 0, 3, 2, 1]);
  });

  it('has large deltas for pauses and for packets that overtook others', () => {
    const [packet] = write(report(64_000, 64_500, 64_400, 64_463.75, 64_527.75));
    expect(packet && read(packet).ticks).toEqual([256_000, 258_000, 257_600, 257_855, 258_111]);
    expect(packet && read(packet).ticks.length).toBe(5);
  });

  it('begins another packet where a delta is too large, and counts on modulo 256', () => {
    const many = Array.from({ length: 8 }, (_, at) => [64_000 + at * 9_000, undefined]).flat();
    const packets = write(report(...many.slice(0, -1))).map(read);
    expect(packets.map(({ count }) => count)).toEqual([250, 251, 252, 253, 254, 255, 0, 1]);
    expect(packets.map(({ base }) => base)).toEqual([65_530, 65_531, 65_533, 65_535, 1, 3, 5, 7]);
    expect(packets.map(({ ticks }) => ticks.at(-1))).toEqual(
      Array.from({ length: 8 }, (_, at) => 256_000 + at * 36_000),
    );
  });

  it('fits a datagram, however long the report and however uneven the arrivals', () => {
    const random = seededRandom(15);
    const uneven = Array.from({ length: 3000 }, (_, at) => (at % 5 === 1 ? undefined : 64_000 + random() * 1000));
    const packets = write(report(...uneven));
    expect(Math.max(...packets.map(({ length }) => length))).toBeLessThanOrEqual(1200);
    expect(packets.flatMap((packet) => read(packet).ticks)).toEqual(
      uneven.map((atMs) => (atMs === undefined ? undefined : Math.round(atMs * 4))),
    );
  });

  it('tells a long gap in one chunk', () => {
    const [packet] = write(report(64_000, ...Array<undefined>(2500).fill(undefined), 64_100));
    expect(packet?.length).toBeLessThanOrEqual(32);
    expect(packet && read(packet).ticks.length).toBe(2502);
  });

  it('wraps its reference time of 24 bits', () => {
    const [packet] = write(report(2 ** 24 * 64 * 1600 + 64, 2 ** 24 * 64 * 1600 + 65));
    expect(packet && read(packet).ticks).toEqual([256, 260]);
  });

  it('is nothing of a report without arrivals', () => {
    expect(write(report(undefined, undefined))).toEqual([]);
  });

  it('is read by another library to the same values', () => {
    const random = seededRandom(4242);
    for (let round = 0; round < 200; round++) {
      const loss = random() * 0.5;
      let atMs = 64_000 + random() * 1000;
      const arrivals = Array.from({ length: 1 + Math.floor(random() * 60) }, () => {
        atMs += random() < 0.1 ? random() * 300 : random() * 5;
        return random() < loss ? undefined : atMs;
      });
      arrivals.push(atMs);
      const [packet = new Uint8Array()] = write({ baseSequence: 100, arrivals });
      const theirs = TransportWideCC.deSerialize(Buffer.from(packet.subarray(4)), {} as never);
      const statuses = theirs.packetChunks.flatMap((chunk) =>
        'symbolList' in chunk ? chunk.symbolList : Array<number>(chunk.runLength).fill(chunk.packetStatus),
      );
      expect(statuses.slice(0, arrivals.length).map((status) => status > 0)).toEqual(
        arrivals.map((each) => each !== undefined),
      );
      let micros = theirs.referenceTime * 64_000;
      const cameAtTicks = theirs.recvDeltas.map(({ delta }) => {
        micros += delta;
        return micros / 250;
      });
      expect(cameAtTicks).toEqual(arrivals.flatMap((each) => (each === undefined ? [] : Math.round(each * 4))));
    }
  });

  it('survives numbers and times of any kind: what is written can be read', () => {
    const random = seededRandom(99);
    for (let round = 0; round < 300; round++) {
      const arrivals = Array.from({ length: Math.floor(random() * 200) }, () =>
        random() < 0.3 ? undefined : 1e12 + random() * 10 ** (random() * 6),
      );
      const packets = write({ baseSequence: Math.floor(random() * 65_536), arrivals }).map(read);
      const count = packets.reduce((sum, { ticks }) => sum + ticks.length, 0);
      expect(count).toBe(arrivals.findLastIndex((each) => each !== undefined) + 1);
    }
  });
});

describe('arrivals of a transport', () => {
  it.each(STARTS)('are told once each, with the gaps between them, from %i', (start) => {
    const recorder = new TransportWideRecorder();
    for (const step of [0, 1, 4]) recorder.received(addSequence(start, step), 1000 + step);
    expect(recorder.due(1010)).toEqual({ baseSequence: start, arrivals: [1000, 1001, undefined, undefined, 1004] });
    expect(recorder.due(2000)).toBeUndefined();
    recorder.received(addSequence(start, 6), 2001);
    expect(recorder.due(2002)).toEqual({ baseSequence: addSequence(start, 5), arrivals: [undefined, 2001] });
  });

  it.each(STARTS)('that come after their loss was told are told again, with what followed, from %i', (start) => {
    const recorder = new TransportWideRecorder();
    for (const step of [0, 2]) recorder.received(addSequence(start, step), 1000 + step);
    recorder.due(1010);
    recorder.received(addSequence(start, 1), 1050);
    recorder.received(addSequence(start, 1), 1060);
    recorder.received(addSequence(start, -1), 1070);
    expect(recorder.due(1200)).toEqual({ baseSequence: addSequence(start, -1), arrivals: [1070, 1000, 1050, 1002] });
  });

  it('are told every 100 ms of a trickle, every 50 ms of a flood, and never without news', () => {
    const reportsPerSecond = (packetsPerSecond: number) => {
      const recorder = new TransportWideRecorder();
      let reports = 0;
      for (let nowMs = 0, sequence = 0; nowMs < 10_000; nowMs++) {
        while (sequence < (nowMs * packetsPerSecond) / 1000) recorder.received(sequence++ & 0xffff, nowMs);
        if (recorder.due(nowMs)) reports++;
      }
      return reports / 10;
    };
    expect(reportsPerSecond(50)).toBeCloseTo(10, 0);
    expect(reportsPerSecond(1000)).toBeCloseTo(20, 0);
    expect(reportsPerSecond(2)).toBeCloseTo(2, 0);
    expect(reportsPerSecond(0)).toBe(0);
  });

  it('begin anew when the numbers do', () => {
    const recorder = new TransportWideRecorder();
    recorder.received(10, 1000);
    recorder.received(40_000, 1001);
    recorder.received(40_001, 1002);
    expect(recorder.due(1010)).toEqual({ baseSequence: 40_000, arrivals: [1001, 1002] });
  });

  it.each(STARTS)('reach the sender whole over a bad network, for 20 minutes, from %i', (start) => {
    const random = seededRandom(start);
    const recorder = new TransportWideRecorder();
    const reports: ArrivalReport[] = [];
    const packetCount = 12_000;
    const sent: Arrival<number>[] = Array.from({ length: packetCount }, (_, item) => ({ item, atMs: item * 100 }));
    const arrivals = throughNetwork(random, sent, { loss: 0.1, duplication: 0.05, jitterMs: 450 });
    const first = new Map<number, number>();
    for (const { item, atMs } of arrivals) {
      if (!first.has(item)) first.set(item, atMs);
      recorder.received(addSequence(start, item), atMs);
      const due = recorder.due(atMs);
      if (due) reports.push(due);
    }
    const last = recorder.due(Number.POSITIVE_INFINITY);
    if (last) reports.push(last);
    const result = told(reports);
    const lost = [...Array(packetCount).keys()].filter((item) => !first.has(item));
    expect(lost.length).toBeGreaterThan(1000);
    for (const [item, atMs] of first) expect(result.get(addSequence(start, item))).toBe(atMs);
    // Those after the last arrival are not told of.
    const highest = Math.max(...first.keys());
    for (const item of lost.filter((each) => each < highest && each > 0)) {
      expect(result.has(addSequence(start, item))).toBe(true);
      expect(result.get(addSequence(start, item))).toBeUndefined();
    }
  });
});
