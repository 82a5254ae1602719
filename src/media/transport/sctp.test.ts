import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomBytes, seededRandom } from '../../rtp/seeded-network.ts';
import { channelOpen, dataChunk, SctpPeer, sctpChunk, sctpPacket } from '../../test/transport-peers.ts';
import { PPID_BINARY, PPID_TEXT, Sctp } from './sctp.ts';

const unhandled: unknown[] = [];
const noteUnhandled = (reason: unknown): void => {
  unhandled.push(reason);
};

let ours: Sctp;
let peer: SctpPeer;
let connected: number;
let closed: number;
let drained: number;
const sent: Buffer[] = [];
const messages: { streamId: number; ppid: number; payload: Buffer }[] = [];
const resets: number[] = [];
let onMessage: () => void;
let onSend: () => void;
const failures: unknown[] = [];

beforeEach(async () => {
  process.on('unhandledRejection', noteUnhandled);
  connected = closed = drained = 0;
  for (const list of [unhandled, sent, messages, resets]) list.length = 0;
  onMessage = onSend = () => {};
  failures.length = 0;
  peer = new SctpPeer((packet) => ours.receive(packet));
  ours = new Sctp({
    remotePort: 5000,
    send: (packet) => {
      onSend();
      sent.push(packet);
      return peer.receive(packet);
    },
    onConnected: () => connected++,
    onMessage: (streamId, ppid, payload) => {
      messages.push({ streamId, ppid, payload });
      onMessage();
    },
    onClosed: () => closed++,
    onFailed: (error) => failures.push(error),
    onStreamsReset: (streamIds) => resets.push(...streamIds),
    onDrain: () => drained++,
  });
  await peer.connect();
});

afterEach(async () => {
  ours.close();
  await peer.stop();
  // Rejections without handler are told after the microtasks.
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  process.off('unhandledRejection', noteUnhandled);
  expect(unhandled).toEqual([]);
});

const texts = () => messages.map(({ payload }) => payload.toString());
const arrived = (...expected: string[]) =>
  vi.waitFor(() => expect(texts()).toEqual(expected), { interval: 2, timeout: 20_000 });

/** The association still carries messages in both directions. */
async function goesOn(): Promise<void> {
  const before = peer.received.length;
  peer.message(1, PPID_TEXT, Buffer.from('still here'));
  ours.send(1, PPID_TEXT, Buffer.from('us too'));
  await vi.waitFor(
    () => {
      expect(texts().at(-1)).toBe('still here');
      expect(peer.received.slice(before).map(({ payload }) => payload.toString())).toContain('us too');
    },
    { interval: 2, timeout: 20_000 },
  );
  expect(closed).toBe(0);
}

describe('an association', () => {
  it('carries messages both ways, with stream and payload protocol', async () => {
    peer.message(3, PPID_BINARY, Buffer.from('to us'));
    ours.send(5, PPID_TEXT, Buffer.from('to the peer'));
    await arrived('to us');
    expect(messages[0]).toMatchObject({ streamId: 3, ppid: PPID_BINARY });
    await vi.waitFor(() => expect(peer.received).toHaveLength(1), { interval: 2, timeout: 20_000 });
    expect(peer.received[0]).toMatchObject({ streamId: 5, ppid: PPID_TEXT });
    await vi.waitFor(() => expect(drained).toBeGreaterThan(0), { interval: 2, timeout: 20_000 });
  });

  it('is told connected once, also when the peer repeats its cookie because the answer was lost', async () => {
    const echoes: Buffer[] = [];
    const second = new SctpPeer((packet) => other.receive(packet));
    second.outgoing = (packet) => {
      if (packet[12] === 10) echoes.push(packet);
      return true;
    };
    let told = 0;
    const nothing = () => {};
    const other = new Sctp({
      remotePort: 5000,
      send: second.receive,
      onConnected: () => told++,
      onMessage: nothing,
      onClosed: nothing,
      onFailed: nothing,
      onStreamsReset: nothing,
      onDrain: nothing,
    });
    await second.connect();
    for (const echo of echoes) other.receive(echo);
    await new Promise(setImmediate);
    expect(echoes).toHaveLength(1);
    expect(told).toBe(1);
    other.close();
    await second.stop();
  });

  it('is ended by the abort of the peer, once', async () => {
    await peer.stop();
    await vi.waitFor(() => expect(closed).toBe(1), { interval: 2, timeout: 20_000 });
    ours.send(1, PPID_TEXT, Buffer.from('into nothing'));
    ours.receive(Buffer.alloc(40));
    ours.close();
    expect(closed).toBe(1);
  });

  it.each([
    ['abort', 6, 0],
    ['shutdown', 7, 4],
  ])('is ended by the %s of the peer at once, however often it is said', async (_name, type, bytes) => {
    for (let count = 0; count < 2; count++) peer.raw(sctpChunk(type, 0, Buffer.alloc(bytes)));
    expect(closed).toBe(1);
  });

  it('tells the peer that it ends, and is silent from then on', async () => {
    const gone = peer.sctp.stateChanged.closed.asPromise();
    ours.close();
    ours.close();
    await gone;
    sent.length = 0;
    ours.send(1, PPID_TEXT, Buffer.from('late'));
    peer.raw(dataChunk({ tsn: peer.internals.localTsn, streamId: 1 }, Buffer.from('late')));
    await new Promise(setImmediate);
    expect(sent).toEqual([]);
    expect(messages).toEqual([]);
    expect(closed).toBe(0);
  });

  it.each([1, 2])('hands out nothing after a close at message %i, not even what one packet brought', async (last) => {
    onMessage = () => {
      if (messages.length === last) ours.close();
    };
    const tsn = peer.internals.localTsn;
    // Two stranded messages that the third sets free.
    for (const sequence of [1, 2]) {
      peer.raw(dataChunk({ tsn: tsn + 2 * sequence, streamId: 1, sequence }, Buffer.from(`message ${sequence}`)));
    }
    peer.raw(dataChunk({ tsn, streamId: 1, sequence: 0 }, Buffer.from('message 0')));
    await new Promise(setImmediate);
    expect(texts()).toEqual(['message 0', 'message 1'].slice(0, last));
  });

  it('is told when its work at a deadline throws: the timer is shared with all others', () => {
    const error = new Error('a bug');
    peer.outgoing = () => false;
    ours.send(1, PPID_TEXT, Buffer.from('x'));
    onSend = () => {
      throw error;
    };
    ours.timedOut(ours.dueAtMs);
    onSend = () => {};
    expect(failures).toEqual([error]);
  });

  it('sends no empty message, which would leave a gap that nothing fills', async () => {
    ours.send(1, PPID_TEXT, Buffer.alloc(0));
    await goesOn();
  });

  it('forgets the streams that the peer resets', async () => {
    peer.openChannel(9, 'passing');
    await vi.waitFor(() => expect(messages).toHaveLength(1), { interval: 2, timeout: 20_000 });
    peer.sctp.reconfigQueue.push(9);
    await peer.sctp.transmitReconfigRequest();
    await vi.waitFor(() => expect(resets).toContain(9), { interval: 2, timeout: 20_000 });
    await goesOn();
  });
});

describe('what a peer may send without harm', () => {
  const tagOf = () => peer.internals.remoteVerificationTag;
  const cases: [string, () => Buffer][] = [
    ['garbage', () => Buffer.from('garbage-not-sctp-at-all')],
    ['an empty packet', () => Buffer.alloc(0)],
    ['a header alone', () => sctpPacket(tagOf())],
    [
      'a bad checksum',
      () => {
        const packet = sctpPacket(tagOf(), dataChunk({ tsn: 1, streamId: 1 }, Buffer.from('x')));
        packet[8] = (packet[8] ?? 0) ^ 1;
        return packet;
      },
    ],
    [
      'a wrong verification tag',
      () => sctpPacket(tagOf() + 1, dataChunk({ tsn: peer.internals.localTsn, streamId: 1 }, Buffer.from('x'))),
    ],
    ['an unknown chunk', () => sctpPacket(tagOf(), sctpChunk(77, 0, Buffer.from('what')))],
    ['a chunk of length 0', () => sctpPacket(tagOf(), Buffer.alloc(4))],
    ['a chunk longer than its packet', () => sctpPacket(tagOf(), Buffer.from([0, 3, 0xff, 0xff]))],
    ['a data chunk without header', () => sctpPacket(tagOf(), sctpChunk(0, 3, Buffer.alloc(2)))],
    [
      'two INIT in one packet',
      () => sctpPacket(0, sctpChunk(1, 0, Buffer.alloc(16)), sctpChunk(1, 0, Buffer.alloc(16))),
    ],
    ['a cookie that we did not make', () => sctpPacket(tagOf(), sctpChunk(10, 0, Buffer.alloc(24)))],
    ['a cookie that is too short', () => sctpPacket(tagOf(), sctpChunk(10, 0, Buffer.alloc(1)))],
    ['a reconfiguration of nothing', () => sctpPacket(tagOf(), sctpChunk(130, 0, Buffer.from([0, 13, 0, 4])))],
    [
      'a SACK that is cut',
      () => sctpPacket(tagOf(), sctpChunk(3, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 0, 9, 0, 9]))),
    ],
    ['a parameter of length 0', () => sctpPacket(tagOf(), sctpChunk(9, 0, Buffer.alloc(8)))],
    ['a parameter of length 0 in an INIT', () => sctpPacket(0, sctpChunk(1, 0, Buffer.alloc(24)))],
    ['an acknowledged cookie of length 0', () => sctpPacket(tagOf(), Buffer.from([11, 0, 0, 0, 11, 0, 0, 0]))],
    ['an unknown error', () => sctpPacket(tagOf(), sctpChunk(9, 0, Buffer.from([0, 99, 0, 4])))],
  ];

  it.each(cases)('%s', async (_name, build) => {
    ours.receive(build());
    await goesOn();
  });

  it('a payload protocol that nobody knows, a DCEP acknowledgement of nothing', async () => {
    peer.message(1, 99, Buffer.from('unknown'));
    peer.message(777, 50, Buffer.from([2]));
    await vi.waitFor(() => expect(messages).toHaveLength(2), { interval: 2, timeout: 20_000 });
    await goesOn();
  });

  it('random chunks with right tag and checksum', async () => {
    const random = seededRandom(18);
    // Not the chunks that end or restart an association: the peer may do that.
    const types = [0, 2, 3, 4, 5, 9, 11, 12, 13, 130, 192, 200];
    for (let count = 0; count < 400; count++) {
      const type = types[Math.floor(random() * types.length)] ?? 0;
      const body = Buffer.from(randomBytes(random, 60));
      // Far from the numbers in use, so that the association can go on.
      if (type === 0 || type === 3 || type === 192) body.fill(0, 0, Math.min(4, body.length));
      ours.receive(sctpPacket(tagOf(), sctpChunk(type, Math.floor(random() * 8), body)));
    }
    await new Promise(setImmediate);
    expect(unhandled).toEqual([]);
  });

  it('acknowledgements of more than was ever sent, which would keep the worker busy for minutes', async () => {
    const gaps = 290;
    const body = Buffer.alloc(12 + 4 * gaps);
    body.writeUInt32BE(peer.internals.localTsn, 0);
    body.writeUInt16BE(gaps, 8);
    for (let gap = 0; gap < gaps; gap++) body.writeUInt32BE(0x0001_ffff, 12 + 4 * gap);
    // Just above what was acknowledged, so that it counts as new.
    body.writeUInt32BE((lastTsnOfOurs() + 1) >>> 0, 0);
    const started = performance.now();
    for (let count = 0; count < 10; count++) peer.raw(sctpChunk(3, 0, body));
    await new Promise(setImmediate);
    expect(performance.now() - started).toBeLessThan(10_000);
    await goesOn();
  });
});

/** The last TSN that the peer knows of ours. */
function lastTsnOfOurs(): number {
  return (peer.sctp as unknown as { lastReceivedTsn: number }).lastReceivedTsn;
}

describe('order', () => {
  it('lets no message stay behind when two channels interleave and packets change places (werift issue 706)', async () => {
    const tsn = peer.internals.localTsn;
    peer.raw(dataChunk({ tsn: tsn + 2, streamId: 1, sequence: 1 }, Buffer.from('one b')));
    peer.raw(dataChunk({ tsn: tsn + 3, streamId: 2, sequence: 1 }, Buffer.from('two b')));
    peer.raw(dataChunk({ tsn, streamId: 1, sequence: 0 }, Buffer.from('one a')));
    peer.raw(dataChunk({ tsn: tsn + 1, streamId: 2, sequence: 0 }, Buffer.from('two a')));
    await vi.waitFor(() => expect(messages).toHaveLength(4), { interval: 2, timeout: 20_000 });
    const of = (stream: number) => texts().filter((_, index) => messages[index]?.streamId === stream);
    expect(of(1)).toEqual(['one a', 'one b']);
    expect(of(2)).toEqual(['two a', 'two b']);
  });

  it('survives a seeded shuffle of many messages on three channels', async () => {
    const random = seededRandom(706);
    const tsn = peer.internals.localTsn;
    const packets = Array.from({ length: 90 }, (_, index) =>
      dataChunk({ tsn: tsn + index, streamId: index % 3, sequence: Math.floor(index / 3) }, Buffer.from(`${index}`)),
    );
    const key = packets.map((_, index) => index + random() * 12);
    const order = packets.map((_, index) => index).sort((a, b) => (key[a] ?? 0) - (key[b] ?? 0));
    for (const index of order) {
      const packet = packets[index];
      if (packet) peer.raw(packet);
    }
    await vi.waitFor(() => expect(messages).toHaveLength(90), { interval: 2, timeout: 20_000 });
    for (const stream of [0, 1, 2]) {
      const numbers = messages.filter(({ streamId }) => streamId === stream).map(({ payload }) => Number(payload));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  it('a message that is lost stops its own channel only, and nobody is cut off for what waits behind it', async () => {
    // A sender may fill our whole window behind one lost packet.
    let lost: Buffer | undefined;
    peer.outgoing = (packet) => {
      const isData = packet[12] === 0;
      if (!isData || (lost && packet.compare(lost, 16, 20, 16, 20) !== 0)) return true;
      lost = packet;
      return false;
    };
    for (let count = 0; count < 40; count++) peer.message(1, PPID_BINARY, Buffer.alloc(50_000, count));
    let inFlight = -1;
    // Until the sender stands still: its queue no longer moves.
    await vi.waitFor(
      () => {
        const before = inFlight;
        inFlight = peer.sctp.outboundQueue.length;
        expect(inFlight).toBe(before);
        expect(inFlight).toBeLessThan(40 * 42);
      },
      { interval: 60, timeout: 20_000 },
    );
    expect(closed).toBe(0);
    expect(messages).toEqual([]);
    peer.outgoing = () => true;
    if (lost) ours.receive(lost);
    await vi.waitFor(() => expect(messages).toHaveLength(40), { interval: 5, timeout: 20_000 });
    expect(messages.map(({ payload }) => payload[0])).toEqual(Array.from({ length: 40 }, (_, index) => index));
  });
});

describe('a peer is cut off', () => {
  it('that uses more than 256 streams', async () => {
    const tsn = peer.internals.localTsn;
    const payload = Buffer.alloc(400);
    for (let count = 0; count < 500; count++) peer.raw(dataChunk({ tsn: tsn + count, streamId: count }, payload));
    await vi.waitFor(() => expect(closed).toBe(1), { interval: 2, timeout: 20_000 });
  });

  it('that leaves more than a window of fragments unfinished', async () => {
    const tsn = peer.internals.localTsn;
    for (let count = 0; count < 400; count++) {
      peer.raw(dataChunk({ tsn: tsn + count, streamId: 1, flags: count === 0 ? 2 : 0 }, Buffer.alloc(1100)));
    }
    await vi.waitFor(() => expect(closed).toBe(1), { interval: 2, timeout: 20_000 });
    expect(messages).toEqual([]);
  });

  it('but not one that skips a number and goes on: what finds no room is not acknowledged, and comes again', () => {
    const tsn = peer.internals.localTsn;
    const receive = (index: number) =>
      peer.raw(dataChunk({ tsn: tsn + index, streamId: 1, flags: 7 }, Buffer.from(`${index}`)));
    for (let index = 1; index < 4000; index++) receive(index);
    expect(messages).toHaveLength(2048);
    for (let index = 0; index < 4000; index++) receive(index);
    expect(closed).toBe(0);
    expect(new Set(texts()).size).toBe(4000);
    expect(messages).toHaveLength(4000);
  });

  it('but not one that uses 64 channels with large messages', async () => {
    for (let stream = 0; stream < 64; stream++) {
      peer.message(stream, 50, channelOpen(`channel ${stream}`));
      peer.message(stream, PPID_BINARY, Buffer.alloc(65_536, stream));
    }
    await vi.waitFor(() => expect(messages).toHaveLength(128), { interval: 5, timeout: 20_000 });
    expect(closed).toBe(0);
  });
});
