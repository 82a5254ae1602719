import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenTransportRequest } from '../broadcast/ports.ts';
import { AV1 } from '../test/rtp-fixtures.ts';
import { CHROME_PUBLISHER, CHROME_VIEWER, PUBLISHERS, sdp, VIEWERS } from '../test/sample-offers.ts';
import { PortableEngine } from './fanout/portable-engine.ts';
import { MediaWorker } from './media-worker.ts';
import { createDtlsCertificate, type DtlsCertificate } from './transport/certificate.ts';
import { UdpFront } from './transport/udp-front.ts';
import type { WorkerEvent } from './worker-protocol.ts';

let certificate: DtlsCertificate;
let front: UdpFront;
let engine: PortableEngine;
let worker: MediaWorker;
let nowMs: number;
let events: WorkerEvent[];
let requests: number;

beforeAll(async () => {
  certificate = await createDtlsCertificate();
});
beforeEach(async () => {
  nowMs = 1_000_000;
  events = [];
  requests = 0;
  front = await UdpFront.bind(0, '127.0.0.1');
  worker = newWorker();
});
afterEach(() => worker.stop());

/** On the front of the moment. */
function newWorker(): MediaWorker {
  const settings = {
    index: 0,
    workers: 1,
    udpPort: 0,
    host: '127.0.0.1',
    certificate,
    announcedAddresses: ['192.0.2.5'],
    hostAddresses: [],
    maxPendingTransports: 3,
    startMemory: { maxBytes: 16_000_000, maxMs: 15_000 },
    fanout: 'portable' as const,
    clockOrigin: { unixMs: 0, monotonicMs: 0 },
  };
  engine = new PortableEngine({ sender: front, cname: 'cname' });
  return new MediaWorker({ settings, front, engine, emit: (event) => events.push(event), now: () => nowMs });
}

type Reply = Extract<WorkerEvent, { type: 'reply' }>;

/** Opens a transport and gives what the worker replied. */
function open(transport: Partial<OpenTransportRequest>): Reply {
  const request = ++requests;
  worker.handle({
    type: 'open',
    request,
    transport: {
      transportId: `t${request}`,
      broadcast: 'b',
      role: 'viewer',
      offer: sdp(CHROME_VIEWER),
      addressHints: [],
      requiredTracks: [],
      ...transport,
    },
  });
  return replyTo(request);
}

function replyTo(request: number): Reply {
  const reply = events.find((event) => event.type === 'reply' && event.request === request);
  if (reply?.type !== 'reply') throw new Error('no reply');
  return reply;
}

const resultOf = ({ result }: Reply) =>
  result as { answer: string; iceTag: string; codecs: unknown[]; tracks: unknown[] };

describe('a media worker', () => {
  it.each([
    ...Object.entries(PUBLISHERS).map(([name, lines]) => [name, 'publisher', lines] as const),
    ...Object.entries(VIEWERS).map(([name, lines]) => [name, 'viewer', lines] as const),
  ])('answers %s as a %s', (_name, role, lines) => {
    const reply = open({ role, offer: sdp(lines) });
    expect(reply.failure).toBeUndefined();
    expect(resultOf(reply).answer).toContain(`a=ice-ufrag:${resultOf(reply).iceTag}`);
    expect(resultOf(reply).answer).toContain('192.0.2.5');
    expect(resultOf(reply)[role === 'publisher' ? 'tracks' : 'codecs']).not.toEqual([]);
  });

  it.each([
    ['rubbish', { offer: 'hello' }, 'malformed_sdp'],
    ['an offer without media to send', { role: 'publisher', offer: sdp(CHROME_VIEWER) }, 'unsupported_offer'],
    [
      'a codec that the viewer lacks',
      {
        offer: sdp(CHROME_VIEWER.map((line) => line.replace(/AV1\/90000/, 'H263/90000'))),
        requiredTracks: [{ kind: 'video', codec: AV1, layers: 1 }],
      },
      'unsupported_codec',
    ],
  ] as const)('refuses %s and keeps nothing of it', (_name, request, code) => {
    expect(open(request as Partial<OpenTransportRequest>).failure?.code).toBe(code);
    expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
  });

  it('takes only so many transports that nobody has reached yet', () => {
    for (let count = 0; count < 3; count++) expect(open({}).failure).toBeUndefined();
    expect(open({}).failure?.code).toBe('transport_limit');
    worker.handle({ type: 'close', transportId: 't1' });
    expect(open({}).failure).toBeUndefined();
  });

  it('gives up transports that nobody reaches, and tells', async () => {
    open({});
    nowMs += 16_000;
    const ended = await new Promise<WorkerEvent>((resolve) => {
      const look = setInterval(() => {
        const found = events.find((event) => event.type === 'transport');
        if (!found) return;
        clearInterval(look);
        resolve(found);
      }, 10);
    });
    expect(ended).toMatchObject({ event: { type: 'closed', transportId: 't1', reason: 'setup-timeout' } });
    expect(front.size.clients).toBe(0);
  });

  it('does not take its own standstill for the silence of its peers', async () => {
    await worker.stop();
    front = await UdpFront.bind(0, '127.0.0.1');
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      worker = newWorker();
      open({});
      nowMs += 16_000;
      // What the peer sent meanwhile waits at the socket, and is read after the timers.
      vi.advanceTimersByTime(250);
      expect(events.filter(({ type }) => type === 'transport')).toEqual([]);
      nowMs += 250;
      vi.advanceTimersByTime(250);
      expect(events.filter(({ type }) => type === 'transport')).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('gives new ICE credentials for a transport, and none for one that it does not know', () => {
    const { iceTag } = resultOf(open({}));
    worker.handle({ type: 'restart-ice', request: 90, transportId: 't1' });
    worker.handle({ type: 'restart-ice', request: 91, transportId: 'other' });
    expect(replyTo(90).result).toMatchObject({ candidates: [expect.stringContaining('192.0.2.5')] });
    expect((replyTo(90).result as { usernameFragment: string }).usernameFragment).not.toBe(iceTag);
    expect(replyTo(91).failure?.code).toBe('unknown_session');
  });

  it('does not mind commands about transports that are gone', () => {
    worker.handle({ type: 'close', transportId: 'gone' });
    worker.handle({ type: 'start-data', transportId: 'gone', labels: ['a'], snapshot: [] });
    worker.handle({ type: 'refuse-data', transportId: 'gone', label: 'a', code: 'message_too_large' });
    worker.handle({ type: 'data', broadcast: 'b', message: { label: 'a', binary: false, payload: new Uint8Array() } });
    worker.handle({ type: 'open-label', broadcast: 'b', label: 'a' });
    expect(events).toEqual([]);
  });

  it('returns everything after many joins and leaves', () => {
    for (let round = 0; round < 500; round++) {
      const publisher = round % 10 === 0;
      open({
        role: publisher ? 'publisher' : 'viewer',
        offer: sdp(publisher ? CHROME_PUBLISHER : CHROME_VIEWER),
        broadcast: `b${round % 7}`,
      });
      worker.handle({ type: 'close', transportId: `t${requests}` });
    }
    expect(events.every((event) => event.type === 'reply' && event.failure === undefined)).toBe(true);
    expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
    expect(engine.counters()).toMatchObject({ groups: 0, members: 0 });
  });

  it('has one place at the fan-out engine for each broadcast with viewers, until the last of them leaves', () => {
    open({});
    open({});
    open({ broadcast: 'other' });
    expect(engine.counters().groups).toBe(2);
    worker.handle({ type: 'close', transportId: 't1' });
    expect(engine.counters().groups).toBe(2);
    worker.handle({ type: 'close', transportId: 't2' });
    expect(engine.counters().groups).toBe(1);
  });

  it('tells of no viewer how it receives before it is connected, and of a broadcast without viewers nothing', () => {
    open({});
    worker.handle({ type: 'quality', request: 95, broadcast: 'b' });
    worker.handle({ type: 'quality', request: 96, broadcast: 'nobody' });
    expect(replyTo(95).result).toEqual([]);
    expect(replyTo(96).result).toEqual([]);
  });
});
