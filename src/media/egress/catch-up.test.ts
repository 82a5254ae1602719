import { describe, expect, it } from 'vitest';
import { GroupOfPictures } from '../../rtp/group-of-pictures.ts';
import { seededRandom } from '../../rtp/seeded-network.ts';
import { addTimestamp, timestampDistance } from '../../rtp/sequence.ts';
import { LinkDirection } from '../../test/bad-link.ts';
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

/** One viewer's way over a link with a queue of 200 ms, while 30 frames a second go on coming. */
function catchUpOver({ streamMbps, linkMbps, seconds }: { streamMbps: number; linkMbps: number; seconds: number }) {
  const packetBytes = 1100;
  const link = new LinkDirection(1);
  link.conditions = { bitsPerSecond: linkMbps * 1_000_000, delayMs: 20 };
  const video = new Video();
  let index = 0;
  let frame = 0;
  const addFrame = (): void => {
    const isKey = frame === 0;
    const packets = Math.max(1, Math.round((streamMbps * 1_000_000) / 8 / 30 / packetBytes));
    // A key frame takes as much as six others.
    for (let part = 0; part < (isKey ? 6 * packets : packets); part++) {
      const given = { index: index++, frame, isKey: isKey && part === 0, bytes: packetBytes };
      video.add(given, frame * FRAME_MS);
    }
    frame++;
  };
  while (frame < seconds * 30) addFrame();
  const beganMs = frame * FRAME_MS;
  let sent = 0;
  let lost = 0;
  let keyFrameLost = false;
  const viewer: Latecomer = {
    startBehind: () => {},
    goLive: () => {},
    sendAlone: (packets, _timestamp, nowMs) => {
      for (const { timestamp, payload } of packets) {
        sent++;
        // RTP header with extensions, and the tag of SRTP.
        if (link.arrivals(payload.length + 50, nowMs).length > 0) continue;
        lost++;
        if (timestamp === video.firstTimestamp) keyFrameLost = true;
      }
    },
  };
  const catchUp = new CatchUp(viewer, video, beganMs);
  for (let nowMs = beganMs; ; nowMs += 5) {
    while (frame * FRAME_MS < nowMs) addFrame();
    if (catchUp.step(nowMs) !== 'behind') return { lostShare: lost / sent, keyFrameLost, tookMs: nowMs - beganMs };
  }
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
    // Within three seconds, and what left at once.
    expect(atMs).toBeGreaterThan(2000);
    expect(atMs).toBeLessThan(2400);
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

  it.each([
    // Mb/s of the stream and of the link, age of the group in s, share that may be lost.
    [2, 8, 1, 0.02],
    [2, 8, 2, 0.02],
    [2, 8, 4, 0.02],
    [2, 8, 6, 0.02],
    // What NACKs repair.
    [2, 8, 9, 0.12],
    [1, 4, 9, 0.12],
    [6, 25, 9, 0.12],
    [2, 50, 9, 0],
    [6, 50, 9, 0],
  ])('to a stream of %i Mb/s over a link of %i Mb/s, %i s old, is sent what the link carries', (...given) => {
    const [streamMbps, linkMbps, seconds, mostLost] = given;
    const { lostShare, keyFrameLost, tookMs } = catchUpOver({ streamMbps, linkMbps, seconds });
    expect(keyFrameLost).toBe(false);
    expect(lostShare).toBeLessThanOrEqual(mostLost);
    expect(tookMs).toBeLessThanOrEqual(3_100);
  });

  it('does not wait for long after a key frame that is larger than the pace', () => {
    const video = new Video();
    for (let index = 0; index < 300; index++) video.add({ index, frame: 0, isKey: index === 0 });
    for (let frame = 1; frame < 300; frame++) video.add({ index: 299 + frame, frame, bytes: 100 }, frame * FRAME_MS);
    const viewer = new Viewer();
    stepUntilDone(new CatchUp(viewer, video, 0), 0);
    expect(viewer.sent[299]?.atMs).toBe(0);
    expect(viewer.sent[300]?.atMs).toBeLessThanOrEqual(105);
  });

  it('goes on at a key frame that comes meanwhile', () => {
    const video = videoOf(300, 10_000);
    const viewer = new Viewer();
    const catchUp = new CatchUp(viewer, video, 0);
    expect(catchUp.step(0)).toBe('behind');
    video.add({ index: 300, frame: 300, isKey: true });
    expect(stepUntilDone(catchUp, 5)).toEqual({ state: 'live', atMs: 10 });
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
