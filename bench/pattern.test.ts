import { describe, expect, it } from 'vitest';
import { readCodecFacts } from '../src/rtp/codec-facts.ts';
import {
  audioPacket,
  cycleBursts,
  FRAMES_PER_CYCLE,
  FRAMES_PER_SECOND,
  framePayloadSizes,
  gatheredBursts,
  readStamp,
  VIDEO_BITRATE_BPS,
  videoFrame,
  writeStamp,
} from './pattern.ts';

const frames = Array.from({ length: FRAMES_PER_CYCLE }, (_, frame) => videoFrame(frame, frame === 0));

describe('the pattern', () => {
  it('has the bitrate that it says, descriptors aside', () => {
    const vp8Bytes = frames.flat().reduce((sum, { payload }) => sum + payload.length - 4, 0);
    const bps = (vp8Bytes * 8 * FRAMES_PER_SECOND) / FRAMES_PER_CYCLE;
    expect(Math.abs(bps / VIDEO_BITRATE_BPS - 1)).toBeLessThan(0.01);
  });

  it('starts a key frame in the first packet of a key frame and nowhere else', () => {
    const starts = frames.map((frame) => frame.map(({ payload }) => readCodecFacts('VP8', payload).startsDecoding));
    expect(starts[0]?.[0]).toBe(true);
    expect(starts.flat().filter(Boolean)).toHaveLength(1);
  });

  it('marks the last packet of each frame', () => {
    for (const frame of frames) {
      expect(frame.map(({ marker }) => marker)).toEqual(frame.map((_, place) => place === frame.length - 1));
    }
  });

  it('splits frames nearly equally, the larger packets last, none above 1,150 bytes', () => {
    for (let frame = 0; frame < FRAMES_PER_CYCLE; frame++) {
      const sizes = framePayloadSizes(frame, frame === 0);
      const smallest = sizes[0] ?? 0;
      expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
      expect(Math.max(...sizes) - smallest).toBeLessThanOrEqual(1);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1_150);
    }
  });

  it('has key frames of four to six times the others', () => {
    const bytes = frames.map((frame) => frame.reduce((sum, { payload }) => sum + payload.length, 0));
    const [key = 0, ...others] = bytes;
    const average = others.reduce((sum, size) => sum + size, 0) / others.length;
    expect(key / average).toBeGreaterThan(4);
    expect(key / average).toBeLessThan(6);
  });

  it('has one hundred audio packets between the frames of a cycle', () => {
    const bursts = cycleBursts();
    expect(bursts.filter(([first]) => first === audioPacket(0).payload.length)).toHaveLength(100);
    expect(bursts).toHaveLength(FRAMES_PER_CYCLE + 100);
  });
});

describe('a stamp', () => {
  it.each(['video', 'audio'] as const)('comes back from a payload of %s and leaves the codec header alone', (kind) => {
    const [packet] = kind === 'video' ? videoFrame(0, true) : [audioPacket(0)];
    if (!packet) throw new Error('no packet');
    const stamp = { number: 4_294_967_295, sentAtNs: 123_456_789_012_345n };
    writeStamp(packet.payload, stamp);
    expect(readStamp(packet.payload)).toEqual(stamp);
    if (kind === 'video') expect(readCodecFacts('VP8', packet.payload).startsDecoding).toBe(true);
  });

  it('is not found in a payload without room for one', () => {
    expect(readStamp(Buffer.alloc(11))).toBeUndefined();
  });

  it('is gathered into one run for each frame, the sound behind it, with nothing lost', () => {
    const gathered = gatheredBursts();
    expect(gathered).toHaveLength(60);
    expect(gathered.flat()).toHaveLength(cycleBursts().flat().length);
    for (const burst of gathered) {
      const pictures = burst.filter((size) => size !== 80);
      expect(new Set(pictures).size).toBe(1);
      expect(burst.slice(0, pictures.length)).toEqual(pictures);
    }
  });
});
