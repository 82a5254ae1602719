import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RTCDataChannel, RTCDataChannelParameters } from 'werift';
import { CONTROL_LABEL } from '../../broadcast/ports.ts';
import { channelOpen, dataChunk, SctpPeer, sctpChunk } from '../../test/transport-peers.ts';
import { type ChannelMessage, DataChannels } from './data-channels.ts';
import { PPID_BINARY, PPID_BINARY_EMPTY, PPID_DCEP, PPID_TEXT, PPID_TEXT_EMPTY } from './sctp.ts';

const KIB = 1024;
const unhandled: unknown[] = [];
const noteUnhandled = (reason: unknown): void => {
  unhandled.push(reason);
};

/** Ours and a peer of werift, connected by a link in memory. */
class Pair {
  readonly ours: DataChannels;
  readonly peer: SctpPeer;
  readonly channels: string[] = [];
  readonly messages: ChannelMessage[] = [];
  readonly tooLarge: string[] = [];
  readonly lost: [string, number][] = [];
  sentPackets = 0;
  ready = 0;
  closed = 0;

  constructor(dtlsRole: 'server' | 'client' = 'server') {
    this.peer = new SctpPeer((packet) => this.ours.receive(packet));
    this.ours = new DataChannels({
      remotePort: 5000,
      dtlsRole,
      send: (packet) => {
        this.sentPackets++;
        return this.peer.receive(packet);
      },
      onReady: () => this.ready++,
      onChannel: (label) => this.channels.push(label),
      onMessage: (message) => this.messages.push(message),
      onTooLarge: (label) => this.tooLarge.push(label),
      onLost: (label, messages) => this.lost.push([label, messages]),
      onClosed: () => this.closed++,
      onFailed: (error) => unhandled.push(error),
    });
  }

  async connect(): Promise<this> {
    await this.peer.connect();
    await until(() => expect(this.ready).toBe(1));
    return this;
  }

  async stop(): Promise<void> {
    this.ours.close();
    await this.peer.stop();
  }

  /** The peer opens a channel, and we know it. */
  async open(streamId: number, label: string): Promise<void> {
    this.peer.openChannel(streamId, label);
    await until(() => expect(this.channels).toContain(label));
  }

  send(label: string, content: string | Buffer, isState = false): void {
    const binary = typeof content !== 'string';
    this.ours.send({ label, binary, payload: Buffer.from(content) }, isState);
  }

  /** What the peer got on this stream, without DCEP. */
  arrivedOn(streamId: number): string[] {
    return this.peer.received
      .filter((message) => message.streamId === streamId && message.ppid !== PPID_DCEP)
      .map(({ payload }) => payload.toString());
  }
}

const until = (check: () => void) => vi.waitFor(check, { interval: 2, timeout: 20_000 });

let pair: Pair;

beforeEach(async () => {
  process.on('unhandledRejection', noteUnhandled);
  unhandled.length = 0;
  pair = await new Pair().connect();
});

afterEach(async () => {
  await pair.stop();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  process.off('unhandledRejection', noteUnhandled);
  expect(unhandled).toEqual([]);
});

describe('channels', () => {
  it('of the peer are known by their labels and acknowledged', async () => {
    await pair.open(0, 'chat');
    await pair.open(2, 'états');
    expect(pair.channels).toEqual(['chat', 'états']);
    await until(() => expect(pair.peer.received.map(({ payload }) => [...payload])).toEqual([[2], [2]]));
  });

  it.each([
    ['server', [1, 3, 5]],
    ['client', [0, 2, 4]],
  ] as const)('that we open as DTLS %s have the ids %j', async (role, ids) => {
    const other = await new Pair(role).connect();
    for (const label of ['a', 'b', 'c', 'a']) other.ours.open(label);
    other.send('a', 'x');
    await until(() => expect(other.peer.received).toHaveLength(4));
    expect(other.peer.received.filter(({ ppid }) => ppid === PPID_DCEP).map(({ streamId }) => streamId)).toEqual(ids);
    await other.stop();
  });

  it('that we open are understood by werift: label, order and reliability', async () => {
    const incoming = pair.peer.transport.onDataChannel.asPromise();
    pair.peer.useDataChannels();
    pair.send('zustand/ö', 'text');
    const [channel] = await incoming;
    expect(channel).toMatchObject({ label: 'zustand/ö', ordered: true, id: 1 });
    expect(channel.maxRetransmits ?? channel.maxPacketLifeTime).toBeNull();
  });

  it('of werift open here, and its messages arrive', async () => {
    pair.peer.useDataChannels();
    const channel = new RTCDataChannel(pair.peer.transport, new RTCDataChannelParameters({ label: 'chat', id: 4 }));
    await until(() => expect(channel.readyState).toBe('open'));
    channel.send('text');
    channel.send(Buffer.from([0, 255]));
    await until(() => expect(pair.messages).toHaveLength(2));
    expect(pair.messages[0]).toMatchObject({ label: 'chat', binary: false, payload: Buffer.from('text') });
    expect(pair.messages[1]).toMatchObject({ label: 'chat', binary: true, payload: Buffer.from([0, 255]) });
  });

  it('are answered on the stream that the peer opened', async () => {
    await pair.open(6, 'chat');
    pair.send('chat', 'hello');
    await until(() => expect(pair.arrivedOn(6)).toEqual(['hello']));
  });

  it('are at most 128, and the others go on', async () => {
    for (let count = 0; count < 140; count++) pair.peer.openChannel(2 * count, `label ${count}`);
    pair.peer.message(0, PPID_TEXT, Buffer.from('known'));
    pair.peer.message(278, PPID_TEXT, Buffer.from('refused'));
    pair.peer.message(2, PPID_TEXT, Buffer.from('known too'));
    await until(() => expect(pair.messages).toHaveLength(2));
    expect(pair.channels).toHaveLength(128);
    expect(pair.messages.map(({ label }) => label)).toEqual(['label 0', 'label 1']);
  });

  it('that we open are at most 128, and what does not fit is told as lost', async () => {
    for (let count = 0; count < 130; count++) pair.send(`label ${count}`, 'x');
    await until(() => expect(pair.peer.received).toHaveLength(256));
    await until(() => expect(pair.lost.map(([label]) => label)).toEqual(['label 128', 'label 129']));
  });

  it('that were reset are forgotten: the id may come back with another label', async () => {
    await pair.open(8, 'first');
    pair.send('first', 'one');
    await until(() => expect(pair.arrivedOn(8)).toEqual(['one']));
    pair.peer.sctp.reconfigQueue.push(8);
    await pair.peer.sctp.transmitReconfigRequest();
    // Both sides reset their half before the id is used again.
    await until(() => expect(pair.peer.sctp.reconfigRequest).toBeUndefined());
    pair.peer.openChannel(8, 'second');
    pair.peer.message(8, PPID_TEXT, Buffer.from('two'));
    await until(() => expect(pair.messages).toHaveLength(1));
    expect(pair.messages[0]?.label).toBe('second');
    expect(pair.channels).toEqual(['first', 'second']);
  });

  it('that a peer closes for ever come to an end, and nothing breaks', () => {
    pair.peer.hold();
    let sequence = pair.peer.internals.localTsn;
    const opened = () => pair.ours.send({ label: 'x', binary: false, payload: Buffer.from('x') }, false);
    for (let nextId = 1; nextId < 65_536; ) {
      const ids: number[] = [];
      for (let count = 0; count < 128; count++, nextId += 2) {
        pair.ours.open(`label ${count}`);
        ids.push(nextId);
      }
      const parameter = Buffer.alloc(16 + 2 * ids.length);
      parameter.writeUInt16BE(13, 0);
      parameter.writeUInt16BE(parameter.length, 2);
      parameter.writeUInt32BE(sequence, 4);
      parameter.writeUInt32BE((pair.peer.internals.localTsn - 1) >>> 0, 12);
      for (const [index, id] of ids.entries()) parameter.writeUInt16BE(id, 16 + 2 * index);
      pair.peer.raw(sctpChunk(130, 0, parameter));
      sequence = (sequence + 1) >>> 0;
    }
    expect(opened()).toBe(false);
    expect(pair.closed).toBe(0);
  });

  it('that were reset take with them what still waited for them', async () => {
    await pair.open(8, 'first');
    await pair.open(10, 'other');
    pair.peer.hold();
    for (let count = 0; count < 300; count++) pair.send('first', `old ${count}`);
    pair.send('other', 'kept');
    pair.peer.sctp.reconfigQueue.push(8);
    await pair.peer.sctp.transmitReconfigRequest();
    await until(() => expect(pair.peer.heldPackets).toBeGreaterThan(3));
    pair.peer.release();
    await until(() => expect(pair.arrivedOn(10)).toEqual(['kept']));
    // Only what werift already had; each message is a packet.
    expect(pair.sentPackets).toBeLessThan(200);
    pair.peer.openChannel(8, 'second');
    await until(() => expect(pair.channels).toContain('second'));
    expect(pair.arrivedOn(8).length).toBeLessThan(100);
  });
});

describe('messages', () => {
  it('arrive as they were sent: text as text, binary as binary, empty as empty', async () => {
    await pair.open(0, 'chat');
    const { peer } = pair;
    peer.message(0, PPID_TEXT, Buffer.from('grüße'));
    peer.message(0, PPID_BINARY, Buffer.from([0, 1, 255]));
    peer.message(0, PPID_TEXT_EMPTY, Buffer.from([0]));
    peer.message(0, PPID_BINARY_EMPTY, Buffer.from([0]));
    peer.message(0, PPID_TEXT, Buffer.from('last'));
    await until(() => expect(pair.messages).toHaveLength(5));
    expect(pair.messages.map(({ binary, payload }) => [binary, payload.toString()])).toEqual([
      [false, 'grüße'],
      [true, Buffer.from([0, 1, 255]).toString()],
      [false, ''],
      [true, ''],
      [false, 'last'],
    ]);
  });

  it('leave as they came, and empty ones do not block those behind them', async () => {
    await pair.open(0, 'chat');
    pair.send('chat', 'text');
    pair.send('chat', '');
    pair.send('chat', Buffer.alloc(0));
    pair.send('chat', Buffer.from([1, 2]));
    pair.send('chat', 'last');
    await until(() => expect(pair.arrivedOn(0)).toHaveLength(5));
    expect(pair.peer.received.slice(1).map(({ ppid, payload }) => [ppid, [...payload].length])).toEqual([
      [PPID_TEXT, 4],
      [PPID_TEXT_EMPTY, 1],
      [PPID_BINARY_EMPTY, 1],
      [PPID_BINARY, 2],
      [PPID_TEXT, 4],
    ]);
  });

  it('of 64 KiB arrive whole in both directions', async () => {
    await pair.open(0, 'chat');
    const payload = Buffer.from(Array.from({ length: 64 * KIB }, (_, index) => index % 251));
    pair.peer.message(0, PPID_BINARY, payload);
    pair.send('chat', payload);
    await until(() => expect(pair.messages).toHaveLength(1));
    expect(Buffer.compare(pair.messages[0]?.payload ?? Buffer.alloc(0), payload)).toBe(0);
    await until(() => expect(pair.arrivedOn(0)).toHaveLength(1));
    expect(Buffer.compare(pair.peer.received.at(-1)?.payload ?? Buffer.alloc(0), payload)).toBe(0);
  });

  it('over 64 KiB are refused and told, and those behind them arrive', async () => {
    await pair.open(0, 'chat');
    pair.peer.message(0, PPID_BINARY, Buffer.alloc(64 * KIB + 1));
    pair.peer.message(0, PPID_TEXT, Buffer.from('after'));
    await until(() => expect(pair.messages).toHaveLength(1));
    expect(pair.tooLarge).toEqual(['chat']);
  });

  it.each<[string, (peer: SctpPeer) => void]>([
    ['an unknown payload protocol', (peer) => peer.message(0, 99, Buffer.from('?'))],
    ['a DCEP acknowledgement of nothing', (peer) => peer.message(777, PPID_DCEP, Buffer.from([2]))],
    ['an unknown DCEP message', (peer) => peer.message(0, PPID_DCEP, Buffer.from([9, 9, 9]))],
    ['a label of 300 bytes', (peer) => peer.openChannel(20, 'x'.repeat(300))],
    ['a DCEP open that is cut', (peer) => peer.message(20, PPID_DCEP, channelOpen('label').subarray(0, 11))],
    ['a message on a stream that nobody opened', (peer) => peer.message(555, PPID_TEXT, Buffer.from('?'))],
    ['a garbage packet', (peer) => peer.raw(Buffer.from('garbage'))],
  ])('go on after %s', async (_name, disturb) => {
    await pair.open(0, 'chat');
    disturb(pair.peer);
    pair.peer.message(0, PPID_TEXT, Buffer.from('after'));
    pair.send('chat', 'and back');
    await until(() => expect(pair.messages.map(({ payload }) => payload.toString())).toEqual(['after']));
    await until(() => expect(pair.arrivedOn(0)).toEqual(['and back']));
  });

  it('before the association are not sent, after close neither', async () => {
    const other = new Pair();
    other.send('early', 'x');
    other.ours.open('early');
    expect(other.ours.isReady).toBe(false);
    await other.connect();
    expect(other.ours.isReady).toBe(true);
    other.send('chat', 'x');
    await until(() => expect(other.arrivedOn(1)).toEqual(['x']));
    other.ours.close();
    other.ours.close();
    other.send('chat', 'y');
    other.ours.tell({ type: 'late' });
    await new Promise(setImmediate);
    expect(other.arrivedOn(1)).toEqual(['x']);
    expect(other.lost).toEqual([]);
    await other.stop();
  });

  it('are no longer sent when the peer ends the association', async () => {
    await pair.peer.stop();
    await until(() => expect(pair.closed).toBe(1));
    expect(pair.ours.isReady).toBe(false);
    pair.send('chat', 'x');
    expect(pair.lost).toEqual([]);
  });

  it('to the client itself go over its control channel, when it opened one', async () => {
    pair.ours.tell({ type: 'unheard' });
    await pair.open(0, CONTROL_LABEL);
    pair.ours.tell({ type: 'heard' });
    await until(() => expect(pair.arrivedOn(0)).toEqual(['{"type":"heard"}']));
  });
});

describe('a peer that does not read', () => {
  const notes = () => pair.arrivedOn(0).map((note) => JSON.parse(note) as Record<string, unknown>);

  beforeEach(async () => {
    await pair.open(0, CONTROL_LABEL);
    await pair.open(2, 'chat');
    await pair.open(4, 'state');
    await until(() => expect(pair.peer.received).toHaveLength(3));
  });

  it('has a bounded number of messages waiting, and is told how many it missed when it reads again', async () => {
    pair.peer.hold();
    for (let count = 0; count < 2000; count++) pair.send('chat', `message ${count}`);
    expect(pair.lost).toEqual([]);
    pair.peer.release();
    await until(() => expect(pair.lost).toHaveLength(1));
    const [label, missed] = pair.lost[0] ?? ['', 0];
    expect(label).toBe('chat');
    await until(() => expect(pair.arrivedOn(2)).toHaveLength(2000 - missed));
    expect(2000 - missed).toBeLessThan(700);
    expect(pair.arrivedOn(2)).toEqual(Array.from({ length: 2000 - missed }, (_, count) => `message ${count}`));
    await until(() => expect(notes()).toEqual([{ type: 'lost', label: 'chat', messages: missed }]));
    pair.send('chat', 'in time');
    await until(() => expect(pair.arrivedOn(2).at(-1)).toBe('in time'));
    expect(pair.lost).toHaveLength(1);
  });

  it('has a bounded number of bytes waiting, and one report for all that it missed', async () => {
    pair.peer.hold();
    for (let count = 0; count < 60; count++) pair.send('chat', Buffer.alloc(64 * KIB, count));
    pair.peer.release();
    await until(() => expect(pair.lost.length).toBeGreaterThan(0));
    const missed = pair.lost[0]?.[1] ?? 0;
    await until(() => expect(pair.arrivedOn(2)).toHaveLength(60 - missed));
    // A MiB of ours, and what werift took.
    expect(60 - missed).toBeLessThanOrEqual(18);
    await until(() => expect(notes()).toEqual([{ type: 'lost', label: 'chat', messages: missed }]));
    expect(pair.lost).toHaveLength(1);
  });

  it('gets the newest message of a state afterwards, and no other', async () => {
    pair.peer.hold();
    for (let count = 0; count < 700; count++) pair.send('chat', 'x'.repeat(100));
    for (let count = 0; count < 5; count++) pair.send('state', `state ${count}`, true);
    pair.peer.release();
    await until(() => expect(pair.arrivedOn(4)).toEqual(['state 4']));
    expect(new Map(pair.lost).get('state')).toBe(5);
    expect(pair.lost).toHaveLength(2);
  });

  it('gets large states once there is room, each lost message counted once', async () => {
    pair.peer.hold();
    for (let count = 0; count < 40; count++) pair.send('chat', Buffer.alloc(64 * KIB, 1));
    pair.send('state', 'a'.repeat(64 * KIB), true);
    pair.send('state', 'b'.repeat(64 * KIB), true);
    pair.peer.release();
    await until(() => expect(pair.arrivedOn(4)).toHaveLength(1));
    expect(pair.arrivedOn(4)[0]?.[0]).toBe('b');
    expect(pair.lost.filter(([label]) => label === 'state')).toEqual([['state', 2]]);
  });

  it('hears of what was lost before its queue in the same way', async () => {
    pair.ours.lose({ label: 'state', binary: false, payload: Buffer.from('newest') }, true, 7);
    await until(() => expect(pair.arrivedOn(4)).toEqual(['newest']));
    expect(pair.lost).toEqual([['state', 7]]);
    await until(() => expect(notes()).toEqual([{ type: 'lost', label: 'state', messages: 7 }]));
  });

  it('gets no old state after a newer one', async () => {
    pair.peer.hold();
    for (let count = 0; count < 700; count++) pair.send('chat', 'x');
    pair.send('state', 'lost', true);
    pair.peer.release();
    await until(() => expect(pair.arrivedOn(4)).toEqual(['lost']));
    pair.send('state', 'newer', true);
    await until(() => expect(pair.arrivedOn(4)).toEqual(['lost', 'newer']));
    expect(pair.lost.filter(([label]) => label === 'state')).toEqual([['state', 1]]);
  });

  it('hurts no other', async () => {
    const other = await new Pair().connect();
    pair.peer.hold();
    for (let count = 0; count < 1000; count++) {
      pair.send('chat', `message ${count}`);
      if (count % 10 === 0) other.send('chat', `message ${count}`);
    }
    await until(() => expect(other.arrivedOn(1)).toHaveLength(100));
    expect(other.lost).toEqual([]);
    await other.stop();
  });

  it('cannot fill our memory by opening the same channel again and again', async () => {
    pair.peer.received.length = 0;
    pair.peer.hold();
    // Its own packets still go out: werift needs no answer for the first few, so they go by hand.
    let { localTsn } = pair.peer.internals;
    for (let count = 1; count <= 3000; count++, localTsn++) {
      const options = { tsn: localTsn, streamId: 2, sequence: count, ppid: PPID_DCEP };
      pair.peer.raw(dataChunk(options, channelOpen('chat')));
    }
    pair.peer.internals.localTsn = localTsn;
    await new Promise(setImmediate);
    pair.peer.release();
    // Lost, since the queue is full; the peer hears of it when the queue has been sent.
    pair.send(CONTROL_LABEL, 'end');
    await until(() => expect(notes()).toHaveLength(1));
    const acknowledged = pair.peer.received.filter(({ ppid }) => ppid === PPID_DCEP).length;
    expect(acknowledged).toBeGreaterThan(0);
    expect(acknowledged).toBeLessThan(700);
  });
});
