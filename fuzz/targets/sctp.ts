// SCTP from a peer that has proved itself and then sends rubbish: chunks of any kind in any order, under right tags and
// checksums. An input is a train of packets without their common header; its first byte says whether a handshake came before.

import { Association } from '../../src/media/transport/sctp/association.ts';
import { packetChecksum } from '../../src/media/transport/sctp/crc32c.ts';
import { COMMON_HEADER_BYTES, MAX_PACKET_BYTES, readChunks } from '../../src/media/transport/sctp/packet.ts';
import { sctpChunk } from '../../src/test/transport-peers.ts';
import { BYTE_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, promise } from '../target.ts';
import { bytesOf } from './corpus.ts';
import { cars, train } from './trains.ts';

const OUR_TAG = 0x0a0b_0c0d;
const INIT = 1;
const STEP_MS = 7;
/** Some packets answer with several: a SACK, a reset, what waits for the window. */
const MAX_ANSWERS = 64;
/** The receive window, and what may be in one message (64 KiB). */
const MAX_DELIVERED_BYTES = 512 * 1024;

/** What a peer sends in an honest life: the chunks of each packet. */
const life = record();
const [init, echo] = life;
const AFTER_HANDSHAKE = Uint8Array.of(1);
const FROM_NOTHING = Uint8Array.of(0);

export const sctp: FuzzTarget = {
  name: 'sctp',
  seeds: [
    join(FROM_NOTHING, train(...life)),
    join(AFTER_HANDSHAKE, train(...life.slice(2))),
    ...life.slice(2).map((chunks) => join(AFTER_HANDSHAKE, train(chunks))),
    // HEARTBEAT, SHUTDOWN, ABORT, ERROR, an unknown chunk that wants a report, FORWARD TSN, a stream reset.
    join(AFTER_HANDSHAKE, train(bytesOf('0400000c 00010008 11223344'), bytesOf('07000008 00000001'))),
    join(AFTER_HANDSHAKE, train(bytesOf('09000004'), bytesOf('ff000008 01020304'), bytesOf('06000004'))),
    join(AFTER_HANDSHAKE, train(bytesOf('c0000010 00000065 00010001 00020002'))),
    join(AFTER_HANDSHAKE, train(bytesOf('82000018 000d0012 00000064 00000000 00000064 00010000'))),
  ],
  mutations: BYTE_MUTATIONS,
  maxBytes: 4000,
  maxMs: 30,
  check(input) {
    const counts = { sent: 0, delivered: 0, messages: 0, closed: 0, resets: 0 };
    const association = open((packet) => {
      counts.sent++;
      promise(readChunks(packet) !== undefined, 'what we send can be read');
      promise(packet.length <= MAX_PACKET_BYTES + COMMON_HEADER_BYTES || packet.length <= 4096, 'it fits a path');
    }, counts);
    let nowMs = 1000;
    const receive = (chunks: Uint8Array): void => {
      const before = counts.sent;
      nowMs += STEP_MS;
      association.receive(sealed(chunks), nowMs);
      if (association.dueAtMs <= nowMs) association.timedOut(nowMs);
      promise(counts.sent - before <= MAX_ANSWERS, 'a packet is answered with a few');
      promise(counts.delivered <= MAX_DELIVERED_BYTES, 'no more is delivered than came');
    };
    if ((input[0] ?? 0) % 2 === 1 && init && echo) {
      receive(init);
      receive(echo);
      association.send(1, 51, Buffer.from('ours'), nowMs);
    }
    for (const chunks of cars(input.subarray(1))) receive(chunks);
    promise(counts.closed <= 1, 'an end is told once');
    association.close();
    promise(association.dueAtMs === Number.POSITIVE_INFINITY, 'what has ended waits for nothing');
    return `${counts.closed} ${Math.min(counts.sent, 12)} ${Math.min(counts.messages, 4)} ${Math.min(counts.resets, 2)}`;
  },
};

function open(
  send: (packet: Buffer) => void,
  counts: { delivered: number; messages: number; closed: number; resets: number },
): Association {
  return new Association({
    localPort: 5000,
    remotePort: 5000,
    tag: OUR_TAG,
    initialTsn: 1000,
    newCookie: () => Buffer.from('a cookie of ours'),
    send,
    onConnected: () => {},
    onMessage: (_streamId, _ppid, payload) => {
      counts.messages++;
      counts.delivered += payload.length;
    },
    onClosed: () => counts.closed++,
    onStreamsReset: () => counts.resets++,
    onDrain: () => {},
  });
}

/** The common header in front: INIT has no tag yet (RFC 9260 §8.5.1). */
function sealed(chunks: Uint8Array): Buffer {
  const packet = Buffer.concat([Buffer.alloc(COMMON_HEADER_BYTES), chunks]);
  packet.writeUInt16BE(5000, 0);
  packet.writeUInt16BE(5000, 2);
  packet.writeUInt32BE(chunks[0] === INIT ? 0 : OUR_TAG, 4);
  packet.writeUInt32LE(packetChecksum(packet), 8);
  return packet;
}

/** A peer of our own make connects, opens a channel, sends a long and a short message, and ends. */
function record(): Uint8Array[] {
  const recorded: Uint8Array[] = [];
  const toUs: Buffer[] = [];
  const toPeer: Buffer[] = [];
  const us = open((packet) => toPeer.push(packet), { delivered: 0, messages: 0, closed: 0, resets: 0 });
  const peer = new Association({
    localPort: 5000,
    remotePort: 5000,
    tag: 0x0102_0304,
    initialTsn: 100,
    newCookie: () => Buffer.alloc(16),
    send: (packet) => {
      recorded.push(Uint8Array.from(packet.subarray(COMMON_HEADER_BYTES)));
      toUs.push(packet);
    },
    onConnected: () => {},
    onMessage: () => {},
    onClosed: () => {},
    onStreamsReset: () => {},
    onDrain: () => {},
  });
  let nowMs = 1000;
  const exchange = (): void => {
    while (toUs.length + toPeer.length > 0) {
      nowMs += STEP_MS;
      for (const packet of toUs.splice(0)) us.receive(packet, nowMs);
      for (const packet of toPeer.splice(0)) peer.receive(packet, nowMs);
    }
  };
  peer.connect(nowMs);
  exchange();
  peer.send(1, 50, Buffer.from('0300000000000000000500006c6162656c', 'hex'), nowMs);
  peer.send(1, 51, Buffer.from('hello'), nowMs);
  exchange();
  peer.send(1, 53, Buffer.alloc(2500, 7), nowMs);
  us.send(1, 51, Buffer.from('an answer'), nowMs);
  exchange();
  peer.close();
  recorded.push(Uint8Array.from(sctpChunk(6, 0, Buffer.alloc(0))));
  return recorded;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
