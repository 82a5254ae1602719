import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GroupOfPictures } from '../../rtp/group-of-pictures.ts';
import { VP8 } from '../../test/rtp-fixtures.ts';
import { NOT_SENT } from '../fanout/engine.ts';
import type { Followed, Latecomer } from './catch-up.ts';
import { CatchUpTurns } from './catch-up-turns.ts';
import { Latecomers } from './latecomers.ts';
import type { CanonicalPacket } from './up-track.ts';

let nowMs = 0;
let begun: string[];
beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 0;
  begun = [];
});
afterEach(() => vi.useRealTimers());

/** 2.4 MB of 10 s: many steps for each viewer. */
function longGroup(): Followed {
  const group = new GroupOfPictures<CanonicalPacket>({ maxBytes: 10_000_000, maxMs: 60_000 });
  for (let index = 0; index < 2000; index++) {
    const payload = new Uint8Array(1200);
    const shape = {
      kind: 'video',
      codec: VP8,
      marker: true,
      extensions: undefined,
      sendTime: NOT_SENT,
      padding: 0,
    } as const;
    group.add({ ...shape, index, timestamp: index * 450, startsDecoding: index === 0, payload }, index * 5);
  }
  return { group, edgeAt: () => 2000 * 450 };
}

/** A viewer whose every packet costs time. */
class SlowViewer implements Latecomer {
  packets = 0;
  readonly #packetMs: number;

  constructor(packetMs = 0.02) {
    this.#packetMs = packetMs;
  }

  startBehind(): void {}
  goLive(): void {}
  sendAlone(packets: readonly CanonicalPacket[]): void {
    this.packets += packets.length;
    nowMs += this.#packetMs * packets.length;
  }
}

function latecomers(turns: CatchUpTurns): Latecomers<string> {
  return new Latecomers<string>({
    now: () => nowMs,
    turns,
    measure: (work) => work(),
    onBegun: (viewer) => begun.push(viewer),
    onLive: () => {},
    onLost: () => {},
  });
}

describe('viewers that catch up', () => {
  it('of all broadcasts of a worker take a part of its time together, and all of them come to their turn', () => {
    const turns = new CatchUpTurns(() => nowMs, 1);
    const broadcasts = [latecomers(turns), latecomers(turns)];
    const viewers: SlowViewer[] = [];
    for (let number = 0; number < 20; number++) {
      const viewer = new SlowViewer();
      viewers.push(viewer);
      broadcasts[number % 2]?.add(`${number}`, viewer, longGroup());
    }
    const afterJoins = nowMs;
    let busyMs = 0;
    for (let turn = 0; turn < 100; turn++) {
      const beganMs = nowMs;
      vi.advanceTimersByTime(5);
      busyMs += nowMs - beganMs;
      nowMs = Math.max(nowMs, beganMs + 5);
    }
    // One turn that began within the budget may end a burst later.
    expect(busyMs / (nowMs - afterJoins)).toBeLessThan(0.8);
    expect(new Set(begun).size).toBe(20);
    expect(begun).toHaveLength(20);
    expect(Math.min(...viewers.map(({ packets }) => packets))).toBeGreaterThan(0);
    for (const broadcast of broadcasts) broadcast.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [1, 64],
    [2, 32],
    [64, 16],
  ])(
    'of one of %i workers take %i MB/s of the network at most, and who has no picture yet comes first',
    (workers, most) => {
      const turns = new CatchUpTurns(() => nowMs, workers);
      const broadcasts = [latecomers(turns), latecomers(turns)];
      const viewers = Array.from({ length: 100 }, () => new SlowViewer(0));
      for (const [number, viewer] of viewers.entries()) broadcasts[number % 2]?.add(`${number}`, viewer, longGroup());
      for (let turn = 0; turn < 200; turn++) {
        nowMs += 5;
        vi.advanceTimersByTime(5);
      }
      const bytes = viewers.reduce((sum, { packets }) => sum + 1200 * packets, 0);
      // With what was saved before.
      expect(bytes).toBeLessThan(most * 1_000_000 * 1.05);
      expect(bytes).toBeGreaterThan(most * 1_000_000 * 0.95);
      expect(new Set(begun).size).toBe(100);
      for (const broadcast of broadcasts) broadcast.close();
    },
  );
});
