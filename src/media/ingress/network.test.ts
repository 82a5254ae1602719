// Ingress behind a bad network, in simulated time: a publisher with layers, retransmission and transport-wide numbers,
// which answers what it is asked, and loss, repetition, reordering and delay on both ways, all from a seed.

import { describe, expect, it } from 'vitest';
import { parseRtcp } from '../../rtp/rtcp.ts';
import { seededRandom } from '../../rtp/seeded-network.ts';
import { acceptedMedia, extended, retransmitted } from '../../test/media-fixtures.ts';
import { deltaFrame, keyFrame, VP8 } from '../../test/rtp-fixtures.ts';
import { UpTrack } from '../egress/up-track.ts';
import type { SourceItem } from '../worker-protocol.ts';
import { Ingress } from './ingress.ts';

interface Conditions {
  readonly seed: number;
  readonly seconds: number;
  /** Of the first packet of each layer and of transport-wide numbers. */
  readonly firstNumber: number;
  readonly layers: number;
  readonly loss: number;
  readonly duplication: number;
  readonly jitterMs: number;
  readonly delayMs: number;
  readonly rtx: boolean;
}

type Packet = Extract<SourceItem, { type: 'packet' }>;

const FRAME_MS = 40;
const TICK_MS = 20;
const PACKETS_PER_FRAME = 3;
const TRANSPORT_WIDE = 3;
const RID = 10;
const REPAIRED_RID = 11;
const MAX_HISTORY = 1000;

/** Runs it, and gives what came out of it. */
function simulate(conditions: Conditions) {
  const random = seededRandom(conditions.seed);
  const rids = Array.from({ length: conditions.layers }, (_, layer) => `r${layer}`);
  const items: Packet[] = [];
  const nacked = { requests: 0, packets: 0 };
  const keyFrames = { asked: 0, sent: 0 };
  const feedback = { packets: 0, received: 0, statuses: 0 };
  const subject = new Ingress({
    media: [
      acceptedMedia({
        codecs: [{ ...VP8, payloadType: 96, fmtp: undefined, feedback: ['nack', 'nack pli', 'transport-cc'] }],
        rtxPayloadTypes: conditions.rtx ? new Map([[96, 97]]) : new Map(),
        extensions: new Map([
          ['transport-wide', TRANSPORT_WIDE],
          ['rid', RID],
          ['repaired-rid', REPAIRED_RID],
        ]),
        rids: conditions.layers > 1 ? rids : [],
      }),
    ],
    ssrc: 4242,
    cname: 'test',
    onItem: (item) => {
      if (item.type === 'packet') items.push(item);
    },
    onTracks: () => {},
    onDrop: (reason) => expect(reason).toBe('unknown-retransmission'),
  });

  /** On their way, by arrival; few at a time. */
  const toServer: { bytes: Buffer; atMs: number }[] = [];
  const toPublisher: { bytes: Uint8Array; atMs: number }[] = [];
  const through = <T>(way: { bytes: T; atMs: number }[], bytes: T, nowMs: number, loss = conditions.loss): void => {
    for (const chance of [1 - loss, conditions.duplication]) {
      if (random() < chance) way.push({ bytes, atMs: nowMs + conditions.delayMs + random() * conditions.jitterMs });
    }
  };
  const arrived = <T extends { atMs: number }>(way: T[], nowMs: number): T[] => {
    const here = way.filter(({ atMs }) => atMs <= nowMs).sort((one, other) => one.atMs - other.atMs);
    way.splice(0, way.length, ...way.filter(({ atMs }) => atMs > nowMs));
    return here;
  };

  let transportNumber = conditions.firstNumber;
  const layers = rids.map((rid, layer) => ({
    rid,
    ssrc: layer + 1,
    sequence: conditions.firstNumber,
    rtxSequence: conditions.firstNumber,
    wantsKeyFrame: true,
    history: new Map<number, Buffer>(),
  }));
  const send = (packet: Buffer, extensions: Record<number, string>, nowMs: number): void => {
    const numbered = { ...extensions, [TRANSPORT_WIDE]: [transportNumber >> 8, transportNumber & 0xff] };
    transportNumber = (transportNumber + 1) & 0xffff;
    through(toServer, extended(packet, numbered), nowMs);
  };
  const sendFrame = (layer: (typeof layers)[number], frame: number, nowMs: number): void => {
    for (let part = 0; part < PACKETS_PER_FRAME; part++) {
      const fields = {
        sequence: layer.sequence,
        timestamp: (frame * FRAME_MS * 90) >>> 0,
        ssrc: layer.ssrc,
        marker: part === PACKETS_PER_FRAME - 1,
      };
      const begins = part === 0 && layer.wantsKeyFrame;
      if (begins) keyFrames.sent++;
      const packet = Buffer.concat([
        begins ? keyFrame(fields) : deltaFrame(fields),
        Buffer.alloc(20 * 3 ** (layer.ssrc - 1), layer.ssrc),
      ]);
      if (begins) layer.wantsKeyFrame = false;
      layer.history.set(layer.sequence, packet);
      if (layer.history.size > MAX_HISTORY) layer.history.delete((layer.sequence - MAX_HISTORY) & 0xffff);
      layer.sequence = (layer.sequence + 1) & 0xffff;
      // Until it was heard.
      send(packet, nowMs < 1000 && conditions.layers > 1 ? { [RID]: layer.rid } : {}, nowMs);
    }
  };
  const answer = (bytes: Uint8Array, nowMs: number): void => {
    if (bytes[1] === 205 && (bytes[0] ?? 0) % 32 === 15) {
      feedback.received++;
      feedback.statuses += ((bytes[14] ?? 0) << 8) | (bytes[15] ?? 0);
    }
    for (const request of parseRtcp(bytes)) {
      const layer = layers.find(({ ssrc }) => 'mediaSsrc' in request && ssrc === request.mediaSsrc);
      if (!layer) continue;
      if (request.type === 'pli') layer.wantsKeyFrame = true;
      if (request.type !== 'nack') continue;
      for (const lost of request.lost) {
        const packet = layer.history.get(lost);
        if (!packet) continue;
        if (!conditions.rtx) send(packet, {}, nowMs);
        else {
          const again = { ssrc: 100 + layer.ssrc, payloadType: 97, sequence: layer.rtxSequence };
          layer.rtxSequence = (layer.rtxSequence + 1) & 0xffff;
          send(retransmitted(packet, again), conditions.layers > 1 ? { [REPAIRED_RID]: layer.rid } : {}, nowMs);
        }
      }
    }
  };

  for (let nowMs = 0; nowMs < conditions.seconds * 1000; nowMs += TICK_MS) {
    if (nowMs % FRAME_MS === 0) for (const layer of layers) sendFrame(layer, nowMs / FRAME_MS, nowMs);
    for (const { bytes, atMs } of arrived(toServer, nowMs)) subject.receiveRtp(bytes, atMs);
    for (const bytes of subject.due(nowMs)) {
      if (bytes[1] === 205 && (bytes[0] ?? 0) % 32 === 15) feedback.packets++;
      for (const request of parseRtcp(bytes)) {
        if (request.type === 'nack') {
          nacked.requests++;
          nacked.packets += request.lost.length;
        }
        if (request.type === 'pli') keyFrames.asked++;
      }
      through(toPublisher, bytes, nowMs);
    }
    for (const { bytes } of arrived(toPublisher, nowMs)) answer(bytes, nowMs);
  }
  return { items, nacked, keyFrames, feedback, sent: conditions.seconds * (1000 / FRAME_MS) * PACKETS_PER_FRAME };
}

const GOOD: Conditions = {
  seed: 1,
  seconds: 60,
  firstNumber: 0,
  layers: 1,
  loss: 0,
  duplication: 0,
  jitterMs: 0,
  delayMs: 20,
  rtx: true,
};
const STARTS = [0, 1, 32767, 32768, 65534, 65535];

/** Numbers of the packets that viewers would see, as an UpTrack gives them. */
function canonical(items: readonly Packet[]): number[] {
  const track = new UpTrack('video');
  return items.flatMap((item) => {
    const index = track.receive('p', item)?.index;
    return index === undefined ? [] : [index & 0xffff];
  });
}

/** How many numbers are missing between the first and the last, of numbers in any order without a gap of half a turn. */
function gaps(numbers: readonly number[]): { missing: number; repeated: number } {
  let highest = numbers[0] ?? 0;
  const unwrapped = numbers.map((number) => {
    const value = highest + (((number - highest) << 16) >> 16);
    highest = Math.max(highest, value);
    return value;
  });
  const distinct = new Set(unwrapped);
  return {
    missing: highest - Math.min(...[...distinct].slice(0, 50)) + 1 - distinct.size,
    repeated: unwrapped.length - distinct.size,
  };
}

describe('a publisher over a bad network', () => {
  it.each(STARTS)('is repaired whole at 10 % loss, repetition and reordering, from %i', (firstNumber) => {
    for (const rtx of [true, false]) {
      for (const jitterMs of [8, 60]) {
        const network = { loss: 0.1, duplication: 0.05, jitterMs };
        const { items, nacked, sent } = simulate({
          ...GOOD,
          ...network,
          firstNumber,
          rtx,
          seed: firstNumber + 3,
          seconds: 120,
        });
        const { missing, repeated } = gaps(items.map(({ sequence }) => sequence));
        expect(repeated).toBe(0);
        // What was lost last is still being asked for.
        expect(missing).toBeLessThan(10);
        // Loss of packets and of answers makes 0.11 to 0.13 a packet, unless reordering beyond the tolerance asks in vain.
        expect(nacked.packets / sent).toBeGreaterThan(0.1);
        if (jitterMs === 8) expect(nacked.packets / sent).toBeLessThan(0.15);
      }
    }
  });

  it.each(STARTS)('with three layers shows the best one whole, from %i', (firstNumber) => {
    const network = { loss: 0.05, duplication: 0.02, jitterMs: 10 };
    const { items, keyFrames } = simulate({
      ...GOOD,
      ...network,
      firstNumber,
      layers: 3,
      seed: firstNumber + 5,
      seconds: 120,
    });
    const best = items.filter(({ payload }) => payload.length > 150);
    expect(best.length / items.length).toBeGreaterThan(0.9);
    const { missing, repeated } = gaps(best.map(({ sequence }) => sequence));
    expect(repeated).toBe(0);
    expect(missing).toBeLessThan(10);
    expect(keyFrames.asked).toBeLessThan(20);
  });

  it.each(STARTS)('gives viewers each number once, without gaps that nobody fills, from %i', (firstNumber) => {
    const network = { loss: 0.05, duplication: 0.05, jitterMs: 10 };
    const { items } = simulate({ ...GOOD, ...network, firstNumber, layers: 3, seed: firstNumber + 7, seconds: 60 });
    const numbers = canonical(items);
    const { missing, repeated } = gaps(numbers);
    expect(numbers.length).toBeGreaterThan(4000);
    expect(repeated).toBe(0);
    // Packets lost just before a change of layers, and one left out where that cut a frame.
    expect(missing).toBeLessThan(30);
  });

  it('asks for nothing on a good network, for 20 minutes', () => {
    const { items, nacked, keyFrames, sent } = simulate({ ...GOOD, seconds: 1200, firstNumber: 65_530 });
    expect(nacked.packets).toBe(0);
    expect(keyFrames.asked).toBe(0);
    expect(items.length).toBeGreaterThanOrEqual(sent - 2 * PACKETS_PER_FRAME);
  });

  it('asks for what is lost once a round trip, however long that is', () => {
    const perLoss = (delayMs: number) => {
      const { nacked, sent } = simulate({ ...GOOD, loss: 0.05, delayMs, seconds: 200 });
      return nacked.packets / (0.05 * sent);
    };
    // 1.05 answers are lost of each, and requests as well; 100 ms are assumed until the first answer.
    for (const delayMs of [5, 40, 120, 200]) {
      expect(perLoss(delayMs)).toBeGreaterThan(0.95);
      expect(perLoss(delayMs)).toBeLessThan(1.35);
    }
  });

  it('asks for a key frame when more than half of all packets are lost, and goes on with it', () => {
    const { items, keyFrames } = simulate({ ...GOOD, loss: 0.6, delayMs: 150, seconds: 300, seed: 11 });
    expect(keyFrames.asked).toBeGreaterThan(10);
    expect(keyFrames.sent).toBeGreaterThan(5);
    expect(canonical(items).length).toBeGreaterThan(1000);
  });

  it('hears of every number, lost or not', () => {
    const { feedback, sent, nacked } = simulate({ ...GOOD, loss: 0.1, jitterMs: 5, seconds: 120 });
    // Ten to twenty a second.
    expect(feedback.packets).toBeGreaterThan(1100);
    expect(feedback.packets).toBeLessThan(2500);
    const told = feedback.statuses / feedback.received;
    const expected = (sent + nacked.packets * 0.9) / feedback.packets;
    expect(told).toBeGreaterThan(0.9 * expected);
  });
});
