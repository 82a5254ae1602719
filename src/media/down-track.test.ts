import { describe, expect, it } from 'vitest';
import type { Codec } from '../rtp/codec.ts';
import { parseRtp } from '../rtp/packet.ts';
import { acceptedMedia } from '../test/media-fixtures.ts';
import { AV1, VP8 } from '../test/rtp-fixtures.ts';
import { DownTrack } from './down-track.ts';
import type { CanonicalPacket } from './up-track.ts';

const media = acceptedMedia({
  codecs: [{ ...VP8, payloadType: 120, fmtp: undefined, feedback: [] }],
  localSsrc: 77,
});

function packet(sequence: number, startsDecoding: boolean, codec: Codec = VP8): CanonicalPacket {
  return { codec, marker: true, sequence, timestamp: 3000, startsDecoding, payload: Buffer.from([1, 2, 3]) };
}

describe('DownTrack', () => {
  it('writes the SSRC and payload type of its viewer and nothing of the publisher', () => {
    const bytes = new DownTrack(media, 77).forward(packet(5, true), 0);
    const parsed = bytes && parseRtp(bytes);
    expect(parsed).toMatchObject({ ssrc: 77, payloadType: 120, timestamp: 3000, marker: true });
    expect(parsed).toMatchObject({ extensionLength: 0, csrcCount: 0, payloadLength: 3 });
  });

  it('waits for a key frame before its first packet', () => {
    const track = new DownTrack(media, 77);
    expect(track.forward(packet(1, false), 0)).toBeUndefined();
    expect(track.awaitsKeyFrame).toBe(true);
    expect(track.forward(packet(2, true), 0)).toBeDefined();
    expect(track.awaitsKeyFrame).toBe(false);
    expect(track.forward(packet(3, false), 0)).toBeDefined();
    expect(track.packetsSent).toBe(2);
  });

  it('sends nothing of a codec that the viewer cannot decode, and does not wish for its key frames', () => {
    const track = new DownTrack(media, 77);
    expect(track.forward(packet(1, true, AV1), 0)).toBeUndefined();
    expect(track.awaitsKeyFrame).toBe(false);
  });

  it('starts again at a key frame when the codec changed', () => {
    const track = new DownTrack(media, 77);
    track.forward(packet(1, true), 0);
    track.forward(packet(2, true, AV1), 0);
    expect(track.forward(packet(3, false), 0)).toBeUndefined();
    expect(track.forward(packet(4, true), 0)).toBeDefined();
  });

  it('repeats a packet byte for byte, once in a while however often it is asked for', () => {
    const track = new DownTrack(media, 77);
    const sent = packet(1, true);
    const original = track.forward(sent, 0);
    expect(track.repeat(sent, 1000)).toEqual(original);
    expect(track.repeat(sent, 1010)).toBeUndefined();
    expect(track.repeat(sent, 1050)).toEqual(original);
  });

  it('numbers its packets from below 2^15, wherever the broadcast is, and knows them by those numbers', () => {
    for (let round = 0; round < 20; round++) {
      const track = new DownTrack(media, 77);
      const first = parseRtp(track.forward(packet(65_535, true), 0) ?? Buffer.alloc(0));
      const second = parseRtp(track.forward(packet(0, false), 0) ?? Buffer.alloc(0));
      expect(first?.sequence).toBeLessThan(2 ** 15);
      expect(second?.sequence).toBe((first?.sequence ?? 0) + 1);
      expect(track.canonicalSequence(first?.sequence ?? 0)).toBe(65_535);
      expect(track.canonicalSequence(second?.sequence ?? 0)).toBe(0);
    }
  });

  it('never uses a number twice, however far the broadcast went on without it', () => {
    for (const gap of [20_000, 40_000, 60_000]) {
      const track = new DownTrack(media, 77);
      const used: number[] = [];
      let canonical = 1000;
      const send = (startsDecoding: boolean): void => {
        const bytes = track.forward(packet(canonical & 0xffff, startsDecoding), canonical);
        const sequence = bytes && parseRtp(bytes)?.sequence;
        if (sequence !== undefined) used.push(sequence);
        canonical++;
      };
      send(true);
      for (let count = 0; count < 100; count++) send(false);
      // The publisher sends what this viewer cannot decode, and comes back.
      track.forward(packet(canonical & 0xffff, true, AV1), canonical);
      canonical += gap;
      send(true);
      for (let count = 0; count < 100; count++) send(false);
      expect(used).toHaveLength(202);
      expect(used[101]).toBe(((used[100] ?? 0) + 2) & 0xffff);
      expect(new Set(used).size).toBe(202);
    }
  });

  it('repeats nothing while it waits for its first key frame', () => {
    const track = new DownTrack(media, 77);
    track.forward(packet(10, false), 0);
    expect(track.repeat(packet(10, false), 10)).toBeUndefined();
  });

  it('lets a packet that came late from before its first one go', () => {
    const track = new DownTrack(media, 77);
    track.forward(packet(100, true), 0);
    expect(track.forward(packet(99, false), 10)).toBeUndefined();
    expect(track.forward(packet(101, false), 20)).toBeDefined();
  });

  it('does not repeat packets from before its first one', () => {
    const track = new DownTrack(media, 77);
    track.forward(packet(100, true), 0);
    expect(track.repeat(packet(99, false), 1000)).toBeUndefined();
    expect(track.repeat(packet(100, true), 1000)).toBeDefined();
  });

  it('repeats no more than a share of what it sends, however much is asked for', () => {
    const track = new DownTrack(media, 77);
    const big = (sequence: number): CanonicalPacket => ({ ...packet(sequence, true), payload: Buffer.alloc(1000) });
    let sent = 0;
    for (let sequence = 0; sequence < 2000; sequence++) sent += track.forward(big(sequence), 0)?.length ?? 0;
    let repeated = 0;
    for (let round = 0; round < 10; round++) {
      for (let sequence = 0; sequence < 2000; sequence++) {
        repeated += track.repeat(big(sequence), round)?.length ?? 0;
      }
    }
    expect(repeated).toBeGreaterThan(200_000);
    expect(repeated).toBeLessThan(300_000);
    expect(sent).toBeGreaterThan(2_000_000);
    // A second later there is room again.
    expect(track.repeat(big(1999), 1_100)).toBeDefined();
  });

  it('does not repeat what it never began to send', () => {
    expect(new DownTrack(media, 77).repeat(packet(1, true), 0)).toBeUndefined();
  });
});
