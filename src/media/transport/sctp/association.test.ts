import { describe, expect, it } from 'vitest';
import { randomBytes, seededRandom } from '../../../rtp/seeded-network.ts';
import { chunkTypeOf, SctpNetwork, type Side } from '../../../test/sctp-network.ts';
import { dataChunk, sctpChunk, sctpPacket } from '../../../test/transport-peers.ts';
import {
  COOKIE_ACK,
  COOKIE_ECHO,
  DATA,
  FORWARD_TSN,
  HEARTBEAT,
  HEARTBEAT_ACK,
  INIT,
  INIT_ACK,
  SACK,
} from './packet.ts';

const IDLE = Number.POSITIVE_INFINITY;
const isIdle = (...sides: Side[]) => sides.every(({ association }) => association.dueAtMs === IDLE);
const texts = ({ messages }: Side) => messages.map(({ payload }) => payload.toString());

describe('an association begins', () => {
  it.each([
    ['INIT', INIT],
    ['INIT ACK', INIT_ACK],
    ['COOKIE ECHO', COOKIE_ECHO],
    ['COOKIE ACK', COOKIE_ACK],
  ])('also when the first %s and its repetition are lost', (_name, type) => {
    const network = new SctpNetwork();
    let lost = 0;
    network.pass = (packet) => chunkTypeOf(packet) !== type || lost++ >= 2;
    network.connect();
    expect(lost).toBe(3);
    network.send(network.other, 1, Buffer.from('hello'));
    network.runUntil(() => network.one.messages.length === 1);
    expect([network.one.connected, network.other.connected]).toEqual([1, 1]);
    network.run(5_000);
    expect(isIdle(network.one, network.other)).toBe(true);
  });

  it('when both sides ask at once', () => {
    const network = new SctpNetwork();
    network.other.association.connect(network.nowMs);
    network.connect();
    for (const side of [network.one, network.other]) network.send(side, 1, Buffer.from('both ways'));
    network.runUntil(() => network.one.messages.length + network.other.messages.length === 2);
    network.run(5_000);
    expect([network.one.connected, network.other.connected]).toEqual([1, 1]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('over a network that loses a third (seed %i)', (seed) => {
    const network = new SctpNetwork({ seed, loss: 0.33, duplication: 0.2, jitterMs: 50 });
    if (seed % 2 === 0) network.other.association.connect(network.nowMs);
    network.connect();
    network.send(network.one, 0, Buffer.from('there'));
    network.send(network.other, 0, Buffer.from('back'));
    network.runUntil(() => network.one.messages.length + network.other.messages.length === 2);
    expect([network.one.closed, network.other.closed]).toEqual([0, 0]);
  });

  it('not at all when nobody answers: it says so once and is quiet', () => {
    const network = new SctpNetwork();
    network.pass = () => false;
    network.one.association.connect(network.nowMs);
    network.runUntil(() => network.one.closed > 0);
    expect(network.one.sent.map(chunkTypeOf)).toEqual(Array(8).fill(INIT));
    expect(isIdle(network.one)).toBe(true);
  });

  it('only with the cookie that was given out, and not anew once it lives', () => {
    const network = new SctpNetwork().connect();
    const { other } = network;
    const before = other.sent.length;
    other.association.receive(sctpPacket(22, sctpChunk(COOKIE_ECHO, 0, Buffer.from('cookie 22 1'))), network.nowMs);
    const init = Buffer.from('0000006300010000ffffffff00000001', 'hex');
    other.association.receive(sctpPacket(0, sctpChunk(INIT, 0, init)), network.nowMs);
    expect(other.sent).toHaveLength(before);
    network.send(network.one, 0, Buffer.from('goes on'));
    network.runUntil(() => other.messages.length === 1);
  });
});

describe('messages', () => {
  it.each([
    [1, {}],
    [2, { jitterMs: 40 }],
    [3, { loss: 0.02, jitterMs: 5 }],
    [4, { loss: 0.1, duplication: 0.1, jitterMs: 30 }],
    [5, { loss: 0.3, duplication: 0.3, jitterMs: 80 }],
    [6, { loss: 0.05, delayMs: 300 }],
  ])('arrive whole, once and in order on each stream (seed %i, %j)', (seed, conditions) => {
    const network = new SctpNetwork({ seed, ...conditions }).connect();
    const random = seededRandom(seed);
    const wanted = new Map<Side, Buffer[][]>();
    for (const [from, to] of [[network.one, network.other] as const, [network.other, network.one] as const]) {
      const streams: Buffer[][] = [[], [], []];
      wanted.set(to, streams);
      for (let count = 0; count < 120; count++) {
        const payload = Buffer.from(randomBytes(random, count % 10 === 0 ? 20_000 : 300));
        if (payload.length === 0) continue;
        const streamId = Math.floor(random() * 3);
        streams[streamId]?.push(payload);
        network.send(from, streamId, payload);
        network.run(random() * 20);
      }
    }
    const count = (streams: Buffer[][] = []) => streams.flat().length;
    network.runUntil(() => [...wanted].every(([side, streams]) => side.messages.length >= count(streams)));
    network.run(20_000);
    for (const [side, streams] of wanted) {
      for (const [streamId, payloads] of streams.entries()) {
        const arrived = side.messages.filter((message) => message.streamId === streamId);
        expect(arrived.map(({ payload }) => payload.toString('hex'))).toEqual(
          payloads.map((each) => each.toString('hex')),
        );
      }
      expect(side.closed).toBe(0);
    }
    expect(isIdle(network.one, network.other)).toBe(true);
  });

  it('of one packet are acknowledged by the second packet or after 100 ms, and nothing follows', () => {
    const network = new SctpNetwork().connect();
    const { one, other } = network;
    network.send(one, 0, Buffer.from('first is acknowledged at once'));
    network.run(1_000);
    const sacks = () => other.sent.filter((packet) => chunkTypeOf(packet) === SACK).length;
    expect(sacks()).toBe(1);
    network.send(one, 0, Buffer.from('a'));
    network.send(one, 0, Buffer.from('b'));
    network.run(20);
    expect(sacks()).toBe(2);
    network.send(one, 0, Buffer.from('alone'));
    network.run(60);
    expect(sacks()).toBe(2);
    network.run(100);
    expect(sacks()).toBe(3);
    const before = one.sent.length + other.sent.length;
    expect(isIdle(one, other)).toBe(true);
    network.run(3_600_000);
    expect(one.sent.length + other.sent.length).toBe(before);
  });

  it('that are lost alone are repaired by those behind them, long before the timeout', () => {
    const network = new SctpNetwork().connect();
    const { one, other } = network;
    let dropped = 0;
    network.pass = (packet, from) => !(from === one && chunkTypeOf(packet) === DATA && dropped++ === 2);
    const startedMs = network.nowMs;
    for (let count = 0; count < 10; count++) network.send(one, 0, Buffer.from(`${count}`));
    network.runUntil(() => other.messages.length === 10);
    expect(network.nowMs - startedMs).toBeLessThan(100);
    expect(texts(other)).toEqual(Array.from({ length: 10 }, (_, count) => `${count}`));
  });

  it('for a peer that hears nothing are tried ever more seldom, until it counts as gone', () => {
    const network = new SctpNetwork().connect();
    const { one } = network;
    const times: number[] = [];
    network.pass = () => {
      times.push(network.nowMs);
      return false;
    };
    network.send(one, 0, Buffer.from('hello?'));
    network.runUntil(() => one.closed > 0);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses).toEqual([1_000, 2_000, 4_000, ...Array(8).fill(5_000)]);
    expect(isIdle(one)).toBe(true);
  });

  it('wait for a window that is shut, and go on when it opens', () => {
    const network = new SctpNetwork().connect();
    const { one } = network;
    // It throws away what comes, and says that it has no room.
    network.pass = (packet, from) => from !== one || chunkTypeOf(packet) !== DATA;
    for (let count = 0; count < 20; count++) network.send(one, 0, Buffer.alloc(1000, count));
    const shut = Buffer.from('ffffffef000000000000 0000'.replaceAll(' ', ''), 'hex');
    for (let count = 0; count < 40; count++) {
      one.association.receive(sctpPacket(11, sctpChunk(SACK, 0, shut)), network.nowMs);
      network.run(3_000);
    }
    expect(one.closed).toBe(0);
    expect(one.association.isBlocked).toBe(true);
    network.pass = () => true;
    network.runUntil(() => network.other.messages.length === 20);
  });
});

describe('a peer', () => {
  it('is answered its heartbeat with the same bytes', () => {
    const { other, nowMs } = new SctpNetwork().connect();
    other.sent.length = 0;
    other.association.receive(sctpPacket(22, sctpChunk(HEARTBEAT, 0, Buffer.from('\0\x01\0\x08ping'))), nowMs);
    expect(other.sent).toEqual([sctpPacket(11, sctpChunk(HEARTBEAT_ACK, 0, Buffer.from('\0\x01\0\x08ping')))]);
  });

  it.each<[string, Buffer, number]>([
    ['heartbeats', sctpChunk(HEARTBEAT, 0, Buffer.from('\0\x01\0\x08ping')), HEARTBEAT_ACK],
    ['cookies', sctpChunk(COOKIE_ECHO, 0, Buffer.from('cookie 22 0')), COOKIE_ACK],
    ['given up messages', sctpChunk(FORWARD_TSN, 0, Buffer.from('fffffff0', 'hex')), SACK],
  ])('gets one answer to a packet full of %s', (_name, chunk, answer) => {
    const { other, nowMs } = new SctpNetwork().connect();
    other.sent.length = 0;
    other.association.receive(sctpPacket(22, ...Array<Buffer>(60).fill(chunk)), nowMs);
    expect(other.sent.map(chunkTypeOf)).toEqual([answer]);
  });

  it('may give up messages: what follows them is handed out', () => {
    const network = new SctpNetwork().connect();
    const { one, other } = network;
    const tsn = 0xffff_fff0;
    const receive = (...chunks: Buffer[]) => other.association.receive(sctpPacket(22, ...chunks), network.nowMs);
    receive(dataChunk({ tsn: tsn + 3, streamId: 1, sequence: 2 }, Buffer.from('third')));
    receive(dataChunk({ tsn, streamId: 1, sequence: 0, flags: 2 }, Buffer.from('half')));
    expect(texts(other)).toEqual([]);
    // Up to the second message, which never came, of stream 1.
    const body = Buffer.alloc(8);
    body.writeUInt32BE(tsn + 2, 0);
    body.writeUInt16BE(1, 4);
    body.writeUInt16BE(1, 6);
    receive(sctpChunk(FORWARD_TSN, 0, body));
    expect(texts(other)).toEqual(['third']);
    receive(dataChunk({ tsn: tsn + 4, streamId: 1, sequence: 3 }, Buffer.from('fourth')));
    receive(dataChunk({ tsn: tsn + 1, streamId: 1, sequence: 0, flags: 1 }, Buffer.from('late')));
    expect(texts(other)).toEqual(['third', 'fourth']);
    expect(one.closed + other.closed).toBe(0);
  });

  it('has nothing of its packets kept: what waits is a copy of the payload alone', () => {
    const { other, nowMs } = new SctpNetwork().connect();
    const tsn = 0xffff_fff0;
    const receive = (chunk: Buffer) => {
      const packet = sctpPacket(22, chunk);
      other.association.receive(packet, nowMs);
      packet.fill(0);
    };
    receive(dataChunk({ tsn: tsn + 1, streamId: 1, sequence: 0, flags: 1 }, Buffer.from('whole')));
    receive(dataChunk({ tsn: tsn + 2, streamId: 1, sequence: 1 }, Buffer.from('early')));
    receive(dataChunk({ tsn, streamId: 1, sequence: 0, flags: 2 }, Buffer.from('the ')));
    expect(texts(other)).toEqual(['the whole', 'early']);
    expect(other.messages[1]?.payload.buffer.byteLength).toBe(5);
  });

  it('gets messages without order as they come', () => {
    const { other, nowMs } = new SctpNetwork().connect();
    const unordered = (tsn: number, text: string) =>
      other.association.receive(sctpPacket(22, dataChunk({ tsn, streamId: 1, flags: 7 }, Buffer.from(text))), nowMs);
    unordered(0xffff_fff2, 'b');
    unordered(0xffff_fff0, 'a');
    expect(texts(other)).toEqual(['b', 'a']);
  });

  it('is not believed an acknowledgement of what was never sent', () => {
    const network = new SctpNetwork().connect();
    const { one, other } = network;
    network.pass = () => false;
    network.send(one, 0, Buffer.from('not lost'));
    const body = Buffer.alloc(12);
    body.writeUInt32BE(0xffff_fff5, 0);
    one.association.receive(sctpPacket(11, sctpChunk(SACK, 0, body)), network.nowMs);
    network.pass = () => true;
    network.runUntil(() => other.messages.length === 1);
  });

  it('may take back what it acknowledged behind a gap', () => {
    const network = new SctpNetwork().connect();
    const { one, other } = network;
    network.pass = () => false;
    for (const text of ['a', 'b']) network.send(one, 0, Buffer.from(text));
    // The second came, it says; then the first, and the second is gone.
    for (const hex of ['ffffffef 00010000 0001 0000 0002 0002', 'fffffff0 00010000 0000 0000']) {
      const body = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      one.association.receive(sctpPacket(11, sctpChunk(SACK, 0, body)), network.nowMs);
    }
    network.pass = () => true;
    one.sent.length = 0;
    network.run(3_000);
    expect(one.sent.map((packet) => packet.subarray(28, 29).toString())).toContain('b');
    expect(one.closed + other.closed).toBe(0);
  });

  it.each([1, 2, 3])('may send anything with the right tag and checksum (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const network = new SctpNetwork({ seed }).connect();
    const { one } = network;
    for (let count = 0; count < 3_000; count++) {
      const types = [0, 1, 2, 3, 4, 5, 7 + Math.floor(random() * 8), 130, 192, 200];
      const type = types[Math.floor(random() * types.length)] ?? 0;
      const body = Buffer.from(randomBytes(random, 80));
      // Near the numbers in use.
      if (body.length >= 4 && random() < 0.8) body.writeUInt32BE(Math.floor(random() * 40), 0);
      network.send(one, Math.floor(random() * 4), Buffer.from('x'));
      expect(() =>
        one.association.receive(sctpPacket(11, sctpChunk(type, Math.floor(random() * 16), body)), network.nowMs),
      ).not.toThrow();
      expect(() => network.run(random() * 30)).not.toThrow();
    }
  });
});
