// Numbers across their wraps, from the publisher's packet to the viewer's decryption: three spaces (the publisher's, the
// canonical one, the viewer's) wrap at different packets, and no viewer may notice any of them.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CatchUpTurns } from '../media/egress/catch-up-turns.ts';
import { Relay } from '../media/egress/relay.ts';
import { ViewerPeer } from '../media/egress/viewer-peer.ts';
import { SendLoad } from '../media/fanout/gatherer.ts';
import type { AcceptedMedia } from '../media/sdp/answer.ts';
import { type RtpPacket, rtpPayload } from '../rtp/packet.ts';
import { writeNack } from '../rtp/rtcp-writer.ts';
import { ReceivingViewer, VIEWER_ADDRESS, VIEWER_KEYS } from './fake-fanout.ts';
import { acceptedMedia } from './media-fixtures.ts';
import { VP8 } from './rtp-fixtures.ts';

const STARTS = [0, 1, 32_767, 32_768, 65_534, 65_535];
const WRAP = 65_536;
/** Losses of so many packets are followed, more are a new source. */
const LONGEST_GAP = 2900;
/** Packets around a wrap that all come. */
const AROUND_WRAP = 30;

const VIDEO = acceptedMedia({
  codecs: [{ ...VP8, payloadType: 96, fmtp: undefined, feedback: [] }],
  localSsrc: 7,
});
const MEDIA: readonly (readonly [string, AcceptedMedia])[] = [
  ['as they were', VIDEO],
  ['by RTX', { ...VIDEO, rtxPayloadTypes: new Map([[96, 97]]), localRtxSsrc: 9 }],
];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A packet as the viewer got it: its number, and the publisher's without wrap-around, which is its payload. */
interface Arrival {
  readonly sequence: number;
  readonly number: number;
}

/** A publisher whose numbers begin at `start`, and one viewer. */
class Journey {
  readonly viewer = new ReceivingViewer();
  readonly #relay: Relay;
  readonly #peer: ViewerPeer;
  #nowMs = 1_000_000;
  /** The publisher's next number, without wrap-around. */
  #number: number;
  readonly #start: number;

  constructor(start: number, media: AcceptedMedia) {
    const now = () => this.#nowMs;
    this.#number = start;
    this.#start = start;
    this.#relay = new Relay({
      broadcast: 'b',
      group: this.viewer.engine.addGroup(),
      load: new SendLoad(now),
      now,
      startMemory: { maxBytes: 0, maxMs: 0 },
      catchUpTurns: new CatchUpTurns(now, 1),
      wishKeyFrame: () => {},
      timed: { send: () => {}, onDropped: () => {} },
    });
    this.#peer = new ViewerPeer({
      id: 'v',
      relay: this.#relay,
      negotiation: { media: [media], data: undefined, dtlsRole: 'server' },
      counters: { rtpPacketsReceived: 0, dataMessagesSent: 0, rtpPacketsDropped: {} },
      now,
      tell: () => {},
      onEnd: () => {},
    });
    this.#peer.onConnected(VIEWER_KEYS, VIEWER_ADDRESS);
  }

  get number(): number {
    return this.#number;
  }

  get canonicalIndex(): number {
    return this.#relay.upTrack('video')?.newestIndex ?? 0;
  }

  /** Sends the packet that comes after the loss of `lost` others. */
  send(lost = 0): void {
    this.#number += lost;
    this.#nowMs += 5;
    const payload = Buffer.alloc(6);
    payload.writeUIntBE(this.#number, 0, 6);
    this.#relay.receive('p', {
      type: 'packet',
      kind: 'video',
      codec: VP8,
      ssrc: 1,
      sequence: this.#number % WRAP,
      timestamp: (this.#number * 3000) >>> 0,
      marker: true,
      payload,
      startsDecoding: this.#number === this.#start,
      extensions: undefined,
      arrivedAtMs: this.#nowMs,
    });
    vi.advanceTimersByTime(0);
    this.#number++;
  }

  nack(sequences: readonly number[]): void {
    this.#peer.onRtcp(Buffer.from(writeNack(1, 7, sequences)), this.#nowMs);
  }
}

function arrival(packet: RtpPacket): Arrival {
  return { sequence: packet.sequence, number: Buffer.from(rtpPayload(packet)).readUIntBE(0, 6) };
}

describe.each(MEDIA)('a viewer whose lost packets are repeated %s', (how, media) => {
  it.each(STARTS)('receives what a publisher sends from %i on across every wrap', (start) => {
    const journey = new Journey(start, media);
    const { viewer } = journey;
    journey.send();
    const [first] = viewer.rtp().map(arrival);
    if (!first) throw new Error('the first packet did not come');
    expect(first.sequence).toBeLessThan(2 ** 15);
    const offset = first.sequence - start;
    const receivesNext = (lost = 0): void => {
      journey.send(lost);
      const number = journey.number - 1;
      expect(viewer.rtp().map(arrival)).toEqual([{ sequence: (number + offset) % WRAP, number }]);
    };

    let repeated = 0;
    /** In the publisher's numbers: where its own wrap, the viewer's, and the canonical ones. */
    const wraps = [WRAP, WRAP - offset, WRAP - (journey.canonicalIndex - start)];
    for (const wrap of wraps.toSorted((one, other) => one - other)) {
      while (journey.number < wrap - AROUND_WRAP) {
        receivesNext(Math.min(LONGEST_GAP, wrap - AROUND_WRAP - journey.number));
      }
      // Each third packet is lost on the way to the viewer, and asked for when the wrap is behind.
      const lost: number[] = [];
      while (journey.number < wrap + AROUND_WRAP) {
        receivesNext();
        receivesNext();
        journey.send();
        expect(viewer.datagrams.splice(0)).toHaveLength(1);
        lost.push((journey.number - 1 + offset) % WRAP);
      }
      journey.nack(lost);
      expectRepetition(viewer.rtp(), how, lost, offset);
      repeated += lost.length;
    }
    expect(repeated).toBeGreaterThanOrEqual((2 * AROUND_WRAP) / 3);
    receivesNext();
  });
});

/** Exactly the lost ones came again, under the numbers by which the viewer asked. */
function expectRepetition(packets: readonly RtpPacket[], how: string, lost: readonly number[], offset: number): void {
  const byRtx = how === 'by RTX';
  expect(packets.map(({ ssrc }) => ssrc)).toEqual(lost.map(() => (byRtx ? 9 : 7)));
  const payloads = packets.map((packet) => Buffer.from(rtpPayload(packet)));
  expect(byRtx ? payloads.map((payload) => payload.readUInt16BE(0)) : packets.map(({ sequence }) => sequence)).toEqual(
    lost,
  );
  expect(payloads.map((payload) => (payload.readUIntBE(byRtx ? 2 : 0, 6) + offset) % WRAP)).toEqual(lost);
}
