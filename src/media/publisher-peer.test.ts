import { beforeEach, describe, expect, it } from 'vitest';
import { acceptedMedia } from '../test/media-fixtures.ts';
import { keyFrame, paddingOnly } from '../test/rtp-fixtures.ts';
import { PublisherPeer } from './publisher-peer.ts';
import type { Transport } from './transport/transport.ts';
import type { SourceItem } from './worker-protocol.ts';

let nowMs: number;
let lastHeardMs: number;
let items: SourceItem[];
let peer: PublisherPeer;

beforeEach(() => {
  nowMs = 1_000_000;
  lastHeardMs = nowMs;
  items = [];
  peer = new PublisherPeer({
    id: 'p',
    broadcast: 'b',
    media: [acceptedMedia({ mid: '0' })],
    ssrc: 1,
    cname: 'cname',
    counters: { rtpPacketsReceived: 0, dataMessagesSent: 0, rtpPacketsDropped: {} },
    now: () => nowMs,
    startMemory: { maxBytes: 1_000_000, maxMs: 10_000 },
    onItem: (item) => items.push(item),
    tell: () => {},
    onEnd: () => {},
  });
  const transport = {
    isConnected: true,
    firstHeardMs: nowMs,
    get lastHeardMs() {
      return lastHeardMs;
    },
    sendRtcp: () => {},
  };
  peer.attach(transport as unknown as Transport);
  peer.onConnected();
  peer.onRtp(keyFrame({ sequence: 1 }), nowMs);
});

/** Ticks for so long; whether anything is heard meanwhile. */
function pass(ms: number, isHeard: boolean): void {
  for (let passedMs = 0; passedMs < ms; passedMs += 20) {
    nowMs += 20;
    if (isHeard) lastHeardMs = nowMs;
    peer.tick(nowMs);
  }
}

describe('a publisher', () => {
  it('that is there and sends no video any more is said to pause, once, and is not remembered', () => {
    expect(peer.past.items).toHaveLength(1);
    pass(10_000, true);
    expect(items.map(({ type }) => type)).toEqual(['packet', 'pause']);
    expect(peer.past.items).toEqual([]);
  });

  it('that sends nothing but padding pauses', () => {
    for (let sequence = 2; sequence < 200; sequence++) {
      pass(20, true);
      peer.onRtp(paddingOnly({ sequence, timestamp: sequence * 100 }), nowMs);
    }
    expect(items.filter(({ type }) => type === 'pause')).toHaveLength(1);
  });

  it('of which nothing is heard does not pause, and is remembered', () => {
    pass(20_000, false);
    expect(items.map(({ type }) => type)).toEqual(['packet']);
    expect(peer.past.items).toHaveLength(1);
  });
});
