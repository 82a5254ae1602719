import { describe, expect, it } from 'vitest';
import { GroupOfPictures } from '../../rtp/group-of-pictures.ts';
import { seededRandom } from '../../rtp/seeded-network.ts';
import { addTimestamp, timestampDistance } from '../../rtp/sequence.ts';
import { VP8 } from '../../test/rtp-fixtures.ts';
import { NOT_SENT } from '../fanout/engine.ts';
import { CatchUp, type CatchUpState, type Followed, type Latecomer } from './catch-up.ts';
import type { CanonicalPacket } from './up-track.ts';

const FRAME_TICKS = 3000;
const FRAME_MS = 1000 / 30;

interface PacketGiven {
  readonly index: number;
  readonly frame: number;
  readonly isKey?: boolean;
  readonly bytes?: number;
}

/** A publisher's video as an up track has it. */
class Video implements Followed {
  readonly group = new GroupOfPictures<CanonicalPacket>({ maxBytes: 100_000_000, maxMs: 60_000 });
  readonly firstTimestamp: number;
  #edge: number | undefined;

  constructor(firstTimestamp = 1000) {
    this.firstTimestamp = firstTimestamp;
  }

  add({ index, frame, isKey = false, bytes = 1000 }: PacketGiven, nowMs = 0): void {
    const timestamp = addTimestamp(this.firstTimestamp, frame * FRAME_TICKS);
    if (this.#edge === undefined || timestampDistance(this.#edge, timestamp) > 0) this.#edge = timestamp;
    const packet: CanonicalPacket = {
      kind: 'video',
      codec: VP8,
      marker: true,
      index,
      timestamp,
      startsDecoding: isKey,
      payload: new Uint8Array(bytes),
      extensions: undefined,
      sendTime: NOT_SENT,
      padding: 0,
    };
    this.group.add(packet, nowMs);
  }

  edgeAt(): number | undefined {
    return this.#edge;
  }
}

class Viewer implements Latecomer {
  readonly starts: number[] = [];
  readonly sent: { index: number; timestamp: number; atMs: number; bytes: number }[] = [];
  liveFrom: number | undefined;

  startBehind({ index }: CanonicalPacket): void {
    this.starts.push(index);
  }

  sendAlone(packets: readonly CanonicalPacket[], timestamp: number, nowMs: number): void {
    for (const { index, payload } of packets) this.sent.push({ index, timestamp, atMs: nowMs, bytes: payload.length });
  }

  goLive(index: number): void {
    this.liveFrom = index;
  }
}

/** One packet a frame; the first is a key frame. */
function videoOf(frames: number, bytes = 1000): Video {
  const video = new Video();
  for (let frame = 0; frame < frames; frame++) {
    video.add({ index: frame, frame, isKey: frame === 0, bytes }, frame * FRAME_MS);
  }
  return video;
}

function stepUntilDone(catchUp: CatchUp, fromMs: number, everyMs = 5): { state: CatchUpState; atMs: number } {
  for (let nowMs = fromMs; ; nowMs += everyMs) {
    const state = catchUp.step(nowMs);
    if (state !== 'behind') return { state, atMs: nowMs };
    if (nowMs > fromMs + 60_000) throw new Error('does not end');
  }
}

describe('a viewer that catches up', () => {
  it('gets everything since the key frame once, in order, and then what everybody gets', () => {
    const viewer = new Viewer();
    const catchUp = new CatchUp(viewer, videoOf(30), 1000);
    expect(catchUp.step(1000)).toBe('live');
    expect(viewer.starts).toEqual([0]);
    expect(viewer.sent.map(({ index }) => index)).toEqual(Array.from({ length: 30 }, (_none, index) => index));
    expect(viewer.liveFrom).toBe(30);
  });

  it('is sent a long group at the pace that it is due, beginning at once', () => {
    const viewer = new Viewer();
    // 3 MB of 10 s.
    const catchUp = new CatchUp(viewer, videoOf(300, 10_000), 0);
    catchUp.step(0);
    expect(viewer.sent.length).toBeGreaterThan(10);
    const { atMs } = stepUntilDone(catchUp, 5);
    const bytes = viewer.sent.reduce((sum, packet) => sum + packet.bytes, 0);
    expect(bytes).toBe(3_000_000);
    // Eight times as fast as it came, less what left at once.
    expect(atMs).toBeGreaterThan(1000);
    expect(atMs).toBeLessThan(1300);
  });

  it('sees times that rise with each frame and end with that of the newest one', () => {
    const viewer = new Viewer();
    const video = videoOf(300, 10_000);
    const catchUp = new CatchUp(viewer, video, 0);
    stepUntilDone(catchUp, 0);
    const times = viewer.sent.map(({ timestamp }) => timestamp);
    expect(times.at(-1)).toBe(video.edgeAt());
    for (let at = 1; at < times.length; at++) expect(times[at]).toBeGreaterThan(times[at - 1] ?? 0);
    // All of them are due now, not one after the other in the time that they took.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThanOrEqual(300);
  });

  it('has one time for all packets of a frame, also when the rest of it was late', () => {
    const video = new Video();
    video.add({ index: 0, frame: 0, isKey: true });
    video.add({ index: 1, frame: 0 });
    const viewer = new Viewer();
    const catchUp = new CatchUp(viewer, video, 0);
    for (const index of [2, 4, 5, 6]) video.add({ index, frame: index < 6 ? 1 : 2 });
    expect(catchUp.step(0)).toBe('behind');
    expect(viewer.sent.map(({ index }) => index)).toEqual([0, 1, 2]);
    video.add({ index: 3, frame: 1 });
    expect(catchUp.step(5)).toBe('live');
    expect(new Set(viewer.sent.slice(2, 6).map(({ timestamp }) => timestamp)).size).toBe(1);
    expect(viewer.liveFrom).toBe(7);
  });

  it('goes on at a key frame that comes meanwhile', () => {
    const video = videoOf(300, 10_000);
    const viewer = new Viewer();
    const catchUp = new CatchUp(viewer, video, 0);
    expect(catchUp.step(0)).toBe('behind');
    video.add({ index: 300, frame: 300, isKey: true });
    expect(catchUp.step(5)).toBe('live');
    expect(viewer.starts).toEqual([0, 300]);
    expect(viewer.sent.at(-1)).toMatchObject({ index: 300, timestamp: video.edgeAt() });
  });

  it('waits for a missing packet as long as it may be repaired, and then gives up', () => {
    const video = videoOf(3);
    const viewer = new Viewer();
    const catchUp = new CatchUp(viewer, video, 0);
    video.add({ index: 4, frame: 4 });
    expect(catchUp.step(0)).toBe('behind');
    expect(catchUp.step(900)).toBe('behind');
    expect(stepUntilDone(catchUp, 900).state).toBe('lost');
    expect(viewer.liveFrom).toBeUndefined();
  });

  it('gives up when the group became too large to be kept', () => {
    const video = videoOf(300, 10_000);
    const catchUp = new CatchUp(new Viewer(), video, 0);
    catchUp.step(0);
    video.group.clear();
    expect(catchUp.step(5)).toBe('lost');
  });

  it('that lost the picture sees it again behind what it saw last, and before what comes next', () => {
    const video = videoOf(300, 1000);
    const viewer = new Viewer();
    stepUntilDone(new CatchUp(viewer, video, 0, video.edgeAt()), 0);
    const times = viewer.sent.map(({ timestamp }) => timestamp);
    expect(times[0]).toBe((video.edgeAt() ?? 0) + 1);
    expect(times.at(-1)).toBe((video.edgeAt() ?? 0) + 300);
    expect(times.at(-1)).toBeLessThan((video.edgeAt() ?? 0) + FRAME_TICKS);
  });

  it('never sees time go back, whatever comes meanwhile', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = seededRandom(seed);
      // Near the wrap-around of 32 bits.
      const video = new Video(2 ** 32 - Math.floor(random() * 500) * FRAME_TICKS);
      let index = 0;
      let frame = 0;
      const late: PacketGiven[] = [];
      const addFrame = (): void => {
        const isKey = frame === 0 || random() < 0.004;
        const packets = 1 + Math.floor(random() * 6);
        for (let part = 0; part < packets; part++) {
          const packet = { index: index++, frame, isKey: isKey && part === 0, bytes: 200 + Math.floor(random() * 900) };
          if (!packet.isKey && random() < 0.02) late.push(packet);
          else video.add(packet, frame * FRAME_MS);
        }
        frame++;
      };
      for (let count = 30 + Math.floor(random() * 400); count > 0; count--) addFrame();
      for (const packet of late.splice(0)) video.add(packet);
      const viewer = new Viewer();
      const beganMs = frame * FRAME_MS;
      const catchUp = new CatchUp(viewer, video, beganMs);
      let state: CatchUpState = 'behind';
      for (let nowMs = beganMs; state === 'behind'; nowMs += 5) {
        while (frame * FRAME_MS < nowMs) addFrame();
        const repaired = late[0];
        if (repaired && random() < 0.3) {
          late.shift();
          video.add(repaired);
        }
        state = catchUp.step(nowMs);
      }
      expect(state).toBe('live');
      for (const [at, packet] of viewer.sent.entries()) {
        const before = viewer.sent[at - 1];
        if (!before) continue;
        expect(timestampDistance(before.timestamp, packet.timestamp)).toBeGreaterThanOrEqual(0);
        // Without a hole, but where a newer key frame was there.
        if (!viewer.starts.includes(packet.index)) expect(packet.index).toBe(before.index + 1);
      }
      const last = viewer.sent.at(-1);
      expect(timestampDistance(last?.timestamp ?? 0, video.edgeAt() ?? 0)).toBe(0);
      expect(viewer.liveFrom).toBe((last?.index ?? 0) + 1);
    }
  });
});
