// What every fan-out engine does, held against both on real sockets; the receiving side is our own SRTP session.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseRtp, readExtension, rtpPayload } from '../../rtp/packet.ts';
import { parseRtcp } from '../../rtp/rtcp.ts';
import { LoopbackPeer } from '../../test/transport-peers.ts';
import { SrtpSession } from '../transport/srtp.ts';
import { type SrtpProfile, saltLength } from '../transport/srtp-keys.ts';
import { UdpFront } from '../transport/udp-front.ts';
import { loadNativeModule } from './choose-engine.ts';
import {
  absSendTime,
  type FanoutEngine,
  type FanoutMember,
  type FanoutPacket,
  type FanoutRoute,
  MAX_PAYLOAD_BYTES,
  type MemberKeys,
  NOT_SENT,
} from './engine.ts';
import { NativeEngine, type NativeModule } from './native-engine.ts';
import { PortableEngine } from './portable-engine.ts';

const CNAME = 'contract';
/** As a dual-stack socket names it. */
const LOOPBACK = '::ffff:127.0.0.1';
const NO_IDS = { mid: 0, sendTime: 0, orientation: 0, audioLevel: 0, captureTime: 0 };
const ALL_IDS = { mid: 1, sendTime: 2, orientation: 3, audioLevel: 4, captureTime: 5 };

/** Undefined where it was not compiled. With REQUIRE_NATIVE=1 that is a failure; else its tests are left out, and that is said. */
function nativeModule(): NativeModule | undefined {
  try {
    return loadNativeModule();
  } catch (error) {
    if (process.env.REQUIRE_NATIVE) throw error;
    process.stderr.write(`${String(error)}: tests of the native engine are left out.\n`);
    return undefined;
  }
}

const module = nativeModule();

type Make = (front: UdpFront) => FanoutEngine;
const native =
  (module: NativeModule, maySegment: boolean): Make =>
  (front) =>
    new NativeEngine({
      module,
      fd: front.fileDescriptor ?? -1,
      isIpv6: front.hasIpv6,
      cname: CNAME,
      maySegment,
    });

const ENGINES: readonly (readonly [string, Make])[] = [
  ...(module
    ? ([
        ['native', native(module, true)],
        ['native without segments', native(module, false)],
      ] as const)
    : []),
  ['portable', (front) => new PortableEngine({ sender: front, cname: CNAME })],
];
const CASES = ENGINES.flatMap(([name, make]) =>
  ([7, 1] as const).map((profile) => [name, profile === 7 ? 'AES-GCM' : 'AES-CM', make, profile] as const),
);

function keysOf(profile: SrtpProfile, seed: number): MemberKeys {
  return { profile, key: Buffer.alloc(16, seed), salt: Buffer.alloc(saltLength(profile), seed + 1) };
}

/** A member's other side: a socket, and the keys to read with. */
class Receiver {
  readonly peer: LoopbackPeer;
  readonly #srtp: SrtpSession;

  constructor(peer: LoopbackPeer, { profile, key, salt }: MemberKeys) {
    this.peer = peer;
    this.#srtp = new SrtpSession({ profile, localKey: key, localSalt: salt, remoteKey: key, remoteSalt: salt });
  }

  /** The datagrams that came, once there are so many. */
  async datagrams(count: number): Promise<readonly Buffer[]> {
    const came = () => expect(this.peer.received.length).toBeGreaterThanOrEqual(count);
    await vi.waitFor(came, { interval: 2, timeout: 10_000 });
    return this.peer.received;
  }

  async packets(count: number) {
    return (await this.datagrams(count)).map((datagram) => {
      const plain = this.#srtp.unprotectRtp(datagram);
      const packet = plain && parseRtp(plain);
      if (!packet) throw new Error('a packet is not authentic');
      return packet;
    });
  }

  async rtcp(count: number) {
    return (await this.datagrams(count)).map((datagram) => {
      const plain = this.#srtp.unprotectRtcp(datagram);
      if (!plain) throw new Error('an RTCP packet is not authentic');
      return { packets: parseRtcp(plain), bytes: plain };
    });
  }
}

function video(index: number, given: Partial<FanoutPacket> = {}): FanoutPacket {
  const payload = Buffer.from(`video ${index}`.padEnd(40, '.'));
  const timestamp = (index * 3000) >>> 0;
  return {
    kind: 'video',
    marker: false,
    index,
    timestamp,
    payload,
    extensions: undefined,
    sendTime: NOT_SENT,
    padding: 0,
    ...given,
  };
}

function audio(index: number): FanoutPacket {
  return { ...video(index), kind: 'audio', payload: Buffer.from(`audio ${index}`) };
}

function route(given: Partial<FanoutRoute> = {}): FanoutRoute {
  return {
    ssrc: 0xdead_beef,
    payloadType: 97,
    indexOffset: 0,
    firstIndex: 0,
    liveIndex: 0,
    mid: 'v',
    extensionIds: NO_IDS,
    ...given,
  };
}

describe.each(CASES)('the %s engine with %s', (_name, _profileName, make, profile) => {
  let front: UdpFront;
  let engine: FanoutEngine;
  const peers: LoopbackPeer[] = [];

  beforeEach(async () => {
    front = await UdpFront.bind(0, '::');
    engine = make(front);
  });

  afterEach(async () => {
    engine.close();
    for (const peer of peers.splice(0)) peer.close();
    await front.close();
  });

  /** It hears this engine only: a port may have belonged to a test that somebody still sends to. */
  async function openPeer(): Promise<LoopbackPeer> {
    const peer = await LoopbackPeer.open();
    peers.push(peer);
    await new Promise<void>((resolve) => peer.socket.connect(front.port, '127.0.0.1', resolve));
    return peer;
  }

  async function receiver(keys: MemberKeys): Promise<Receiver> {
    return new Receiver(await openPeer(), keys);
  }

  /** One member in a group of its own, reachable and with a route for video. */
  async function one(given: Partial<FanoutRoute> = {}) {
    const keys = keysOf(profile, 1);
    const to = await receiver(keys);
    const group = engine.addGroup();
    const member = group.addMember(keys);
    member.moveTo({ address: LOOPBACK, port: to.peer.port });
    member.setRoute('video', route(given));
    return { group, member, to };
  }

  it('gives each member its own header and keys, and the same payload', async () => {
    const group = engine.addGroup();
    const members = await Promise.all(
      [1, 2, 3].map(async (seed) => {
        const keys = keysOf(profile, seed * 10);
        const to = await receiver(keys);
        const member = group.addMember(keys);
        member.moveTo({ address: LOOPBACK, port: to.peer.port });
        member.setRoute('video', route({ ssrc: seed, payloadType: 100 + seed, indexOffset: seed * 1000 }));
        return { seed, to };
      }),
    );
    group.send([video(7), video(8, { marker: true })], 0);
    for (const { seed, to } of members) {
      const packets = await to.packets(2);
      expect(packets).toMatchObject([
        { ssrc: seed, payloadType: 100 + seed, sequence: 7 + seed * 1000, timestamp: 21_000, marker: false },
        { ssrc: seed, payloadType: 100 + seed, sequence: 8 + seed * 1000, timestamp: 24_000, marker: true },
      ]);
      expect(packets.map((packet) => Buffer.from(rtpPayload(packet)).toString())).toEqual([
        'video 7'.padEnd(40, '.'),
        'video 8'.padEnd(40, '.'),
      ]);
      expect(packets[0]?.extensionLength).toBe(0);
    }
  });

  it.each([0, 1, 32_767, 32_768, 65_534, 65_535])('goes on over the roll-over after number %i', async (start) => {
    const { group, to } = await one();
    const indexes = [start, start + 1, start + 2, start + 30_000, start + 60_000, start + 65_536];
    for (const index of indexes) group.send([video(index)], 0);
    expect((await to.packets(indexes.length)).map(({ sequence }) => sequence)).toEqual(indexes.map((n) => n & 0xffff));
  });

  it('writes the extensions that the member negotiated, under its ids', async () => {
    const { group, to } = await one({ mid: 'video0', extensionIds: ALL_IDS });
    const captureTime = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    group.send([video(1, { extensions: { orientation: 0x0d, audioLevel: 0x85, captureTime } })], 1_234_567.25);
    group.send([video(2)], 1_234_600);
    const [first, second] = await to.packets(2);
    const read = (packet: typeof first, id: number) => packet && readExtension(packet, id);
    expect(Buffer.from(read(first, 1) ?? []).toString()).toBe('video0');
    expect(Buffer.from(read(first, 2) ?? []).readUIntBE(0, 3)).toBe(absSendTime(1_234_567.25));
    expect([...(read(first, 3) ?? [])]).toEqual([0x0d]);
    expect([...(read(first, 4) ?? [])]).toEqual([0x85]);
    expect(Uint8Array.from(read(first, 5) ?? [])).toEqual(captureTime);
    expect([3, 4, 5].map((id) => read(second, id))).toEqual([undefined, undefined, undefined]);
    expect(Buffer.from(rtpPayload(second ?? raise())).toString()).toMatch(/^video 2/);
  });

  it('sends only what the member has a route for, from the first packet that is meant for it', async () => {
    const { group, member, to } = await one({ firstIndex: 5 });
    group.send([video(4), audio(4), video(5), audio(5)], 0);
    member.setRoute('video', undefined);
    group.send([video(6)], 0);
    member.setRoute('audio', route({ ssrc: 2, payloadType: 111 }));
    group.send([video(7), audio(7)], 0);
    const packets = await to.packets(2);
    expect(packets.map(({ ssrc, sequence }) => [ssrc, sequence])).toEqual([
      [0xdead_beef, 5],
      [2, 7],
    ]);
    expect(member.counters()).toMatchObject({ packets: { video: 1, audio: 1 }, octets: { video: 40, audio: 7 } });
  });

  it('keeps a batch in order, whatever the sizes of its packets', async () => {
    const { group, to } = await one();
    const sizes = [900, 900, 901, 901, 901, 40, 900, 1, MAX_PAYLOAD_BYTES, 900, 900, 7, 8, 9, 9, 9, 8];
    group.send(
      sizes.map((size, at) => video(at, { payload: Buffer.alloc(size, at + 1) })),
      0,
    );
    const packets = await to.packets(sizes.length);
    expect(packets.map(({ sequence, payloadLength }) => [sequence, payloadLength])).toEqual([...sizes.entries()]);
    expect(packets.every((packet) => rtpPayload(packet).every((byte) => byte === packet.sequence + 1))).toBe(true);
  });

  it('sends a large frame to many members without a gap', async () => {
    const group = engine.addGroup();
    const receivers = await Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        const keys = keysOf(profile, at + 1);
        const to = await receiver(keys);
        const member = group.addMember(keys);
        member.moveTo({ address: LOOPBACK, port: to.peer.port });
        member.setRoute('video', route({ ssrc: at + 1 }));
        return to;
      }),
    );
    group.send(
      Array.from({ length: 64 }, (_, at) => video(at, { payload: Buffer.alloc(1100, at) })),
      0,
    );
    for (const to of receivers) {
      expect((await to.packets(64)).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 64 }, (_, at) => at));
    }
    expect(engine.counters()).toMatchObject({ packetsSent: 40 * 64, packetsBlocked: 0, packetsFailed: 0 });
  });

  it('repeats a packet of a frame that was split unevenly byte for byte', async () => {
    const { group, member, to } = await one();
    const frame = [1000, 1000, 1001, 1001].map((size, index) => video(index, { payload: Buffer.alloc(size, 1) }));
    group.send(frame, 0);
    for (const packet of frame) member.repeat(packet, undefined);
    const datagrams = await to.datagrams(8);
    expect(datagrams.slice(4)).toEqual(datagrams.slice(0, 4));
    expect(member.counters().octets.video).toBe(2 * 4002);
  });

  it('repeats a packet byte for byte, also when another send time has come', async () => {
    const { group, member, to } = await one({ extensionIds: ALL_IDS });
    const packet = video(3);
    group.send([packet], 1000);
    group.send([video(4)], 2000);
    member.repeat(packet, undefined);
    const [first, , repeated] = await to.datagrams(3);
    expect(repeated).toEqual(first);
  });

  it('repeats by RFC 4588 under numbers of its own', async () => {
    const { group, member, to } = await one({ indexOffset: 100 });
    const packet = video(65_530);
    group.send([packet], 0);
    member.repeat(packet, { ssrc: 77, payloadType: 99, index: 65_535, sendTime: 7 });
    member.repeat(packet, { ssrc: 77, payloadType: 99, index: 65_536, sendTime: 7 });
    const [original, first, second] = await to.packets(3);
    expect(original).toMatchObject({ sequence: 94, ssrc: 0xdead_beef });
    expect([first, second]).toMatchObject([
      { sequence: 65_535, ssrc: 77, payloadType: 99, timestamp: original?.timestamp },
      { sequence: 0, ssrc: 77, payloadType: 99 },
    ]);
    const payload = Buffer.from(rtpPayload(first ?? raise()));
    expect(payload.readUInt16BE(0)).toBe(94);
    expect(payload.subarray(2)).toEqual(packet.payload);
    expect(member.counters().packets.video).toBe(1);
  });

  it('does not repeat what the member was never meant to get', async () => {
    const { member, to } = await one({ firstIndex: 10 });
    member.repeat(video(9, { sendTime: 0 }), { ssrc: 77, payloadType: 99, index: 1, sendTime: 7 });
    member.repeat(video(9, { sendTime: 0 }), undefined);
    member.repeat(video(10, { sendTime: 0 }), undefined);
    expect((await to.packets(1)).map(({ sequence }) => sequence)).toEqual([10]);
  });

  it('sends to one member alone what lies before its live index, and the group’s packets from there on', async () => {
    const { group, member, to } = await one({ firstIndex: 5, liveIndex: 8, indexOffset: 100 });
    const behind = [video(4), video(5), video(6)];
    member.send(behind, 64_001);
    group.send([video(6), video(7), video(8)], 0);
    expect((await to.packets(3)).map(({ sequence }) => sequence)).toEqual([105, 106, 108]);
    expect(behind.map(({ sendTime }) => sendTime)).toEqual(Array(3).fill(absSendTime(64_001)));
    expect(member.counters().packets.video).toBe(3);
  });

  it('repeats byte for byte what was sent to one member alone, from a copy that was not told how it left', async () => {
    const { member, to } = await one({ liveIndex: 100 });
    const [long, short] = [video(7, { payload: Buffer.alloc(1000, 1) }), video(8, { payload: Buffer.alloc(999, 2) })];
    const copy = { ...short };
    member.send([long, short], 64_001);
    member.repeat({ ...copy, sendTime: absSendTime(64_001) }, undefined);
    const [, first, again] = await to.datagrams(3);
    expect(again).toEqual(first);
  });

  it('reports each kind that was sent, with its counts, on the clock that it is given', async () => {
    const { group, member, to } = await one();
    member.report({ seconds: 1, fraction: 2 }, { video: 3 });
    group.send([video(1), video(2)], 0);
    await to.packets(2);
    to.peer.received.length = 0;
    member.report({ seconds: 0xe000_0001, fraction: 5 }, { audio: 1, video: 0xffff_fff0 });
    const [report] = await to.rtcp(1);
    expect(report?.packets).toMatchObject([
      {
        type: 'sender-report',
        ssrc: 0xdead_beef,
        ntp: { seconds: 0xe000_0001, fraction: 5 },
        rtpTimestamp: 0xffff_fff0,
        packetCount: 2,
        octetCount: 80,
      },
    ]);
    // SDES with the CNAME ends the compound packet (RFC 3550 §6.1).
    expect(report?.bytes.subarray(28).toString('latin1')).toContain(CNAME);
    expect(to.peer.received).toHaveLength(1);
  });

  it('reports sound and picture apart, each with an index of its own', async () => {
    const { group, member, to } = await one();
    member.setRoute('audio', route({ ssrc: 5, payloadType: 111 }));
    group.send([video(1), audio(1)], 0);
    await to.packets(2);
    to.peer.received.length = 0;
    for (let at = 0; at < 3; at++) member.report({ seconds: at, fraction: 0 }, { audio: at, video: at });
    member.sendRtcp(Buffer.from('80c9000100000007', 'hex'));
    const reports = await to.rtcp(7);
    expect(reports.flatMap(({ packets }) => packets.map(({ type }) => type))).toEqual([
      ...Array<string>(6).fill('sender-report'),
      'receiver-report',
    ]);
  });

  it('drops and counts what has nowhere to go', () => {
    const group = engine.addGroup();
    const member = group.addMember(keysOf(profile, 1));
    member.setRoute('video', route());
    member.moveTo({ address: LOOPBACK, port: 0 });
    group.send([video(1), video(2)], 0);
    expect(member.counters()).toMatchObject({ dropped: 2, packets: { video: 0 } });
    expect(engine.counters()).toMatchObject({ packetsSent: 0, packetsFailed: 2 });
  });

  it('follows a member that moves', async () => {
    const { group, member, to } = await one();
    const elsewhere = await openPeer();
    group.send([video(1)], 0);
    await to.packets(1);
    member.moveTo({ address: LOOPBACK, port: elsewhere.port });
    group.send([video(2)], 0);
    await vi.waitFor(() => expect(elsewhere.received).toHaveLength(1), { interval: 2, timeout: 10_000 });
    expect(to.peer.received).toHaveLength(1);
  });

  it('forgets members and groups that are removed, and ignores what is still asked of them', async () => {
    const { group, member, to } = await one();
    const others = Array.from({ length: 200 }, (_, at) => group.addMember(keysOf(profile, at % 200)));
    expect(engine.counters()).toMatchObject({ members: 201, groups: 1 });
    for (const other of others) other.remove();
    group.send([video(1)], 0);
    await to.packets(1);
    member.remove();
    member.remove();
    useAll(member);
    group.send([video(2)], 0);
    group.addMember(keysOf(profile, 3));
    group.remove();
    group.remove();
    expect(engine.counters()).toMatchObject({ members: 0, groups: 0 });
    expect(to.peer.received).toHaveLength(1);
  });
});

function useAll(member: FanoutMember): void {
  member.moveTo({ address: LOOPBACK, port: 9 });
  member.setRoute('video', route());
  member.repeat(video(1, { sendTime: 0 }), undefined);
  member.sendRtcp(Buffer.from('80c9000100000007', 'hex'));
  member.report({ seconds: 0, fraction: 0 }, { video: 1 });
}

function raise(): never {
  throw new Error('a packet is missing');
}
