import { describe, expect, it } from 'vitest';
import { ntpFromUnixMs } from '../../rtp/ntp.ts';
import { parseRtcp } from '../../rtp/rtcp.ts';
import { writeSenderReport } from '../../rtp/rtcp-writer.ts';
import { acceptedMedia } from '../../test/media-fixtures.ts';
import { AV1, deltaFrame, keyFrame, OPUS, opusPacket, VP8 } from '../../test/rtp-fixtures.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import type { SourceItem } from '../worker-protocol.ts';
import { Ingress } from './ingress.ts';

const feedback = ['nack', 'nack pli', 'ccm fir', 'goog-remb'];

function media(videoFeedback: readonly string[] = feedback): AcceptedMedia[] {
  return [
    acceptedMedia({
      kind: 'video',
      mid: '0',
      codecs: [
        { ...VP8, payloadType: 96, fmtp: undefined, feedback: videoFeedback },
        { ...AV1, payloadType: 45, fmtp: undefined, feedback: videoFeedback },
      ],
    }),
    acceptedMedia({
      kind: 'audio',
      mid: '1',
      codecs: [{ ...OPUS, payloadType: 111, fmtp: undefined, feedback: [] }],
    }),
  ];
}

function ingress(videoFeedback?: readonly string[]) {
  const items: SourceItem[] = [];
  const drops: string[] = [];
  const tracks: string[] = [];
  const subject = new Ingress({
    media: media(videoFeedback),
    ssrc: 4242,
    cname: 'test',
    onItem: (item) => items.push(item),
    onTracks: (list) => tracks.push(list.map(({ codec }) => codec.name).join('+')),
    onDrop: (reason) => drops.push(reason),
  });
  return { subject, items, drops, tracks };
}

const types = (packets: Uint8Array[]): string[] => packets.flatMap((bytes) => parseRtcp(bytes).map(({ type }) => type));

describe('Ingress', () => {
  it('announces the preferred codecs before any packet', () => {
    expect(ingress().subject.tracks.map(({ codec }) => codec.name)).toEqual(['VP8', 'opus']);
  });

  it('passes packets on with the codec of their payload type', () => {
    const { subject, items } = ingress();
    subject.receiveRtp(keyFrame({ sequence: 1 }), 0);
    subject.receiveRtp(opusPacket({ sequence: 1, ssrc: 2 }), 0);
    expect(items.map((item) => (item.type === 'packet' ? item.codec.name : ''))).toEqual(['VP8', 'opus']);
  });

  it('tells when the publisher changes the codec, once', () => {
    const { subject, tracks } = ingress();
    subject.receiveRtp(keyFrame({ sequence: 1 }), 0);
    subject.receiveRtp(keyFrame({ sequence: 2, payloadType: 45 }), 0);
    subject.receiveRtp(keyFrame({ sequence: 3, payloadType: 45 }), 0);
    expect(tracks).toEqual(['AV1+opus']);
  });

  it('tells a publisher that changes the codec with each packet twice a second, and what it ended with', () => {
    const { subject, tracks } = ingress();
    const payloadType = (sequence: number) => (sequence % 2 === 0 ? 45 : 96);
    for (let sequence = 2; sequence < 1001; sequence++) {
      subject.receiveRtp(keyFrame({ sequence, payloadType: payloadType(sequence) }), sequence);
    }
    expect(tracks).toEqual(['AV1+opus', 'VP8+opus']);
    subject.receiveRtp(keyFrame({ sequence: 1001, payloadType: 45 }), 1001);
    subject.due(1002);
    expect(tracks).toHaveLength(2);
    subject.due(1600);
    subject.due(9000);
    expect(tracks).toEqual(['AV1+opus', 'VP8+opus', 'AV1+opus']);
  });

  it('does not tell a change that was taken back in the meantime', () => {
    const { subject, tracks } = ingress();
    for (const [atMs, payloadType] of [45, 96, 45].entries()) {
      subject.receiveRtp(keyFrame({ sequence: atMs + 1, payloadType }), atMs);
    }
    subject.due(2000);
    expect(tracks).toEqual(['AV1+opus']);
  });

  it.each([
    ['malformed-rtp', Buffer.from([0x80, 96, 0])],
    ['unknown-payload-type', keyFrame({ sequence: 1, payloadType: 100 })],
  ])('drops and counts: %s', (reason, bytes) => {
    const { subject, items, drops } = ingress();
    subject.receiveRtp(bytes, 0);
    expect([items.length, drops]).toEqual([0, [reason]]);
  });

  it('refuses more SSRCs than a publisher can have', () => {
    const { subject, items, drops } = ingress();
    for (let ssrc = 1; ssrc <= 20; ssrc++) subject.receiveRtp(keyFrame({ sequence: 1, ssrc }), 0);
    expect([items.length, drops.length]).toEqual([16, 4]);
  });

  it('asks for lost video packets, each request a datagram of its own', () => {
    const { subject } = ingress();
    subject.receiveRtp(keyFrame({ sequence: 65_534 }), 0);
    subject.receiveRtp(deltaFrame({ sequence: 1 }), 5);
    const [nack, ...rest] = subject.due(30).map((bytes) => parseRtcp(bytes));
    expect(nack).toEqual([{ type: 'nack', senderSsrc: 4242, mediaSsrc: 1, lost: [65_535, 0] }]);
    expect(rest.flat().some(({ type }) => type === 'nack')).toBe(false);
  });

  it('does not ask publishers that did not negotiate it', () => {
    const { subject } = ingress([]);
    subject.receiveRtp(keyFrame({ sequence: 1 }), 0);
    subject.receiveRtp(deltaFrame({ sequence: 5 }), 5);
    expect(types(subject.due(30))).not.toContain('nack');
    expect(subject.wishKeyFrame(40)).toEqual([]);
  });

  it('asks for one key frame per 500 ms, however many viewers wish', () => {
    const { subject } = ingress();
    subject.receiveRtp(deltaFrame({ sequence: 1 }), 0);
    let asked = 0;
    for (let nowMs = 1000; nowMs < 2000; nowMs++) {
      asked +=
        types(subject.wishKeyFrame(nowMs)).length + types(subject.due(nowMs)).filter((type) => type === 'pli').length;
    }
    expect(asked).toBe(2);
  });

  it('repeats the request until a key frame comes', () => {
    const { subject } = ingress();
    subject.receiveRtp(deltaFrame({ sequence: 1 }), 0);
    expect(types(subject.wishKeyFrame(1000))).toEqual(['pli']);
    expect(types(subject.due(2100))).toContain('pli');
    subject.receiveRtp(keyFrame({ sequence: 2 }), 2200);
    expect(types(subject.due(5000))).not.toContain('pli');
  });

  it('asks by FIR where there is no PLI', () => {
    const { subject } = ingress(['ccm fir']);
    subject.receiveRtp(deltaFrame({ sequence: 1 }), 0);
    expect(types(subject.wishKeyFrame(1000))).toEqual(['fir']);
  });

  it('reports reception and the bitrate that is welcome once a second', () => {
    const { subject } = ingress();
    subject.receiveRtp(keyFrame({ sequence: 1 }), 1000);
    expect(types(subject.due(2000))).toEqual(['receiver-report', 'remb']);
    expect(types(subject.due(2500))).toEqual([]);
    expect(types(subject.due(3000))).toEqual(['receiver-report', 'remb']);
  });

  it('puts audio and video on one clock of ours', () => {
    const { subject, items } = ingress();
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 1 }), 0);
    subject.receiveRtp(opusPacket({ sequence: 1, ssrc: 2 }), 0);
    items.length = 0;
    const report = (ssrc: number, theirMs: number) =>
      Buffer.from(
        writeSenderReport({
          ssrc,
          ntp: ntpFromUnixMs(theirMs),
          rtpTimestamp: 9,
          packetCount: 1,
          octetCount: 1,
          cname: 'p',
        }),
      );
    // Their clock is 1,000 s behind ours; the first report took 20 ms, the second 50 ms.
    subject.receiveRtcp(report(1, 1_000_000), 2_000_020);
    subject.receiveRtcp(report(2, 1_001_000), 2_001_050);
    const captured = items.map((item) => (item.type === 'sender-report' ? Math.round(item.capturedAtMs) : 0));
    expect(captured).toEqual([2_000_020, 2_001_020]);
  });

  it('tells the publisher’s clock of the video that is forwarded, and of nothing else', () => {
    const clocks: unknown[] = [];
    const subject = new Ingress({
      media: media(),
      ssrc: 4242,
      cname: 'test',
      onItem: () => {},
      onTracks: () => {},
      onDrop: () => {},
      onClock: (clock) => clocks.push(clock),
    });
    const report = (ssrc: number) =>
      Buffer.from(
        writeSenderReport({
          ssrc,
          ntp: ntpFromUnixMs(1_000_000.5),
          rtpTimestamp: 900,
          packetCount: 1,
          octetCount: 1,
          cname: 'p',
        }),
      );
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 1 }), 0);
    subject.receiveRtp(opusPacket({ sequence: 1, ssrc: 2 }), 0);
    for (const ssrc of [1, 2, 3]) subject.receiveRtcp(report(ssrc), 2_000_000);
    expect(clocks).toEqual([{ ssrc: 1, rtpTimestamp: 900, atMs: expect.closeTo(1_000_000.5, 3) }]);
  });

  it('ignores reports of a sender without a clock, and of a time that belongs to no packet', () => {
    const { subject, items } = ingress();
    subject.receiveRtp(keyFrame({ sequence: 1, timestamp: 1000 }), 0);
    items.length = 0;
    const report = (ntp: { seconds: number; fraction: number }, rtpTimestamp: number) =>
      Buffer.from(writeSenderReport({ ssrc: 1, ntp, rtpTimestamp, packetCount: 1, octetCount: 1, cname: 'p' }));
    subject.receiveRtcp(report({ seconds: 0, fraction: 0 }, 1000), 1000);
    subject.receiveRtcp(report(ntpFromUnixMs(5000), 0xffff_ffff - 2_000_000), 1000);
    expect(items).toEqual([]);
    subject.receiveRtcp(report(ntpFromUnixMs(5000), 91_000), 1000);
    expect(items).toMatchObject([{ type: 'sender-report', ssrc: 1, rtpTimestamp: 91_000, capturedAtMs: 1000 }]);
  });

  it('tells another profile of the same codec', () => {
    const tracks: unknown[] = [];
    const h264 = (payloadType: number, profile: string) => ({
      kind: 'video' as const,
      name: 'H264' as const,
      clockRate: 90_000,
      parameters: { 'profile-level-id': profile, 'packetization-mode': '1' },
      payloadType,
      fmtp: undefined,
      feedback: [],
    });
    const subject = new Ingress({
      media: [acceptedMedia({ codecs: [h264(96, '640c1f'), h264(98, '42e01f')] })],
      ssrc: 1,
      cname: 'test',
      onItem: () => {},
      onTracks: (list) => tracks.push(list[0]?.codec.parameters['profile-level-id']),
      onDrop: () => {},
    });
    subject.receiveRtp(keyFrame({ sequence: 1, payloadType: 98 }), 0);
    expect(tracks).toEqual(['42e01f']);
  });

  it('lets a new SSRC in for one that has gone quiet', () => {
    const { subject, drops } = ingress();
    for (let ssrc = 1; ssrc <= 16; ssrc++) subject.receiveRtp(keyFrame({ sequence: 1, ssrc }), 0);
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 17 }), 1_000);
    expect(drops).toEqual(['too-many-sources']);
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 18 }), 11_000);
    expect(drops).toHaveLength(1);
  });

  it('swallows a goodbye and survives rubbish', () => {
    const { subject, items } = ingress();
    subject.receiveRtcp(Buffer.from([0x81, 203, 0, 1, 0, 0, 0, 1]), 0);
    subject.receiveRtcp(Buffer.from([1, 2, 3]), 0);
    expect(items).toEqual([]);
  });
});
