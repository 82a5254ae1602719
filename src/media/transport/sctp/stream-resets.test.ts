import { beforeEach, describe, expect, it } from 'vitest';
import { chunkTypeOf, SctpNetwork, type Side } from '../../../test/sctp-network.ts';
import { dataChunk, sctpChunk, sctpPacket } from '../../../test/transport-peers.ts';
import { DATA, RE_CONFIG } from './packet.ts';

/** The side that speaks by hand begins with these numbers. */
const FIRST = 0xffff_fff0;
const PERFORMED = 1;
const DENIED = 2;
const BAD_SEQUENCE = 5;
const IN_PROGRESS = 6;

let network: SctpNetwork;
let ours: Side;

beforeEach(() => {
  network = new SctpNetwork().connect();
  ours = network.other;
  ours.sent.length = 0;
});

function receive(...chunks: Buffer[]): void {
  ours.association.receive(sctpPacket(22, ...chunks), network.nowMs);
}

function parameter(type: number, words: readonly number[], streamIds: readonly number[] = []): Buffer {
  const bytes = Buffer.alloc(4 + 4 * words.length + 2 * streamIds.length);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(bytes.length, 2);
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word >>> 0, 4 + 4 * index);
  for (const [index, id] of streamIds.entries()) bytes.writeUInt16BE(id, 4 + 4 * words.length + 2 * index);
  return sctpChunk(RE_CONFIG, 0, bytes);
}

const reset = (sequence: number, lastTsn: number, ...streamIds: number[]) =>
  parameter(13, [sequence, 0, lastTsn], streamIds);
const response = (sequence: number, result: number) => parameter(16, [sequence, result]);

/** Parameters that we sent since the last look: type and words. */
function told(): number[][] {
  const sent = ours.sent.splice(0).filter((packet) => chunkTypeOf(packet) === RE_CONFIG);
  return sent.map((packet) => {
    const words = (packet.readUInt16BE(18) - 4) >> 2;
    return [
      packet.readUInt16BE(16),
      ...Array.from({ length: words }, (_, index) => packet.readUInt32BE(20 + 4 * index)),
    ];
  });
}

describe('a stream that the peer resets', () => {
  it('begins anew in both directions, and is told once', () => {
    receive(dataChunk({ tsn: FIRST, streamId: 4, sequence: 0 }, Buffer.from('before')));
    ours.sent.length = 0;
    receive(reset(FIRST, FIRST, 4));
    expect(ours.resets).toEqual([4]);
    const [answer, request] = told();
    expect(answer).toEqual([16, FIRST, PERFORMED]);
    // Ours has the number that our TSNs began with, theirs as the last one seen, and that nothing was sent.
    expect(request?.slice(0, 4)).toEqual([13, 7, FIRST, 6]);
    receive(dataChunk({ tsn: FIRST + 1, streamId: 4, sequence: 0 }, Buffer.from('after')));
    expect(ours.messages.map(({ payload }) => payload.toString())).toEqual(['before', 'after']);
  });

  it('is answered the same when asked again, and not reset twice', () => {
    receive(reset(FIRST, FIRST - 1, 4));
    told();
    receive(reset(FIRST, FIRST - 1, 4));
    expect(told()).toEqual([[16, FIRST, PERFORMED]]);
    expect(ours.resets).toEqual([4]);
    receive(reset(FIRST + 5, FIRST - 1, 4));
    expect(told()).toEqual([[16, (FIRST + 5) >>> 0, BAD_SEQUENCE]]);
  });

  it.each([1, 30])('is answered once for a packet that asks 60 times in %i chunks', (chunks) => {
    const asked = reset(FIRST, FIRST + 9, 4);
    const parameters = asked.subarray(4);
    const chunk = sctpChunk(RE_CONFIG, 0, Buffer.concat(Array<Buffer>(60 / chunks).fill(parameters)));
    receive(...Array<Buffer>(chunks).fill(chunk));
    expect(told()).toEqual([[16, FIRST, IN_PROGRESS]]);
  });

  it('waits for what was sent before', () => {
    receive(reset(FIRST, FIRST, 4));
    expect(told()).toEqual([[16, FIRST, IN_PROGRESS]]);
    expect(ours.resets).toEqual([]);
    receive(dataChunk({ tsn: FIRST, streamId: 4, sequence: 0 }, Buffer.from('late')));
    receive(reset(FIRST, FIRST, 4));
    expect(told()[0]).toEqual([16, FIRST, PERFORMED]);
    expect(ours.messages).toHaveLength(1);
    expect(ours.resets).toEqual([4]);
  });

  it('may be all of them', () => {
    for (const [index, streamId] of [2, 9].entries()) {
      receive(dataChunk({ tsn: FIRST + index, streamId }, Buffer.from('x')));
    }
    receive(reset(FIRST, FIRST + 1));
    expect(ours.resets).toEqual([2, 9]);
  });
});

describe('our half of it', () => {
  it('ends when what we sent has arrived, and what is said meanwhile follows under new numbers', () => {
    network.pass = (_packet, from) => from !== network.one;
    network.send(ours, 4, Buffer.from('old'));
    receive(reset(FIRST, FIRST - 1, 4));
    expect(told()).toEqual([[16, FIRST, PERFORMED]]);
    network.pass = () => false;
    const sack = Buffer.alloc(12);
    sack.writeUInt32BE(7, 0);
    sack.writeUInt32BE(100_000, 4);
    receive(sctpChunk(3, 0, sack));
    expect(told()).toEqual([expect.arrayContaining([13, 7, FIRST, 7])]);
    network.send(ours, 4, Buffer.from('new'));
    network.send(ours, 5, Buffer.from('another stream'));
    expect(ours.association.isBlocked).toBe(true);
    receive(response(7, PERFORMED));
    const data = ours.sent.filter((packet) => chunkTypeOf(packet) === DATA);
    // Stream, then its number.
    expect(data.map((packet) => [packet.readUInt16BE(20), packet.readUInt16BE(22)])).toEqual([
      [5, 0],
      [4, 0],
    ]);
    expect(ours.association.isBlocked).toBe(false);
  });

  it('ends at the first packet after which nothing is on its way, whatever other streams have', () => {
    network.pass = () => false;
    for (const streamId of [4, 6, 4]) network.send(ours, streamId, Buffer.from('x'));
    receive(reset(FIRST, FIRST - 1, 4, 6));
    const acknowledge = (tsn: number) => {
      const body = Buffer.alloc(12);
      body.writeUInt32BE(tsn, 0);
      body.writeUInt32BE(100_000, 4);
      receive(sctpChunk(3, 0, body));
      return told().filter(([type]) => type === 13).length;
    };
    told();
    expect([7, 8].map(acknowledge)).toEqual([0, 1]);
    receive(response(7, PERFORMED));
    expect([8, 9].map(acknowledge)).toEqual([0, 1]);
  });

  it('is asked for until the peer answers', () => {
    network.pass = () => false;
    receive(reset(FIRST, FIRST - 1, 4));
    network.run(3_500);
    receive(response(7, IN_PROGRESS));
    network.run(1_500);
    const requests = told().filter(([type]) => type === 13);
    expect(requests).toHaveLength(5);
    expect(new Set(requests.map(([, sequence]) => sequence))).toEqual(new Set([7]));
    receive(response(99, PERFORMED));
    expect(ours.association.dueAtMs).toBeLessThan(Number.POSITIVE_INFINITY);
    receive(response(7, DENIED));
    expect(ours.association.dueAtMs).toBe(Number.POSITIVE_INFINITY);
  });
});

it('more streams are allowed, and what WebRTC does not use is denied', () => {
  receive(parameter(17, [FIRST, 100 << 16]));
  receive(parameter(14, [FIRST + 1], [4]));
  receive(parameter(15, [FIRST + 2]));
  expect(told().map(([, , result]) => result)).toEqual([PERFORMED, DENIED, DENIED]);
  expect(ours.resets).toEqual([]);
});
