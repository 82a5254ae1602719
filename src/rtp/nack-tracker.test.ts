import { describe, expect, it } from 'vitest';
import { NackTracker } from './nack-tracker.ts';
import { RetransmissionRing } from './retransmission-ring.ts';
import { type Arrival, seededRandom, throughNetwork } from './seeded-network.ts';
import { addSequence } from './sequence.ts';
import { Timeline } from './timeline.ts';

const STARTS = [0, 1, 127, 32767, 32768, 65534, 65535];

function tracking(sequences: readonly number[], nowMs = 0): NackTracker {
  const tracker = new NackTracker();
  for (const sequence of sequences) tracker.received(sequence, nowMs);
  return tracker;
}

describe('loss', () => {
  it.each(STARTS)('is every number that was passed over, from %i', (start) => {
    const at = (...steps: number[]) => steps.map((step) => addSequence(start, step));
    const tracker = tracking(at(0, 1, 4, 5, 7));
    expect(tracker.due(10, 50)).toEqual(at(2, 3, 6));
    expect(tracker.missingCount).toBe(3);
  });

  it.each(STARTS)('is not what comes late, twice, or from before the first, from %i', (start) => {
    const at = (...steps: number[]) => steps.map((step) => addSequence(start, step));
    const tracker = tracking(at(0, 3, 2, 1, 1, 3, -1, -5));
    expect(tracker.due(10, 50)).toEqual([]);
    expect(tracker.takeGiveUp()).toBe(false);
  });

  it('is asked for only after the tolerance for reordering', () => {
    const tracker = tracking([1, 3], 100);
    expect(tracker.due(109, 50)).toEqual([]);
    expect(tracker.due(110, 50)).toEqual([2]);
  });

  it('is asked for once in a round trip', () => {
    const tracker = tracking([1, 3]);
    const askedAtMs: number[] = [];
    for (let nowMs = 0; nowMs <= 250; nowMs += 10) if (tracker.due(nowMs, 70).length > 0) askedAtMs.push(nowMs);
    expect(askedAtMs).toEqual([10, 90, 170, 250]);
  });

  it('is not asked for any more when it came', () => {
    const tracker = tracking([65534, 2]);
    expect(tracker.due(10, 20)).toEqual([65535, 0, 1]);
    tracker.received(0, 30);
    expect(tracker.due(100, 20)).toEqual([65535, 1]);
  });

  it('is asked for in packets of at most 256', () => {
    const tracker = tracking([0, 601]);
    const counts = [10, 11, 12, 13].map((nowMs) => tracker.due(nowMs, 50).length);
    expect(counts).toEqual([256, 256, 88, 0]);
  });
});

describe('giving up', () => {
  it('comes after ten tries and a last round trip, and is told once', () => {
    const tracker = tracking([1, 3]);
    let tries = 0;
    for (let nowMs = 0; nowMs < 1000; nowMs += 10) tries += tracker.due(nowMs, 20).length;
    expect(tries).toBe(10);
    expect(tracker.missingCount).toBe(0);
    expect(tracker.takeGiveUp()).toBe(true);
    expect(tracker.takeGiveUp()).toBe(false);
  });

  it('comes after 2 s when round trips are long', () => {
    const tracker = tracking([1, 3]);
    const askedAtMs: number[] = [];
    for (let nowMs = 0; nowMs < 5000; nowMs += 10) if (tracker.due(nowMs, 490).length > 0) askedAtMs.push(nowMs);
    expect(askedAtMs).toEqual([10, 510, 1010, 1510]);
    expect(tracker.takeGiveUp()).toBe(true);
  });

  it('comes at once when more than 1000 are missing', () => {
    const tracker = tracking([0, 1002]);
    expect(tracker.takeGiveUp()).toBe(true);
    expect(tracker.due(100, 20)).toEqual([]);
    expect(tracking([0, 1001]).takeGiveUp()).toBe(false);
  });

  it.each([3000, -3000, 20_000])('comes with a restart by %i, and goes on from there', (jump) => {
    const tracker = tracking([10, 12, 12 + jump, 14 + jump].map((sequence) => sequence & 0xffff));
    expect(tracker.takeGiveUp()).toBe(true);
    expect(tracker.due(10, 50)).toEqual([(13 + jump) & 0xffff]);
  });
});

describe('the round trip', () => {
  const asked = (times: number) => {
    const tracker = tracking([1, 3, 5]);
    for (let time = 0; time < times; time++) tracker.due(10 + 100 * time, 50);
    return tracker;
  };

  it('is from asking to the answer', () => {
    expect(asked(1).received(2, 57)).toBe(47);
    expect(asked(1).receivedAgain(2, 57)).toBe(47);
  });

  it('is not told by what was not asked for, asked for again, or not missing', () => {
    expect(asked(0).received(2, 57)).toBeUndefined();
    const unclear = asked(2);
    unclear.received(2, 130);
    expect(unclear.received(4, 170)).toBeUndefined();
    const tracker = asked(1);
    tracker.received(2, 57);
    expect([tracker.received(2, 58), tracker.received(7, 59), tracker.receivedAgain(900, 60)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is longer than thought when the answer comes right after another request, and while nothing was measured', () => {
    const tracker = asked(2);
    expect([tracker.received(2, 170), tracker.received(4, 130)]).toEqual([160, 120]);
  });

  it('is not told by what was only late, where answers come as retransmissions', () => {
    const tracker = asked(1);
    expect(tracker.receivedAgain(2, 57)).toBe(47);
    expect(tracker.received(4, 58)).toBeUndefined();
    expect(tracker.missingCount).toBe(0);
  });
});

describe('a retransmission', () => {
  it('never says where the source is', () => {
    const tracker = new NackTracker();
    tracker.receivedAgain(100, 0);
    tracker.received(200, 1);
    tracker.receivedAgain(210, 2);
    tracker.received(202, 3);
    expect(tracker.due(20, 50)).toEqual([201]);
  });

  it.each(STARTS)('belongs to the source that misses its number, from %i', (start) => {
    const tracker = tracking([0, 3].map((step) => addSequence(start, step)));
    const missing = [-1, 0, 1, 2, 3, 4].filter((step) => tracker.isMissing(addSequence(start, step)));
    expect(missing).toEqual([1, 2]);
    expect(new NackTracker().isMissing(start)).toBe(false);
  });
});

describe('what nobody needs', () => {
  it.each(STARTS)('before a key frame is forgotten, from %i', (start) => {
    const at = (...steps: number[]) => steps.map((step) => addSequence(start, step));
    const tracker = tracking(at(0, 2, 6));
    tracker.forgetBefore(addSequence(start, 4));
    expect(tracker.due(10, 50)).toEqual(at(4, 5));
    expect(tracker.takeGiveUp()).toBe(false);
  });
});

describe('a source that nobody waits for', () => {
  it('is asked for nothing and gives nothing up', () => {
    const tracker = tracking([0, 1002]);
    tracker.received(1005, 1);
    tracker.forget();
    expect([tracker.due(100, 50), tracker.takeGiveUp()]).toEqual([[], false]);
    tracker.received(1007, 101);
    expect(tracker.due(120, 50)).toEqual([1006]);
  });
});

describe('a source over a bad network', () => {
  it.each(STARTS)('is repaired up to 20 % loss, and viewers can be answered, from %i', (start) => {
    const random = seededRandom(start + 1);
    const count = 1000;
    const rttMs = 40;
    const network = { loss: 0.2, duplication: 0.02, jitterMs: 15 };
    const tracker = new NackTracker();
    const timeline = new Timeline({ kind: 'video', clockRate: 90_000, firstSequence: start, firstTimestamp: 0 });
    const ring = new RetransmissionRing<number>();
    const arrived = new Set<number>();
    let asked = 0;

    const first: Arrival<number> = { item: 0, atMs: 0 };
    const sent = Array.from({ length: count - 1 }, (_, at) => ({ item: at + 1, atMs: 20 + at * 2 }));
    // The last packets arrive for certain, since nothing after them would show their loss.
    const last = Array.from({ length: 5 }, (_, at) => ({ item: count + at, atMs: 20 + 2 * count + 50 }));
    let pending = [first, ...throughNetwork(random, sent, network), ...last];

    for (let nowMs = 0; nowMs < 4000; nowMs += 5) {
      for (const { item, atMs } of pending.filter((arrival) => arrival.atMs <= nowMs)) {
        const sequence = addSequence(start, item);
        tracker.received(sequence, atMs);
        const place = timeline.map(1, { sequence, timestamp: item, marker: true }, atMs);
        if (place) {
          expect(arrived.has(item)).toBe(false);
          arrived.add(item);
          ring.add(place.sequence, item, atMs);
          expect(ring.get(addSequence(start, item), atMs)).toBe(item);
        }
      }
      pending = pending.filter((arrival) => arrival.atMs > nowMs);
      const due = tracker.due(nowMs, rttMs);
      asked += due.length;
      const again = due.map((sequence) => ({ item: (sequence - start) & 0xffff, atMs: nowMs + rttMs }));
      pending = [...pending, ...throughNetwork(random, again, network)].sort((one, other) => one.atMs - other.atMs);
    }

    expect(arrived.size).toBe(count + 5);
    expect(tracker.missingCount).toBe(0);
    expect(tracker.takeGiveUp()).toBe(false);
    // A quarter of the packets is asked for at 20 % loss of packets and of answers; jitter adds a few in vain.
    expect(asked).toBeLessThan(0.35 * count);
    expect(asked).toBeGreaterThan(0.2 * count);
  });
});
