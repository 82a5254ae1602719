import { describe, expect, it } from 'vitest';
import type { Codec } from '../../rtp/codec.ts';
import { sourcePacket } from '../../test/media-fixtures.ts';
import { AV1, deltaFrame, keyFrame, OPUS, opusPacket, paddingOnly, VP8 } from '../../test/rtp-fixtures.ts';
import { MAX_PAYLOAD_BYTES, NOT_SENT } from '../fanout/engine.ts';
import { type CanonicalPacket, UpTrack } from './up-track.ts';

function receive(track: UpTrack, sourceId: string, bytes: Buffer, atMs: number, codec: Codec = VP8) {
  return track.receive(sourceId, sourcePacket(bytes, codec, atMs));
}

function must(packet: CanonicalPacket | undefined): CanonicalPacket {
  if (!packet) throw new Error('the packet was not passed on');
  return packet;
}

describe('UpTrack', () => {
  it('begins below 2^15 so that receivers are sure of the roll-over counter', () => {
    for (let round = 0; round < 50; round++) {
      expect(must(receive(new UpTrack('video'), 'a', keyFrame({ sequence: 65_535 }), 0)).index).toBeLessThan(32_768);
    }
  });

  it('keeps gaps and order within a source', () => {
    const track = new UpTrack('video');
    const first = must(receive(track, 'a', keyFrame({ sequence: 65_534, timestamp: 100 }), 0));
    const third = must(receive(track, 'a', deltaFrame({ sequence: 0, timestamp: 6100 }), 66));
    const second = must(receive(track, 'a', deltaFrame({ sequence: 65_535, timestamp: 3100 }), 70));
    expect([second.index - first.index, third.index - first.index]).toEqual([1, 2]);
    expect((third.timestamp - first.timestamp) >>> 0).toBe(6000);
  });

  it('marks the packets from which a decoder can start', () => {
    const track = new UpTrack('video');
    expect(must(receive(track, 'a', keyFrame({ sequence: 1 }), 0)).startsDecoding).toBe(true);
    expect(must(receive(track, 'a', deltaFrame({ sequence: 2 }), 1)).startsDecoding).toBe(false);
    expect(must(receive(new UpTrack('audio'), 'a', opusPacket({ sequence: 1 }), 0, OPUS)).startsDecoding).toBe(true);
  });

  it('continues sequence and time when another publisher takes over', () => {
    const track = new UpTrack('video');
    const before = must(receive(track, 'old', keyFrame({ sequence: 10, timestamp: 5000 }), 1000));
    const after = must(receive(track, 'new', keyFrame({ sequence: 40_000, timestamp: 777, ssrc: 9 }), 3000));
    expect(after.index).toBe(before.index + 1);
    expect((after.timestamp - before.timestamp) >>> 0).toBe(2 * 90_000);
  });

  it('shows another source only from its first key frame on, and says that it waits', () => {
    const track = new UpTrack('video');
    receive(track, 'old', keyFrame({ sequence: 10 }), 0);
    expect(receive(track, 'new', deltaFrame({ sequence: 1 }), 10)).toBeUndefined();
    expect(track.awaitsKeyFrame).toBe(true);
    must(receive(track, 'new', keyFrame({ sequence: 2 }), 20));
    expect(track.awaitsKeyFrame).toBe(false);
  });

  it('waits for a key frame after so much loss that the numbers cannot be followed', () => {
    const track = new UpTrack('video');
    const before = must(receive(track, 'a', keyFrame({ sequence: 2 }), 0));
    expect(receive(track, 'a', deltaFrame({ sequence: 5000 }), 11_000)).toBeUndefined();
    expect(track.awaitsKeyFrame).toBe(true);
    const after = must(receive(track, 'a', keyFrame({ sequence: 5010 }), 11_500));
    expect(after.index).toBe(before.index + 1);
  });

  it('ignores sender reports of an SSRC that was replaced', () => {
    const track = new UpTrack('audio');
    receive(track, 'a', opusPacket({ sequence: 1, timestamp: 48_000, ssrc: 1 }), 1000, OPUS);
    const packet = must(receive(track, 'a', opusPacket({ sequence: 9, timestamp: 7, ssrc: 2 }), 2000, OPUS));
    track.senderReport('a', { type: 'sender-report', kind: 'audio', ssrc: 1, rtpTimestamp: 48_000, capturedAtMs: 0 });
    expect(track.timestampAt(2000)).toBe(packet.timestamp);
  });

  it('drops late packets of the source before', () => {
    const track = new UpTrack('video');
    receive(track, 'old', keyFrame({ sequence: 10 }), 0);
    receive(track, 'new', keyFrame({ sequence: 1 }), 10);
    expect(receive(track, 'old', deltaFrame({ sequence: 11 }), 20)).toBeUndefined();
  });

  it('drops a late packet of the codec before', () => {
    const track = new UpTrack('video');
    receive(track, 'a', keyFrame({ sequence: 1 }), 0);
    receive(track, 'a', keyFrame({ sequence: 4 }), 10, AV1);
    expect(receive(track, 'a', deltaFrame({ sequence: 3 }), 20, VP8)).toBeUndefined();
    expect(must(receive(track, 'a', deltaFrame({ sequence: 5 }), 30, AV1)).codec).toBe(AV1);
  });

  it('swallows padding-only packets without leaving a gap', () => {
    const track = new UpTrack('video');
    const first = must(receive(track, 'a', keyFrame({ sequence: 1 }), 0));
    expect(receive(track, 'a', paddingOnly({ sequence: 2 }), 1)).toBeUndefined();
    expect(must(receive(track, 'a', deltaFrame({ sequence: 3 }), 2)).index).toBe(first.index + 1);
  });

  it('recalls a packet for two seconds', () => {
    const track = new UpTrack('video');
    const packet = must(receive(track, 'a', keyFrame({ sequence: 1 }), 0));
    expect(track.recall(packet.index, 1900)).toBe(packet);
    expect(track.recall(packet.index, 2100)).toBeUndefined();
  });

  it('recalls nothing of another round of the sequence numbers, and nothing that was not given yet', () => {
    const track = new UpTrack('video');
    const packet = must(receive(track, 'a', keyFrame({ sequence: 1 }), 0));
    expect(track.recall(packet.index + 65_536, 10)).toBeUndefined();
    expect(track.recall(packet.index - 65_536, 10)).toBeUndefined();
    expect(track.recall(packet.index + 1, 10)).toBeUndefined();
  });

  it('leaves out what is too long for the networks of viewers, with a gap that tells them', () => {
    const track = new UpTrack('video');
    const first = must(receive(track, 'a', keyFrame({ sequence: 1 }), 0));
    const long = sourcePacket(deltaFrame({ sequence: 2 }), VP8, 1);
    expect(track.receive('a', { ...long, payload: Buffer.alloc(MAX_PAYLOAD_BYTES + 1) })).toBeUndefined();
    const longest = sourcePacket(deltaFrame({ sequence: 3 }), VP8, 2);
    expect(must(track.receive('a', { ...longest, payload: Buffer.alloc(MAX_PAYLOAD_BYTES) })).index).toBe(
      first.index + 2,
    );
  });

  it('passes header extensions on, and says that nobody was sent the packet yet', () => {
    const extensions = { orientation: 1 };
    const packet = must(new UpTrack('video').receive('a', sourcePacket(keyFrame({ sequence: 1 }), VP8, 0, extensions)));
    expect(packet).toMatchObject({ kind: 'video', extensions, sendTime: NOT_SENT });
  });

  it('knows its newest packet, which a late one is not, and its codec', () => {
    const track = new UpTrack('video');
    expect([track.newestIndex, track.codec]).toEqual([undefined, undefined]);
    const first = must(receive(track, 'a', keyFrame({ sequence: 1 }), 0));
    const third = must(receive(track, 'a', deltaFrame({ sequence: 3 }), 1));
    must(receive(track, 'a', deltaFrame({ sequence: 2 }), 2));
    expect(track.newestIndex).toBe(third.index);
    expect(track.codec).toBe(first.codec);
    receive(track, 'a', keyFrame({ sequence: 4 }), 3, AV1);
    expect(track.codec).toBe(AV1);
  });

  it('gives one codec object for equal codecs, so that a change is seen by reference', () => {
    const track = new UpTrack('video');
    const first = must(receive(track, 'a', keyFrame({ sequence: 1 }), 0, { ...VP8 }));
    const second = must(receive(track, 'a', deltaFrame({ sequence: 2 }), 1, { ...VP8 }));
    expect(second.codec).toBe(first.codec);
    expect(must(receive(track, 'a', deltaFrame({ sequence: 3 }), 2, AV1)).codec).not.toBe(first.codec);
  });

  it('tells the time of sender reports from the publisher, and from arrival before the first report', () => {
    const track = new UpTrack('audio');
    expect(track.timestampAt(0)).toBeUndefined();
    const packet = must(receive(track, 'a', opusPacket({ sequence: 1, timestamp: 48_000 }), 1000, OPUS));
    expect(track.timestampAt(1500)).toBe((packet.timestamp + 24_000) >>> 0);
    track.senderReport('a', { type: 'sender-report', kind: 'audio', ssrc: 1, rtpTimestamp: 48_000, capturedAtMs: 900 });
    expect(track.timestampAt(1500)).toBe((packet.timestamp + 28_800) >>> 0);
  });

  it('lets VP8 picture IDs go on when another source takes over', () => {
    const track = new UpTrack('video');
    const numbered = (bytes: Buffer, pictureId: number) => {
      const packet = sourcePacket(bytes, VP8);
      const payload = Uint8Array.from([
        0x90,
        0x80,
        0x80 | (pictureId >> 8),
        pictureId & 0xff,
        ...packet.payload.subarray(1),
      ]);
      return { ...packet, payload };
    };
    const shown = [
      track.receive('old', numbered(keyFrame({ sequence: 1 }), 500)),
      track.receive('new', numbered(keyFrame({ sequence: 9, ssrc: 9 }), 77)),
      track.receive('new', numbered(deltaFrame({ sequence: 10, ssrc: 9 }), 78)),
    ].map((packet) => (((must(packet).payload[2] ?? 0) & 0x7f) << 8) | (must(packet).payload[3] ?? 0));
    expect(shown).toEqual([500, 501, 502]);
  });
});
