// The bad network itself: its figures are those that were asked for, and the same seed gives the same network.

import { describe, expect, it } from 'vitest';
import { BadLink, type LinkConditions, LinkDirection } from './bad-link.ts';
import { eventually } from './server.ts';
import { LoopbackPeer } from './transport-peers.ts';

const PACKETS = 5000;
const BYTES = 972;

/** Sends packets a millisecond apart; arrival times of each. */
function send(conditions: LinkConditions, seed = 1): { arrivals: number[][]; direction: LinkDirection } {
  const direction = new LinkDirection(seed);
  direction.conditions = conditions;
  const arrivals = Array.from({ length: PACKETS }, (_, atMs) => direction.arrivals(BYTES, atMs));
  return { arrivals, direction };
}

describe('one direction of a bad link', () => {
  it('lets everything through at once when nothing is asked for', () => {
    const { arrivals, direction } = send({});
    expect(arrivals.every(([atMs, more], sentAtMs) => atMs === sentAtMs && more === undefined)).toBe(true);
    expect(direction.counters).toEqual({ sent: PACKETS, lost: 0, duplicated: 0, overflowed: 0, reordered: 0 });
  });

  it('loses and repeats as often as asked for', () => {
    const { arrivals, direction } = send({ loss: 0.3, duplication: 0.1 });
    expect(direction.counters.lost / PACKETS).toBeCloseTo(0.3, 1);
    expect(direction.counters.duplicated / PACKETS).toBeCloseTo(0.1, 1);
    expect(arrivals.filter((times) => times.length === 2).length).toBeGreaterThan(PACKETS * 0.05);
  });

  it('is the same network for the same seed, and another one for another', () => {
    const conditions = { loss: 0.2, duplication: 0.1, jitterMs: 20 };
    expect(send(conditions, 7).arrivals).toEqual(send(conditions, 7).arrivals);
    expect(send(conditions, 7).arrivals).not.toEqual(send(conditions, 8).arrivals);
  });

  it('delays all, and reorders by jitter', () => {
    const delayed = send({ delayMs: 50 });
    expect(delayed.arrivals.every(([atMs], sentAtMs) => atMs === sentAtMs + 50)).toBe(true);
    expect(delayed.direction.counters.reordered).toBe(0);
    expect(send({ jitterMs: 10 }).direction.counters.reordered).toBeGreaterThan(PACKETS / 4);
  });

  it('is a bottleneck: a rate, a queue that delays, and no room beyond it', () => {
    // 1000 bytes with headers a millisecond are 8 Mb/s, into 2 Mb/s.
    const { arrivals, direction } = send({ bitsPerSecond: 2_000_000, queueMs: 100 });
    const passed = arrivals.flatMap(([atMs], sentAtMs) =>
      atMs === undefined ? [] : [{ atMs, waited: atMs - sentAtMs }],
    );
    expect(passed.length / PACKETS).toBeCloseTo(0.25, 1);
    expect(Math.max(...passed.map(({ waited }) => waited))).toBeLessThan(110);
    expect(passed.at(-1)?.waited).toBeGreaterThan(90);
    expect(direction.counters.overflowed).toBe(PACKETS - passed.length);
    expect(direction.counters.reordered).toBe(0);
  });

  it('takes other conditions while it runs', () => {
    const direction = new LinkDirection(1);
    direction.conditions = { loss: 1 };
    expect(direction.arrivals(BYTES, 0)).toEqual([]);
    direction.conditions = {};
    expect(direction.arrivals(BYTES, 1)).toEqual([1]);
  });
});

describe('a bad link', () => {
  it('gives each client a path of its own, there and back', async () => {
    const server = await LoopbackPeer.open();
    const link = await BadLink.open(server.port);
    const clients = [await LoopbackPeer.open(), await LoopbackPeer.open()];
    const seen = new Set<number>();
    server.socket.on('message', (datagram, from) => {
      seen.add(from.port);
      server.send(Buffer.concat([Buffer.from('re: '), datagram]), from.port);
    });
    link.conditions = { delayMs: 5 };
    for (const [at, client] of clients.entries()) client.send(Buffer.from(`from ${at}`), link.port);
    await eventually('answers', () => clients.every(({ received }) => received.length === 1));
    expect(clients.map(({ received }) => String(received[0]))).toEqual(['re: from 0', 're: from 1']);
    expect(seen.size).toBe(2);
    link.close();
    for (const peer of [server, ...clients]) peer.close();
  });

  it('writes its port into the server’s candidates and nowhere else', async () => {
    const link = await BadLink.open(8189);
    const answer = 'm=audio 8189 x\r\na=candidate:1 1 udp 2130706431 127.0.0.1 8189 typ host\r\na=ssrc:8189 x\r\n';
    expect(link.through(answer)).toBe(answer.replace('127.0.0.1 8189', `127.0.0.1 ${link.port}`));
    link.close();
  });
});
