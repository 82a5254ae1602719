import { describe, expect, it } from 'vitest';
import { ntpFromUnixMs } from '../../rtp/ntp.ts';
import { parseRtcp, type RtcpPacket } from '../../rtp/rtcp.ts';
import { writeSenderReport } from '../../rtp/rtcp-writer.ts';
import { seededRandom } from '../../rtp/seeded-network.ts';
import { acceptedMedia, extended, retransmitted } from '../../test/media-fixtures.ts';
import { deltaFrame, keyFrame, OPUS, opusPacket, paddingOnly, VP8 } from '../../test/rtp-fixtures.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import type { SourceItem } from '../worker-protocol.ts';
import { Ingress } from './ingress.ts';

const MID = 4;
const RID = 10;
const REPAIRED_RID = 11;
const TRANSPORT_WIDE = 3;

const VIDEO = acceptedMedia({
  mid: 'v',
  codecs: [{ ...VP8, payloadType: 96, fmtp: undefined, feedback: ['nack', 'nack pli', 'transport-cc'] }],
  rtxPayloadTypes: new Map([[96, 97]]),
  extensions: new Map([
    ['mid', MID],
    ['rid', RID],
    ['repaired-rid', REPAIRED_RID],
    ['transport-wide', TRANSPORT_WIDE],
  ]),
});
const AUDIO = acceptedMedia({
  kind: 'audio',
  mid: 'a',
  codecs: [{ ...OPUS, payloadType: 111, fmtp: undefined, feedback: ['transport-cc'] }],
  extensions: new Map([
    ['mid', MID],
    ['transport-wide', TRANSPORT_WIDE],
  ]),
});
const LAYERS = { rids: ['q', 'h', 'f'] };

function ingress(video: Partial<AcceptedMedia> = {}, audio: Partial<AcceptedMedia> = {}) {
  const packets: Extract<SourceItem, { type: 'packet' }>[] = [];
  const reports: Extract<SourceItem, { type: 'sender-report' }>[] = [];
  const drops: string[] = [];
  const subject = new Ingress({
    media: [
      { ...VIDEO, ...video },
      { ...AUDIO, ...audio },
    ],
    ssrc: 4242,
    cname: 'test',
    onItem: (item) => (item.type === 'packet' ? packets.push(item) : reports.push(item)),
    onTracks: () => {},
    onDrop: (reason) => drops.push(reason),
  });
  return { subject, packets, reports, drops };
}

const read = (datagrams: Uint8Array[]) => datagrams.flatMap((bytes) => parseRtcp(bytes));
const of = <Type extends RtcpPacket['type']>(datagrams: Uint8Array[], type: Type) =>
  read(datagrams).filter((packet): packet is Extract<RtcpPacket, { type: Type }> => packet.type === type);
const transportWide = (datagrams: Uint8Array[]) =>
  datagrams.filter((bytes) => bytes[1] === 205 && (bytes[0] ?? 0) % 32 === 15);

describe('a packet belongs', () => {
  it('to the section that its mid names, as do those after it', () => {
    const { subject, packets } = ingress({}, { codecs: [{ ...OPUS, payloadType: 96, fmtp: undefined, feedback: [] }] });
    subject.receiveRtp(extended(opusPacket({ sequence: 1, ssrc: 7, payloadType: 96 }), { [MID]: 'a' }), 0);
    subject.receiveRtp(opusPacket({ sequence: 2, ssrc: 7, payloadType: 96 }), 20);
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 8 }), 30);
    expect(packets.map(({ kind }) => kind)).toEqual(['audio', 'audio', 'video']);
  });

  it('to the section where the offer names its SSRC', () => {
    const codecs = [{ ...OPUS, payloadType: 96, fmtp: undefined, feedback: [] }];
    const { subject, packets } = ingress({}, { codecs, ssrcs: [7] });
    subject.receiveRtp(opusPacket({ sequence: 1, ssrc: 7, payloadType: 96 }), 0);
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 8 }), 30);
    expect(packets.map(({ kind }) => kind)).toEqual(['audio', 'video']);
  });

  it('to a section that a later mid says', () => {
    const { subject, packets } = ingress({}, { codecs: [{ ...OPUS, payloadType: 96, fmtp: undefined, feedback: [] }] });
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 7 }), 0);
    subject.receiveRtp(extended(opusPacket({ sequence: 2, ssrc: 7, payloadType: 96 }), { [MID]: 'a' }), 20);
    expect(packets.map(({ kind }) => kind)).toEqual(['video', 'audio']);
  });

  it('nowhere when its mid is unknown, or its section has no such payload type', () => {
    const { subject, packets, drops } = ingress();
    subject.receiveRtp(extended(keyFrame({ sequence: 1 }), { [MID]: 'x' }), 0);
    subject.receiveRtp(extended(keyFrame({ sequence: 1 }), { [MID]: 'a' }), 0);
    expect([packets, drops]).toEqual([[], ['unknown-mid', 'unknown-payload-type']]);
  });
});

describe('a retransmission', () => {
  const first = keyFrame({ sequence: 65_534, timestamp: 10, ssrc: 1 });
  const lost = deltaFrame({ sequence: 65_535, timestamp: 20, ssrc: 1, marker: true });
  const next = deltaFrame({ sequence: 0, timestamp: 30, ssrc: 1 });
  const again = (packet = lost, sequence = 500) => retransmitted(packet, { ssrc: 2, payloadType: 97, sequence });

  it.each<[string, Partial<AcceptedMedia>, Buffer]>([
    ['the offer groups its SSRC with', { ssrcs: [1], ssrcGroups: [{ semantics: 'FID', ssrcs: [1, 2] }] }, again()],
    ['misses its number', {}, again()],
    ['has the rid that it repairs', {}, extended(again(), { [REPAIRED_RID]: 'f', [MID]: 'v' })],
  ])('takes its place in the source that %s', (_name, media, repeated) => {
    const { subject, packets, drops } = ingress(media);
    subject.receiveRtp(extended(first, { [RID]: 'f' }), 0);
    subject.receiveRtp(next, 10);
    subject.due(30);
    subject.receiveRtp(repeated, 60);
    expect(drops).toEqual([]);
    const [, , packet] = packets;
    expect(packet).toMatchObject({ ssrc: 1, sequence: 65_535, timestamp: 20, marker: true, codec: { name: 'VP8' } });
    expect([...(packet?.payload ?? [])]).toEqual([...lost.subarray(12)]);
    expect(of(subject.due(200), 'nack')).toEqual([]);
  });

  it('of a packet that came is not passed on, nor is padding', () => {
    const { subject, packets, drops } = ingress({ ssrcGroups: [{ semantics: 'FID', ssrcs: [1, 2] }] });
    subject.receiveRtp(first, 0);
    subject.receiveRtp(next, 10);
    subject.receiveRtp(again(first), 20);
    subject.receiveRtp(paddingOnly({ sequence: 501, ssrc: 2, payloadType: 97 }), 30);
    subject.receiveRtp(again(lost, 502), 40);
    subject.receiveRtp(again(lost, 503), 50);
    expect(packets.map(({ sequence }) => sequence)).toEqual([65_534, 0, 65_535]);
    expect(drops).toEqual([]);
  });

  it('that fits several sources or none is not guessed', () => {
    const { subject, packets, drops } = ingress(LAYERS);
    for (const ssrc of [1, 5]) {
      subject.receiveRtp(keyFrame({ sequence: 65_534, ssrc }), 0);
      subject.receiveRtp(deltaFrame({ sequence: 0, ssrc }), 10);
    }
    const before = packets.length;
    subject.receiveRtp(again(), 20);
    subject.receiveRtp(again(deltaFrame({ sequence: 9, ssrc: 1 }), 501), 30);
    expect([packets.length, drops]).toEqual([before, ['unknown-retransmission', 'unknown-retransmission']]);
  });

  it('measures the round trip, which paces the next requests', () => {
    const { subject } = ingress({ ssrcGroups: [{ semantics: 'FID', ssrcs: [1, 2] }] });
    subject.receiveRtp(first, 0);
    subject.receiveRtp(next, 10);
    expect(of(subject.due(20), 'nack')).toHaveLength(1);
    subject.receiveRtp(again(), 50);
    subject.receiveRtp(deltaFrame({ sequence: 2, ssrc: 1 }), 60);
    const askedAtMs: number[] = [];
    for (let nowMs = 60; nowMs < 200; nowMs += 5) if (of(subject.due(nowMs), 'nack').length > 0) askedAtMs.push(nowMs);
    // 30 ms and a margin of 10; before it was known, 110.
    expect(askedAtMs).toEqual([70, 110, 150, 190]);
  });

  it('is reported under its own SSRC', () => {
    const { subject } = ingress();
    subject.receiveRtp(first, 0);
    subject.receiveRtp(again(), 10);
    const [report] = of(subject.due(2000), 'receiver-report');
    expect(report?.reports.map(({ ssrc }) => ssrc)).toEqual([1, 2]);
  });

  it('may come under 15 SSRCs at a time, and then under others', () => {
    const { subject, drops } = ingress();
    subject.receiveRtp(first, 0);
    const under = (ssrc: number) => retransmitted(first, { ssrc, payloadType: 97, sequence: 1 });
    for (let ssrc = 100; ssrc < 116; ssrc++) subject.receiveRtp(under(ssrc), 0);
    expect(drops.filter((reason) => reason === 'too-many-sources')).toHaveLength(1);
    subject.receiveRtp(under(200), 11_000);
    expect(drops.filter((reason) => reason === 'too-many-sources')).toHaveLength(1);
    expect(of(subject.due(12_000), 'receiver-report')[0]?.reports.length).toBeLessThanOrEqual(31);
  });
});

describe('transport-wide feedback', () => {
  const numbered = (packet: Buffer, number: number) =>
    extended(packet, { [TRANSPORT_WIDE]: [number >> 8, number & 0xff] });

  it('is about all packets of the transport: media, retransmissions, padding and what we drop', () => {
    const { subject } = ingress();
    subject.receiveRtp(numbered(keyFrame({ sequence: 1, ssrc: 1 }), 65_534), 64_000);
    subject.receiveRtp(numbered(opusPacket({ sequence: 1, ssrc: 3 }), 65_535), 64_001);
    subject.receiveRtp(numbered(paddingOnly({ sequence: 1, ssrc: 2, payloadType: 97 }), 0), 64_002);
    subject.receiveRtp(numbered(keyFrame({ sequence: 9, ssrc: 9, payloadType: 50 }), 1), 64_003);
    const [feedback = new Uint8Array(), ...more] = transportWide(subject.due(64_100));
    expect(more).toEqual([]);
    const view = new DataView(feedback.buffer);
    expect([view.getUint16(12), view.getUint16(14)]).toEqual([65_534, 4]);
    // Of an SSRC of the publisher, ours as the sender, in its first packet.
    expect([view.getUint32(4), view.getUint32(8), view.getUint8(19)]).toEqual([4242, 9, 0]);
  });

  it('counts its packets and takes the place of a bitrate', () => {
    const { subject } = ingress();
    const counts: (number | undefined)[] = [];
    for (let nowMs = 64_000; nowMs < 67_000; nowMs += 20) {
      subject.receiveRtp(numbered(opusPacket({ sequence: nowMs / 20, ssrc: 3 }), (nowMs / 20) & 0xffff), nowMs);
      const due = subject.due(nowMs);
      counts.push(...transportWide(due).map((feedback) => feedback[19]));
      expect(of(due, 'remb')).toEqual([]);
    }
    expect(counts).toEqual(Array.from({ length: 30 }, (_, count) => count));
  });

  it('goes to nobody who did not negotiate it', () => {
    const plain = [{ ...VP8, payloadType: 96, fmtp: undefined, feedback: ['goog-remb'] }];
    const { subject } = ingress(
      { codecs: plain },
      { codecs: [{ ...OPUS, payloadType: 111, fmtp: undefined, feedback: [] }] },
    );
    subject.receiveRtp(numbered(keyFrame({ sequence: 1 }), 7), 64_000);
    const due = subject.due(66_000);
    expect(transportWide(due)).toEqual([]);
    expect(of(due, 'remb')).toMatchObject([{ ssrcs: [1] }]);
  });
});

/** Three layers of 30 frames a second: SSRC 1 is the smallest, 3 the largest, each a packet of so many bytes. */
function publisher(test: ReturnType<typeof ingress>) {
  const rids = new Map([
    [1, 'q'],
    [2, 'h'],
    [3, 'f'],
  ]);
  let frame = 0;
  let keyFramesWanted = new Set([1, 2, 3]);
  const asked: number[] = [];
  return {
    asked,
    nowMs: () => frame * 33,
    send(frames: number, ssrcs: readonly number[], answersWishes = true) {
      for (let count = 0; count < frames; count++, frame++) {
        const nowMs = frame * 33;
        for (const ssrc of ssrcs) {
          const begins = keyFramesWanted.delete(ssrc);
          const fields = { sequence: (60_000 + frame) & 0xffff, timestamp: frame * 2970, ssrc };
          const packet = begins ? keyFrame(fields) : deltaFrame(fields);
          const filled = Buffer.concat([packet, Buffer.alloc(ssrc * ssrc * 100)]);
          const rid = rids.get(ssrc) ?? '';
          // As Chrome does: only until it was heard.
          test.subject.receiveRtp(frame < 5 ? extended(filled, { [MID]: 'v', [RID]: rid }) : filled, nowMs);
        }
        for (const { mediaSsrc } of of(test.subject.due(nowMs), 'pli')) {
          asked.push(mediaSsrc);
          if (answersWishes) keyFramesWanted = keyFramesWanted.add(mediaSsrc);
        }
      }
    },
  };
}

describe('simulcast', () => {
  it('is told in the tracks', () => {
    expect(ingress(LAYERS).subject.tracks.map(({ kind, layers }) => `${kind} ${layers}`)).toEqual([
      'video 3',
      'audio 1',
    ]);
    const { subject } = ingress({ ssrcGroups: [{ semantics: 'SIM', ssrcs: [1, 2] }] });
    expect(subject.tracks[0]?.layers).toBe(2);
  });

  it('passes on one layer, in the end the best, and changes at a key frame', () => {
    const test = ingress(LAYERS);
    const { send, asked } = publisher(test);
    send(200, [1, 2, 3]);
    const changes = test.packets.filter(({ ssrc }, at) => ssrc !== test.packets[at - 1]?.ssrc);
    expect(changes.every(({ startsDecoding }) => startsDecoding)).toBe(true);
    expect(changes).toHaveLength(2);
    expect(asked).toEqual([3]);
    expect(test.packets.at(-1)?.payload.length).toBeGreaterThan(900);
    // Each frame once, but for the one where it changed, whose smaller picture went out before.
    const timestamps = test.packets.map(({ timestamp }) => timestamp);
    expect(new Set(timestamps).size).toBe(200);
    expect(timestamps.length).toBe(201);
  });

  it('stays with what it has while the better layer has no key frame', () => {
    const test = ingress(LAYERS);
    const { send, asked } = publisher(test);
    send(300, [1, 2, 3], false);
    expect(new Set(test.packets.map(({ ssrc }) => ssrc)).size).toBe(1);
    // Once a second, on the layer that is wanted.
    expect(asked.length).toBeGreaterThanOrEqual(7);
    expect(new Set(asked)).toEqual(new Set([3]));
  });

  it('falls back when the layer falls silent, and names one that comes back anew', () => {
    const test = ingress(LAYERS);
    const { send } = publisher(test);
    send(200, [1, 2, 3]);
    send(90, [1, 2]);
    const fallenBack = test.packets.at(-1)?.ssrc;
    expect(fallenBack).toBeDefined();
    send(200, [1, 2, 3]);
    const runs = [...new Set(test.packets.map(({ ssrc }) => ssrc))];
    expect(runs).toHaveLength(4);
    expect(runs[0]).toBe(1);
    const changes = test.packets.filter(({ ssrc }, at) => ssrc !== test.packets[at - 1]?.ssrc);
    expect(changes.every(({ startsDecoding }) => startsDecoding)).toBe(true);
    expect(changes).toHaveLength(4);
  });

  it('asks only for lost packets of the layer that is passed on', () => {
    const test = ingress(LAYERS);
    publisher(test).send(200, [1, 2, 3]);
    const nowMs = 200 * 33;
    for (const ssrc of [1, 2, 3]) {
      test.subject.receiveRtp(deltaFrame({ sequence: 60_205, ssrc }), nowMs);
    }
    expect(of(test.subject.due(nowMs + 20), 'nack').map(({ mediaSsrc }) => mediaSsrc)).toEqual([3]);
  });

  it('wishes for a key frame of the layer that is passed on', () => {
    const test = ingress(LAYERS);
    publisher(test).send(200, [1, 2, 3]);
    expect(of(test.subject.wishKeyFrame(10_000), 'pli').map(({ mediaSsrc }) => mediaSsrc)).toEqual([3]);
  });

  it('reports all layers, and passes on the clock of the one that viewers see', () => {
    const test = ingress(LAYERS);
    publisher(test).send(200, [1, 2, 3]);
    const [report] = of(test.subject.due(10_000), 'receiver-report');
    expect(report?.reports.map(({ ssrc }) => ssrc)).toEqual([1, 2, 3]);
    for (const ssrc of [1, 2, 3]) {
      const fields = {
        ssrc,
        ntp: ntpFromUnixMs(5000),
        rtpTimestamp: 199 * 2970,
        packetCount: 1,
        octetCount: 1,
        cname: 'p',
      };
      test.subject.receiveRtcp(Buffer.from(writeSenderReport(fields)), 10_000);
    }
    expect(test.reports.map(({ ssrc }) => ssrc)).toEqual([test.packets.at(-1)?.ssrc]);
  });

  it('does not begin with a key frame whose rest was not passed on', () => {
    const test = ingress(LAYERS);
    test.subject.receiveRtp(deltaFrame({ sequence: 2, ssrc: 1 }), 0);
    test.subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 1 }), 1);
    expect(test.packets).toEqual([]);
    test.subject.receiveRtp(keyFrame({ sequence: 3, ssrc: 1 }), 2);
    expect(test.packets).toHaveLength(1);
  });
});

describe('without simulcast', () => {
  it('a new SSRC takes over, and the one before is heard again when that one is silent', () => {
    const { subject, packets } = ingress();
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 1 }), 0);
    subject.receiveRtp(keyFrame({ sequence: 1, ssrc: 2 }), 100);
    subject.receiveRtp(deltaFrame({ sequence: 2, ssrc: 1 }), 200);
    subject.receiveRtp(deltaFrame({ sequence: 2, ssrc: 2 }), 300);
    expect(packets.map(({ sequence, startsDecoding }) => `${sequence} ${startsDecoding}`)).toEqual([
      '1 true',
      '1 true',
      '2 false',
    ]);
    subject.receiveRtp(keyFrame({ sequence: 3, ssrc: 1 }), 1400);
    expect(new Set(packets.map(({ ssrc }) => ssrc)).size).toBe(3);
    expect(packets.at(-1)?.sequence).toBe(3);
  });

  it('a packet that comes twice is passed on once', () => {
    const { subject, packets } = ingress();
    for (const sequence of [1, 2, 2, 1, 4, 3, 3, 4]) subject.receiveRtp(deltaFrame({ sequence }), 0);
    expect(packets.map(({ sequence }) => sequence)).toEqual([1, 2, 4, 3]);
  });

  it('gives up what does not come, and asks for a key frame instead', () => {
    const { subject } = ingress();
    subject.receiveRtp(keyFrame({ sequence: 1 }), 0);
    subject.receiveRtp(deltaFrame({ sequence: 3 }), 10);
    const asked = { nack: 0, pli: 0 };
    for (let nowMs = 20; nowMs < 2500; nowMs += 20) {
      const due = subject.due(nowMs);
      asked.nack += of(due, 'nack').length;
      asked.pli += of(due, 'pli').length;
    }
    expect(asked).toEqual({ nack: 10, pli: 2 });
  });
});

describe('whatever a publisher sends', () => {
  it('is survived, in bounded memory and with RTCP that can be read', () => {
    const { subject, packets } = ingress(LAYERS);
    const random = seededRandom(9143);
    const byte = () => Math.floor(random() * 256);
    const samples = [
      extended(keyFrame({ sequence: 1 }), { [MID]: 'v', [RID]: 'q', [TRANSPORT_WIDE]: [0, 1] }),
      extended(retransmitted(keyFrame({ sequence: 1 }), { ssrc: 2, payloadType: 97, sequence: 5 }), {
        [REPAIRED_RID]: 'q',
      }),
      extended(opusPacket({ sequence: 1, ssrc: 3 }), { [MID]: 'a', [TRANSPORT_WIDE]: [0, 2] }),
      paddingOnly({ sequence: 9, ssrc: 2, payloadType: 97 }),
    ];
    let rtcp = 0;
    for (let round = 0; round < 30_000; round++) {
      const bytes = Buffer.from(samples[round % samples.length] ?? []);
      for (let change = Math.floor(random() * 6); change > 0; change--) {
        // Above the first byte, so that most of them are still packets.
        bytes[1 + Math.floor(random() * (bytes.length - 1))] = byte();
      }
      const cut = bytes.subarray(0, random() < 0.1 ? Math.floor(random() * bytes.length) : bytes.length);
      subject.receiveRtp(cut, round);
      subject.receiveRtcp(cut, round);
      if (round % 20 > 0) continue;
      for (const datagram of subject.due(round)) {
        rtcp++;
        expect(datagram.length).toBeLessThanOrEqual(1200);
        expect(datagram.length % 4).toBe(0);
      }
    }
    expect(packets.length).toBeGreaterThan(100);
    expect(rtcp).toBeGreaterThan(100);
  });
});
