import { describe, expect, it } from 'vitest';
import type { Codec } from '../rtp/codec.ts';
import { parseRtp } from '../rtp/packet.ts';
import { AV1, VP8 } from '../test/rtp-fixtures.ts';
import { DownTrack } from './down-track.ts';
import type { CanonicalPacket } from './up-track.ts';

const media = {
  kind: 'video' as const,
  mid: '0',
  codecs: [{ ...VP8, payloadType: 120, fmtp: undefined, feedback: [] }],
  midExtensionId: undefined,
  remoteSsrcs: [],
  localSsrc: 77,
};

function packet(sequence: number, startsDecoding: boolean, codec: Codec = VP8): CanonicalPacket {
  return { codec, marker: true, sequence, timestamp: 3000, startsDecoding, payload: Buffer.from([1, 2, 3]) };
}

describe('DownTrack', () => {
  it('writes the SSRC and payload type of its viewer and nothing of the publisher', () => {
    const bytes = new DownTrack(media, 77).forward(packet(5, true));
    const parsed = bytes && parseRtp(bytes);
    expect(parsed).toMatchObject({ ssrc: 77, payloadType: 120, sequence: 5, timestamp: 3000, marker: true });
    expect(parsed).toMatchObject({ extensionLength: 0, csrcCount: 0, payloadLength: 3 });
  });

  it('waits for a key frame before its first packet', () => {
    const track = new DownTrack(media, 77);
    expect(track.forward(packet(1, false))).toBeUndefined();
    expect(track.awaitsKeyFrame).toBe(true);
    expect(track.forward(packet(2, true))).toBeDefined();
    expect(track.awaitsKeyFrame).toBe(false);
    expect(track.forward(packet(3, false))).toBeDefined();
    expect(track.packetsSent).toBe(2);
  });

  it('sends nothing of a codec that the viewer cannot decode, and does not wish for its key frames', () => {
    const track = new DownTrack(media, 77);
    expect(track.forward(packet(1, true, AV1))).toBeUndefined();
    expect(track.awaitsKeyFrame).toBe(false);
  });

  it('starts again at a key frame when the codec changed', () => {
    const track = new DownTrack(media, 77);
    track.forward(packet(1, true));
    track.forward(packet(2, true, AV1));
    expect(track.forward(packet(3, false))).toBeUndefined();
    expect(track.forward(packet(4, true))).toBeDefined();
  });

  it('repeats a packet byte for byte, once in a while however often it is asked for', () => {
    const track = new DownTrack(media, 77);
    const sent = packet(1, true);
    const original = track.forward(sent);
    expect(track.repeat(sent, 1000)).toEqual(original);
    expect(track.repeat(sent, 1010)).toBeUndefined();
    expect(track.repeat(sent, 1050)).toEqual(original);
  });

  it('does not repeat what it never began to send', () => {
    expect(new DownTrack(media, 77).repeat(packet(1, true), 0)).toBeUndefined();
  });
});
