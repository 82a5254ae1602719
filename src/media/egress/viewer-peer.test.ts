import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DataMessage, TransportEvent } from '../../broadcast/ports.ts';
import type { Codec } from '../../rtp/codec.ts';
import type { GroupLimits } from '../../rtp/group-of-pictures.ts';
import { ntpFromUnixMs, ntpMiddle32 } from '../../rtp/ntp.ts';
import { writeFir, writeNack, writePli, writeReceiverReport, writeRemb } from '../../rtp/rtcp-writer.ts';
import { ReceivingViewer, VIEWER_ADDRESS, VIEWER_KEYS } from '../../test/fake-fanout.ts';
import { acceptedMedia, sourcePacket } from '../../test/media-fixtures.ts';
import { deltaFrame, keyFrame, OPUS, opusPacket, VP8 } from '../../test/rtp-fixtures.ts';
import { SendLoad } from '../fanout/gatherer.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import type { Transport } from '../transport/transport.ts';
import { CatchUpTurns } from './catch-up-turns.ts';
import { Relay } from './relay.ts';
import { ViewerPeer } from './viewer-peer.ts';

const START_MS = Date.UTC(2026, 0, 1);
const offered = (codec: Codec, payloadType: number) => ({ ...codec, payloadType, fmtp: undefined, feedback: [] });
const VIDEO = acceptedMedia({ codecs: [offered(VP8, 96)], localSsrc: 7 });
const AUDIO = acceptedMedia({ kind: 'audio', mid: '1', codecs: [offered(OPUS, 111)], localSsrc: 8 });
const WITH_RTX: AcceptedMedia = { ...VIDEO, rtxPayloadTypes: new Map([[96, 97]]), localRtxSsrc: 9 };

let nowMs: number;
let wishes: number;
let viewer: ReceivingViewer;
let relay: Relay;
/** All but its steps to the first picture. */
let events: TransportEvent[];
let steps: string[];
let ends: number;

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = START_MS;
  wishes = 0;
  events = [];
  steps = [];
  ends = 0;
  viewer = new ReceivingViewer();
  relay = newRelay({ maxBytes: 0, maxMs: 0 });
});
afterEach(() => vi.useRealTimers());

function newRelay(startMemory: GroupLimits): Relay {
  return new Relay({
    broadcast: 'b',
    group: viewer.engine.addGroup(),
    load: new SendLoad(() => nowMs),
    now: () => nowMs,
    startMemory,
    catchUpTurns: new CatchUpTurns(() => nowMs, 1),
    wishKeyFrame: () => wishes++,
    timed: { send: () => {}, onDropped: () => {} },
  });
}

const counters = { rtpPacketsReceived: 0, dataMessagesSent: 0, rtpPacketsDropped: {} };

function newPeer(media: readonly AcceptedMedia[] = [VIDEO, AUDIO]): ViewerPeer {
  return new ViewerPeer({
    id: 'v',
    relay,
    negotiation: { media, data: undefined, dtlsRole: 'server' },
    counters,
    now: () => nowMs,
    tell: (event) => {
      if (event.type === 'progress') steps.push(`${event.step} ${event.atMs - START_MS}`);
      else events.push(event);
    },
    onEnd: () => ends++,
  });
}

function connected(media?: readonly AcceptedMedia[]): ViewerPeer {
  const peer = newPeer(media);
  peer.onConnected(VIEWER_KEYS, VIEWER_ADDRESS);
  return peer;
}

type SourcePacket = ReturnType<typeof sourcePacket>;

/** What the publisher sent comes, and leaves at the end of the turn. */
function turn(...packets: SourcePacket[]): void {
  for (const packet of packets) relay.receive('p', packet);
  vi.advanceTimersByTime(0);
}

const key = (sequence: number) => sourcePacket(keyFrame({ sequence, timestamp: sequence * 3000 }), VP8, nowMs);
const delta = (sequence: number) => sourcePacket(deltaFrame({ sequence, timestamp: sequence * 3000 }), VP8, nowMs);
const sound = (sequence: number) => sourcePacket(opusPacket({ sequence, ssrc: 2 }), OPUS, nowMs);

/** RTCP of the viewer arrives. */
function hear(peer: ViewerPeer, ...packets: Uint8Array[]): void {
  for (const packet of packets) peer.onRtcp(Buffer.from(packet), nowMs);
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('nothing came');
  return value;
}

describe('a viewer that connects', () => {
  it('wishes for a key frame, and is told of to main', () => {
    connected();
    expect(wishes).toBe(1);
    expect(events).toEqual([{ type: 'connected', transportId: 'v' }]);
  });

  it('tells each step to its first picture once: when the transport is up, when something leaves, when a key frame does', () => {
    connected();
    nowMs += 5;
    turn(sound(1));
    turn(sound(2), delta(1));
    nowMs += 30;
    turn(key(2));
    turn(key(3));
    expect(steps).toEqual(['ice 0', 'dtls 0', 'packet 5', 'key-frame 35']);
  });

  it('reaches them with what is remembered for joiners, too', () => {
    relay = newRelay({ maxBytes: 100_000, maxMs: 10_000 });
    turn(key(1), delta(2));
    nowMs += 7;
    connected([VIDEO]);
    expect(steps).toEqual(['ice 7', 'dtls 7', 'packet 7', 'key-frame 7']);
  });

  it('wishes for none without video', () => {
    connected([AUDIO]);
    expect(wishes).toBe(0);
  });

  it('has a place at the engine with media only, until it leaves', () => {
    const withoutMedia = newPeer([]);
    withoutMedia.onConnected(undefined, VIEWER_ADDRESS);
    expect(viewer.engine.counters().members).toBe(0);
    expect(withoutMedia.quality()).toBeUndefined();
    const peer = connected();
    expect(viewer.engine.counters().members).toBe(1);
    peer.close();
    peer.close();
    expect(viewer.engine.counters().members).toBe(0);
    // A goodbye of both media, once.
    expect(viewer.receive().rtcp.filter(({ type }) => type === 'bye')).toEqual([{ type: 'bye', ssrcs: [7, 8] }]);
    turn(key(1));
    expect(viewer.datagrams).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['connected', 'connected']);
  });

  it('leaves when its transport ends, and tells why', () => {
    const peer = connected();
    peer.onClosed('silent', 'nothing for a while');
    expect(viewer.engine.counters().members).toBe(0);
    expect(ends).toBe(1);
    expect(events.at(-1)).toEqual({ type: 'closed', transportId: 'v', reason: 'silent' });
    peer.tick(nowMs + 5000);
    hear(peer, writePli(1, 7), writeNack(1, 7, [1]));
    expect(viewer.datagrams).toEqual([]);
  });

  it('is sent to where it is, and where it moves', () => {
    const peer = connected();
    turn(key(1));
    const elsewhere = { address: '2001:db8::7', port: 6000 };
    peer.onMoved(elsewhere);
    turn(delta(2));
    expect(viewer.datagrams.map(({ to }) => to)).toEqual([VIEWER_ADDRESS, VIEWER_ADDRESS, elsewhere]);
  });

  it('does not mind a move before it has a place', () => {
    expect(() => newPeer().onMoved(VIEWER_ADDRESS)).not.toThrow();
  });
});

describe('sender reports', () => {
  it('come right behind the first packets of each medium, and then once a second', () => {
    const peer = connected();
    peer.tick(nowMs);
    expect(viewer.datagrams).toEqual([]);
    turn(key(1));
    const first = viewer.receive();
    expect(first.rtp).toHaveLength(1);
    expect(first.rtcp).toMatchObject([{ type: 'sender-report', ssrc: 7, packetCount: 1, octetCount: 5 }]);
    nowMs += 300;
    turn(sound(1));
    expect(viewer.receive().rtcp).toMatchObject([{ ssrc: 8 }, { ssrc: 7 }]);
    for (let passedMs = 50; passedMs < 1000; passedMs += 50) peer.tick(nowMs + passedMs);
    expect(viewer.datagrams).toEqual([]);
    peer.tick(nowMs + 1000);
    expect(viewer.receive().rtcp).toHaveLength(2);
    peer.tick(nowMs + 1050);
    expect(viewer.datagrams).toEqual([]);
    nowMs += 1900;
    turn(sound(2), delta(2));
    viewer.receive();
    peer.tick(nowMs + 100);
    expect(viewer.receive().rtcp).toHaveLength(2);
  });

  it('pause while nothing comes, and come again with the first packets of another source', () => {
    const peer = connected();
    turn(key(1), sound(1));
    viewer.receive();
    const beganMs = nowMs;
    const before = relay.upTrack('video')?.timestampAt(nowMs) ?? 0;
    for (let passedMs = 1000; passedMs <= 10_000; passedMs += 1000) peer.tick(beganMs + passedMs);
    expect(viewer.receive().rtcp).toHaveLength(4);
    nowMs += 10_500;
    relay.receive('another', sourcePacket(keyFrame({ sequence: 900, ssrc: 5 }), VP8, nowMs));
    vi.advanceTimersByTime(0);
    const [report] = viewer.receive().rtcp;
    // Not as if the new source's first packet had taken no time: what stands for which moment goes on.
    expect(report).toMatchObject({ type: 'sender-report', ssrc: 7, packetCount: 2 });
    expect(must(relay.upTrack('video')?.timestampAt(nowMs))).toBe((before + 10.5 * 90_000) >>> 0);
  });

  it('tell the time of the media at that moment, in the numbers that the viewer sees', () => {
    const peer = connected();
    turn(key(1));
    const { rtp } = viewer.receive();
    peer.tick(nowMs + 1000);
    const [report] = viewer.receive().rtcp;
    expect(report).toMatchObject({
      ntp: ntpFromUnixMs(nowMs + 1000),
      rtpTimestamp: (must(rtp[0]).timestamp + 90_000) >>> 0,
    });
  });

  it('count what was sent until then', () => {
    const peer = connected();
    turn(key(1), delta(2));
    viewer.receive();
    turn(delta(3));
    peer.tick(nowMs + 1000);
    expect(viewer.receive().rtcp).toMatchObject([{ packetCount: 3, octetCount: 5 + 3 + 3 }]);
  });
});

describe('a NACK of a viewer', () => {
  /** A peer that was sent ten packets of video, of which the fourth and sixth are lost, and what it received. */
  function lossy(media: AcceptedMedia) {
    const peer = connected([media]);
    turn(key(1));
    for (let sequence = 2; sequence <= 10; sequence++) turn(delta(sequence));
    const originals = viewer.datagrams
      .map(({ bytes }) => bytes)
      .filter((bytes) => (must(bytes[1]) & 0x7f) === 96 && bytes.readUInt32BE(8) === 7);
    const [lostFirst, lostSecond] = [must(originals[3]), must(originals[5])];
    viewer.datagrams.splice(
      0,
      viewer.datagrams.length,
      ...viewer.datagrams.filter(({ bytes }) => bytes !== lostFirst && bytes !== lostSecond),
    );
    expect(viewer.rtp()).toHaveLength(8);
    return {
      peer,
      lost: [lostFirst, lostSecond],
      numbers: [lostFirst, lostSecond].map((each) => each.readUInt16BE(2)),
    };
  }

  it('is answered as it was without RTX, byte for byte', () => {
    const { peer, lost, numbers } = lossy(VIDEO);
    hear(peer, writeNack(1, 7, numbers));
    expect(viewer.datagrams.map(({ bytes }) => bytes)).toEqual(lost);
    expect(viewer.rtp().map(({ sequence }) => sequence)).toEqual(numbers);
  });

  it('is answered by RTX where it was negotiated', () => {
    const { peer, numbers } = lossy(WITH_RTX);
    hear(peer, writeNack(1, 7, numbers));
    const repeated = viewer.rtp();
    expect(repeated).toMatchObject([
      { ssrc: 9, payloadType: 97 },
      { ssrc: 9, payloadType: 97 },
    ]);
    expect(repeated.map(({ bytes, payloadOffset }) => Buffer.from(bytes).readUInt16BE(payloadOffset))).toEqual(numbers);
  });

  it('is answered at most once per round trip, which its reports tell', () => {
    const { peer, numbers } = lossy(VIDEO);
    const lastSr = ntpMiddle32(ntpFromUnixMs(nowMs));
    nowMs += 200;
    const report = { fractionLost: 0, cumulativeLost: 0, highestSequence: 0, jitter: 0, delaySinceLastSr: 0 };
    hear(peer, writeReceiverReport(1, [{ ...report, ssrc: 7, lastSr }], 'viewer'));
    hear(peer, writeNack(1, 7, numbers));
    expect(viewer.rtp()).toHaveLength(2);
    nowMs += 150;
    hear(peer, writeNack(1, 7, numbers));
    expect(viewer.datagrams).toEqual([]);
    nowMs += 60;
    hear(peer, writeNack(1, 7, numbers));
    expect(viewer.datagrams).toHaveLength(2);
  });

  it.each([
    ['of an SSRC that is not ours', 1234, 0, 0],
    ['of a packet that was never sent', 7, 100, 0],
    ['of a packet from before its first', 7, -4, 0],
    ['after the packet was forgotten', 7, 0, 2500],
  ])('%s is not answered', (_name, ssrc, distance, laterMs) => {
    const { peer, numbers } = lossy(VIDEO);
    nowMs += laterMs;
    hear(peer, writeNack(1, ssrc, [(must(numbers[0]) + distance) & 0xffff]));
    expect(viewer.datagrams).toEqual([]);
  });

  it('of what others were sent before it came is not answered', () => {
    turn(key(1));
    turn(delta(2));
    const peer = connected([VIDEO]);
    turn(key(3));
    const first = must(viewer.rtp()[0]).sequence;
    hear(peer, writeNack(1, 7, [(first - 2) & 0xffff, (first - 1) & 0xffff]));
    expect(viewer.datagrams).toEqual([]);
  });

  it('before it was sent anything is not answered', () => {
    turn(key(1));
    const peer = connected([VIDEO]);
    hear(peer, writeNack(1, 7, [0, 1, 2]));
    expect(viewer.datagrams).toEqual([]);
  });

  it('that asks for everything again and again costs a share of what is sent, and no other viewer anything', () => {
    const peer = connected([VIDEO]);
    turn(key(1));
    const first = must(viewer.rtp()[0]).sequence;
    const payload = Buffer.alloc(1000, deltaFrame({ sequence: 0 }).subarray(12));
    for (let sequence = 2; sequence <= 1500; sequence++) turn({ ...delta(sequence), payload });
    viewer.receive();
    const all = Array.from({ length: 1500 }, (_, at) => (first + at) & 0xffff);
    for (let round = 0; round < 10; round++) {
      nowMs += 50;
      hear(peer, writeNack(1, 7, all));
    }
    const bytes = viewer.datagrams.splice(0).length * 1000;
    expect(bytes).toBeGreaterThan(200_000);
    expect(bytes).toBeLessThan(350_000);
    turn(delta(1501));
    expect(viewer.rtp()).toHaveLength(1);
  });
});

describe('feedback of a viewer', () => {
  it.each([
    ['a PLI for its video', writePli(1, 7), 1],
    ['a FIR for its video', writeFir(1, [{ ssrc: 7, commandNumber: 1 }]), 1],
    ['a PLI for its audio', writePli(1, 8), 0],
    ['a FIR for an SSRC that is not ours', writeFir(1, [{ ssrc: 99, commandNumber: 1 }]), 0],
    ['rubbish', Buffer.from('80ce0001', 'hex'), 0],
  ])('%s', (_name, packet, expected) => {
    const peer = connected();
    const before = wishes;
    hear(peer, packet);
    expect(wishes - before).toBe(expected);
  });

  it.each([
    ['PLIs', writePli(1, 7)],
    [
      'FIRs',
      writeFir(
        1,
        [7, 7, 7].map((ssrc, commandNumber) => ({ ssrc, commandNumber })),
      ),
    ],
  ])('with a hundred %s in one datagram is one wish', (_name, packet) => {
    const peer = connected();
    const before = wishes;
    hear(peer, Buffer.concat(Array.from({ length: 100 }, () => packet)));
    expect(wishes - before).toBe(1);
  });

  it('appears in what is known of how it receives', () => {
    const peer = connected();
    expect(peer.quality()).toEqual({
      transportId: 'v',
      packetsSent: 0,
      packetsDropped: 0,
      roundTripMs: null,
      estimatedBitrateBps: null,
      audio: null,
      video: null,
    });
    turn(key(1), sound(1));
    const lastSr = ntpMiddle32(ntpFromUnixMs(nowMs));
    nowMs += 1100;
    const report = { highestSequence: 0, lastSr, delaySinceLastSr: 65_536 };
    hear(
      peer,
      writeReceiverReport(
        1,
        [
          { ...report, ssrc: 7, fractionLost: 0.25, cumulativeLost: 3, jitter: 900 },
          { ...report, ssrc: 8, fractionLost: 0, cumulativeLost: 0, jitter: 48 },
          { ...report, ssrc: 1234, fractionLost: 0.5, cumulativeLost: 9, jitter: 0, lastSr: 1 },
        ],
        'viewer',
      ),
      writeRemb(1, 1_200_000, [7, 8]),
    );
    expect(peer.quality()).toEqual({
      transportId: 'v',
      packetsSent: 2,
      packetsDropped: 0,
      roundTripMs: expect.closeTo(100, 0),
      estimatedBitrateBps: expect.closeTo(1_200_000, -2),
      audio: { lossShare: 0, packetsLost: 0, jitterMs: 1 },
      video: { lossShare: 0.25, packetsLost: 3, jitterMs: 10 },
    });
  });

  it('is not told any more of one that left', () => {
    const peer = connected();
    peer.close();
    expect(peer.quality()).toBeUndefined();
  });
});

describe('data for a viewer', () => {
  it('flows from startData on: labels first, then what was remembered; a full queue is not counted as sent', () => {
    const peer = newPeer([]);
    const calls: string[] = [];
    let isTaken = true;
    const data = {
      open: (label: string) => calls.push(`open ${label}`),
      send: (message: DataMessage, isState: boolean) => {
        calls.push(`send ${message.label} ${isState}`);
        return isTaken;
      },
    };
    peer.attach({ data, close: () => calls.push('close') } as unknown as Transport);
    expect(peer.dataStarted).toBe(false);
    const message = (label: string): DataMessage => ({ label, binary: false, payload: Buffer.from('x') });
    const before = counters.dataMessagesSent;
    peer.startData(['chat', 'state'], [message('state')]);
    expect(peer.dataStarted).toBe(true);
    isTaken = false;
    peer.sendData(message('chat'));
    expect(calls).toEqual(['open chat', 'open state', 'send state true', 'send chat false']);
    expect(counters.dataMessagesSent - before).toBe(1);
    peer.close();
    expect(calls.at(-1)).toBe('close');
  });
});
