import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { DataChannel, PeerConnection } from 'node-datachannel';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DtlsClient } from 'werift';
import type { Role } from '../../broadcast/ports.ts';
import { honestRequest, LoopbackPeer } from '../../test/transport-peers.ts';
import { negotiatePublisher, negotiateViewer, writeAnswer } from '../sdp/answer.ts';
import { parseOffer } from '../sdp/offer.ts';
import { candidateLines } from './candidates.ts';
import { createDtlsCertificate, type DtlsCertificate } from './certificate.ts';
import type { ChannelMessage } from './data-channels.ts';
import { Dtls, isDtls, type SrtpKeys } from './dtls.ts';
import { GONE_AFTER_MS, SETUP_TIMEOUT_MS, Transport, type TransportOwner } from './transport.ts';
import { type RemoteAddress, UdpFront } from './udp-front.ts';

// The ESM entry of node-datachannel does not load.
const datachannel = createRequire(import.meta.url)('node-datachannel') as typeof import('node-datachannel');

/** Version 2, payload type 96, SSRC 1234. */
const RTP = '806000010000000a000004d2cafe';
/** An empty receiver report of SSRC 1. */
const REPORT = '80c9000100000001';

const until = (check: () => void) => vi.waitFor(check, { interval: 5, timeout: 8000 });

class RecordingOwner implements TransportOwner {
  readonly events: string[] = [];
  readonly messages: ChannelMessage[] = [];
  readonly rtp: Buffer[] = [];
  readonly rtcp: Buffer[] = [];

  keys: SrtpKeys | undefined;
  remote: RemoteAddress | undefined;
  /** Where the peer went, in order. */
  readonly moves: RemoteAddress[] = [];

  onConnected(keys: SrtpKeys | undefined, remote: RemoteAddress): void {
    this.keys = keys;
    this.remote = remote;
    this.events.push('connected');
  }

  /** Of its end. */
  detail: string | undefined;

  onMoved(remote: RemoteAddress): void {
    this.moves.push(remote);
  }

  onRtp(packet: Buffer): void {
    this.rtp.push(packet);
  }

  onRtcp(packet: Buffer): void {
    this.rtcp.push(packet);
  }

  onDataReady(): void {
    this.events.push('data-ready');
  }

  onDataChannel(label: string): void {
    this.events.push(`channel ${label}`);
  }

  onDataMessage(message: ChannelMessage): void {
    this.messages.push(message);
  }

  onDataTooLarge(): void {}
  onDataLost(): void {}

  onSilent(): void {
    this.events.push('silent');
  }

  onActive(): void {
    this.events.push('active');
  }

  onClosed(reason: string, detail: string): void {
    this.events.push(`closed ${reason}`);
    this.detail = detail;
  }
}

let certificate: DtlsCertificate;
let front: UdpFront;
let credentialCount = 0;

beforeAll(async () => {
  certificate = await createDtlsCertificate();
});

beforeEach(async () => {
  front = await UdpFront.bind(0, '127.0.0.1');
});

const connections: PeerConnection[] = [];
/** Native objects that must outlive the callbacks of their threads. */
const kept: unknown[] = [];
const transports: Transport[] = [];
const troubles: unknown[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) if (connection.state() !== 'closed') connection.close();
  for (const transport of transports.splice(0)) transport.close();
  expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
  await front.close();
});

function newCredentials(): { usernameFragment: string; password: string } {
  return { usernameFragment: `fragment${credentialCount++}`, password: 'a-password-of-24-letters' };
}

/** libdatachannel (which OBS uses) as the peer of one Transport. */
class Call {
  readonly owner = new RecordingOwner();
  readonly credentials = newCredentials();
  readonly connection: PeerConnection;
  readonly states: string[] = [];
  nowMs: () => number = Date.now;
  readonly received: (string | Buffer | ArrayBuffer)[] = [];
  #channel: DataChannel | undefined;
  #transport: Transport | undefined;

  constructor() {
    this.connection = new datachannel.PeerConnection('peer', { iceServers: [], bindAddress: '127.0.0.1' });
    connections.push(this.connection);
    kept.push(this.connection);
    this.connection.onStateChange((state) => this.states.push(state));
  }

  get channel(): DataChannel {
    if (!this.#channel) throw new Error('no data channel');
    return this.#channel;
  }

  withChannel(): this {
    this.#channel = this.connection.createDataChannel('chat');
    kept.push(this.#channel);
    this.#channel.onMessage((message) => this.received.push(message));
    return this;
  }

  get transport(): Transport {
    if (!this.#transport) throw new Error('not opened yet');
    return this.#transport;
  }

  /** Offer, changed on its way, and answer. */
  open(role: Role = 'viewer', change = (sdp: string) => sdp): this {
    this.connection.setLocalDescription();
    const offer = parseOffer(change(this.connection.localDescription()?.sdp ?? ''));
    const negotiation = role === 'publisher' ? negotiatePublisher(offer) : negotiateViewer(offer, [], () => 1);
    this.#transport = new Transport({
      onTrouble: (error) => troubles.push(error),
      id: 'transport',
      front,
      credentials: this.credentials,
      certificate,
      dtlsRole: negotiation.dtlsRole,
      remoteFingerprints: offer.fingerprints,
      sctpPort: negotiation.data?.sctpPort,
      role,
      owner: this.owner,
      hasMedia: negotiation.media.length > 0,
      now: () => this.nowMs(),
    });
    transports.push(this.#transport);
    const answer = writeAnswer(
      offer,
      negotiation,
      {
        iceUsernameFragment: this.credentials.usernameFragment,
        icePassword: this.credentials.password,
        candidates: candidateLines({
          announced: ['127.0.0.1'],
          host: [],
          hints: [],
          role: 'publisher',
          port: front.port,
          ipv6: false,
        }),
        fingerprint: certificate.fingerprint,
        sessionId: '1',
      },
      { direction: role === 'publisher' ? 'recvonly' : 'sendonly', msid: 'stream', cname: 'cname' },
    );
    this.connection.setRemoteDescription(answer, 'answer');
    return this;
  }

  async connected(): Promise<this> {
    await until(() => expect(this.owner.events).toEqual(['connected', 'data-ready', 'channel chat']));
    await until(() => expect(this.channel.isOpen()).toBe(true));
    return this;
  }
}

describe('a transport to libdatachannel', () => {
  it('connects, and data flows both ways as it was sent', async () => {
    const call = await new Call().withChannel().open().connected();
    expect(call.transport.isConnected).toBe(true);
    expect(call.transport.isPending).toBe(false);
    call.channel.sendMessage('text');
    call.channel.sendMessageBinary(Buffer.from([0, 1, 255]));
    await until(() => expect(call.owner.messages).toHaveLength(2));
    expect(call.owner.messages[0]).toMatchObject({ label: 'chat', binary: false, payload: Buffer.from('text') });
    expect(call.owner.messages[1]).toMatchObject({ label: 'chat', binary: true, payload: Buffer.from([0, 1, 255]) });
    call.transport.data?.send({ label: 'chat', binary: false, payload: Buffer.from('back') }, false);
    call.transport.data?.send({ label: 'chat', binary: true, payload: Buffer.alloc(65_536, 7) }, false);
    await until(() => expect(call.received).toHaveLength(2));
    expect(call.received[0]).toBe('back');
    expect(Buffer.compare(Buffer.from(call.received[1] as ArrayBuffer), Buffer.alloc(65_536, 7))).toBe(0);
  });

  it('lets libdatachannel close a channel, and open another', async () => {
    const call = await new Call().withChannel().open().connected();
    call.transport.data?.send({ label: 'chat', binary: false, payload: Buffer.from('before') }, false);
    await until(() => expect(call.received).toEqual(['before']));
    const first = call.channel;
    let closed = 0;
    first.onClosed(() => closed++);
    first.close();
    await until(() => expect(closed).toBe(1));
    call.withChannel();
    await until(() => expect(call.channel.isOpen()).toBe(true));
    call.channel.sendMessage('again');
    await until(() => expect(call.owner.messages.map(({ payload }) => payload.toString())).toEqual(['again']));
    call.transport.data?.send({ label: 'chat', binary: false, payload: Buffer.from('after') }, false);
    await until(() => expect(call.received).toEqual(['before', 'after']));
  });

  it('opens channels that libdatachannel sees', async () => {
    const call = new Call().withChannel();
    const labels: string[] = [];
    call.connection.onDataChannel((channel) => {
      kept.push(channel);
      labels.push(channel.getLabel());
    });
    await call.open().connected();
    call.transport.data?.open('state/scores');
    await until(() => expect(labels).toEqual(['state/scores']));
  });

  it('tells the peer when it closes, and its owner nothing', async () => {
    const call = await new Call().withChannel().open().connected();
    const events = call.owner.events.length;
    call.transport.close();
    call.transport.close();
    await until(() => expect(call.states).toContain('closed'));
    expect(call.channel.isOpen()).toBe(false);
    expect(call.owner.events).toHaveLength(events);
    expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
    call.transport.tick(Date.now() + GONE_AFTER_MS * 2);
    call.transport.restartIce(newCredentials());
    expect(call.owner.events).toHaveLength(events);
  });

  it('tells its owner when the peer closes, and forgets everything', async () => {
    const call = await new Call().withChannel().open().connected();
    call.connection.close();
    await until(() => expect(call.owner.events.at(-1)).toBe('closed closed-by-peer'));
    expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
  });

  // Its certificate may be forged, so it is no end yet: that is when the right one has not come in time.
  it('refuses a peer that is not the one of the offer, and says so when setup has taken too long', async () => {
    const receive = vi.spyOn(Dtls.prototype, 'receive');
    const call = new Call().withChannel();
    call.open('viewer', (sdp) => sdp.replace(/sha-256 ..:/, 'sha-256 00:'));
    await until(() => expect(receive.mock.contexts[0]).toMatchObject({ refused: expect.any(String) }));
    receive.mockRestore();
    expect(call.owner.events).toEqual([]);
    call.transport.tick(Date.now() + SETUP_TIMEOUT_MS + 1000);
    expect(call.owner.events).toEqual(['closed setup-timeout']);
    expect(call.owner.detail).toContain('certificate does not have the fingerprint of the SDP');
    expect(front.size.clients).toBe(0);
  });

  it('is silent after missing two of its checks, active again by the next, gone after 30 s of nothing', async () => {
    // All that comes, comes at one moment, however long this process is kept from its work.
    const heardMs = 1_000_000;
    const call = new Call().withChannel();
    call.nowMs = () => heardMs;
    await call.open().connected();
    call.owner.events.length = 0;
    call.transport.tick(heardMs + 11_000);
    expect(call.owner.events).toEqual([]);
    call.transport.tick(heardMs + 12_500);
    call.transport.tick(heardMs + 13_000);
    expect(call.owner.events).toEqual(['silent']);
    call.channel.sendMessage('here');
    await until(() => expect(call.owner.events).toEqual(['silent', 'active']));
    call.transport.tick(heardMs + GONE_AFTER_MS + 1000);
    expect(call.owner.events).toEqual(['silent', 'active', 'closed silent']);
    expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
  });
});

describe('a publisher of libdatachannel', () => {
  it('sends media that arrives decrypted, is missed soon when all of it ends, and later when it sent no media', async () => {
    const call = new Call();
    const video = new datachannel.Video('video', 'SendOnly');
    video.addH264Codec(96);
    video.addSSRC(1234, 'cname', 'stream', 'track');
    const track = call.connection.addTrack(video);
    kept.push(video, track);
    // All that comes, comes at one moment, however long this process is kept from its work.
    const mediaMs = 1_000_000;
    call.nowMs = () => mediaMs;
    call.open('publisher');
    await until(() => expect(track.isOpen()).toBe(true));
    await until(() => expect(call.owner.events).toEqual(['connected']));

    const packet = Buffer.from(RTP, 'hex');
    const report = Buffer.from('80c80006000004d2000000010000000200000003000000040000000500000000', 'hex').subarray(
      0,
      28,
    );
    track.sendMessageBinary(packet);
    await until(() => expect(call.owner.rtp).toEqual([packet]));
    track.sendMessageBinary(report);
    await until(() => expect(call.owner.rtcp).toHaveLength(1));

    // Media came until the end: whoever is gone with it is missed soon.
    call.transport.tick(mediaMs + 1_800);
    expect(call.owner.events).toEqual(['connected']);
    call.transport.tick(mediaMs + 2_500);
    expect(call.owner.events).toEqual(['connected', 'silent']);
    const check = await LoopbackPeer.open();
    await check.ask(honestRequest(call.credentials), front.port);
    check.close();
    await until(() => expect(call.owner.events).toEqual(['connected', 'silent', 'active']));

    // One that sends no media for now is there as long as its STUN comes.
    call.owner.events.length = 0;
    const heardMs = mediaMs + 2_000;
    call.nowMs = () => heardMs;
    const later = await LoopbackPeer.open();
    await later.ask(honestRequest(call.credentials), front.port);
    later.close();
    call.transport.tick(heardMs + 6_000);
    expect(call.owner.events).toEqual([]);
    call.transport.tick(heardMs + 7_500);
    expect(call.owner.events).toEqual(['silent']);

    const received: Buffer[] = [];
    track.onMessage((message) => received.push(message));
    call.transport.sendRtcp(Buffer.from('81ce00020000000100000000', 'hex').fill(0, 8));
    await until(() => expect(received.length).toBeGreaterThan(0));
  });
});

describe('a transport that nobody reaches', () => {
  function lonely(role: Role = 'viewer'): { transport: Transport; owner: RecordingOwner } {
    const owner = new RecordingOwner();
    const transport = new Transport({
      onTrouble: (error) => troubles.push(error),
      id: 'lonely',
      front,
      credentials: CREDENTIALS,
      certificate,
      dtlsRole: 'server',
      remoteFingerprints: [],
      sctpPort: undefined,
      role,
      owner,
      hasMedia: false,
      now: () => 1_000_000,
    });
    transports.push(transport);
    return { transport, owner };
  }

  const CREDENTIALS = { usernameFragment: 'lonely', password: 'a-password-of-24-letters' };

  it('ends by its setup timeout', () => {
    const { transport, owner } = lonely();
    expect(transport.isPending).toBe(true);
    transport.tick(1_000_000 + SETUP_TIMEOUT_MS);
    expect(owner.events).toEqual([]);
    transport.tick(1_000_001 + SETUP_TIMEOUT_MS);
    transport.tick(1_000_002 + SETUP_TIMEOUT_MS);
    expect(owner.events).toEqual(['closed setup-timeout']);
    expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
  });

  it('ends by it also when STUN came and no handshake followed', async () => {
    const { transport, owner } = lonely('publisher');
    const peer = await LoopbackPeer.open();
    await peer.ask(honestRequest(CREDENTIALS, true), front.port);
    expect(transport.isPending).toBe(false);
    for (const datagram of ['', '\x16', 'garbage', '\x80\x60 not srtp', '\x80\xc9 not srtcp', '\x50turn', '\xff\xff']) {
      peer.send(Buffer.from(datagram, 'latin1'), front.port);
    }
    await peer.ask(honestRequest(CREDENTIALS), front.port);
    transport.sendRtcp(Buffer.alloc(8));
    transport.tick(1_000_001 + SETUP_TIMEOUT_MS);
    expect(owner.events).toEqual(['closed setup-timeout']);
    expect(owner.rtp).toEqual([]);
    peer.close();
  });

  it('takes new credentials, and the old ones until then', async () => {
    const { transport } = lonely();
    const restarted = newCredentials();
    transport.restartIce(restarted);
    expect(front.size.fragments).toBe(2);
    const peer = await LoopbackPeer.open();
    await peer.ask(honestRequest(CREDENTIALS), front.port);
    await peer.ask(honestRequest(restarted, true), front.port);
    expect(front.size.fragments).toBe(1);
    peer.close();
  });
});

describe('a peer of werift', () => {
  let peer: LoopbackPeer;
  let transport: Transport;
  let client: DtlsClient;
  let owner: RecordingOwner;

  afterEach(() => peer.close());

  /** STUN and DTLS over the socket. */
  async function call(srtpProfiles: 7[]): Promise<void> {
    owner = new RecordingOwner();
    const credentials = newCredentials();
    const theirs = await createDtlsCertificate();
    transport = new Transport({
      onTrouble: (error) => troubles.push(error),
      id: 'werift',
      front,
      credentials,
      certificate,
      dtlsRole: 'server',
      remoteFingerprints: [{ algorithm: 'sha-256', value: theirs.fingerprint }],
      sctpPort: undefined,
      role: 'viewer',
      owner,
      hasMedia: true,
      now: Date.now,
    });
    transports.push(transport);
    peer = await LoopbackPeer.open();
    await peer.ask(honestRequest(credentials, true), front.port);
    const underlay: ConstructorParameters<typeof DtlsClient>[0]['transport'] = {
      type: 'udp',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: () => {},
      send: async (datagram) => peer.send(datagram, front.port),
      close: async () => {},
    };
    peer.socket.on('message', (datagram: Buffer) => {
      if (isDtls(datagram)) underlay.onData(datagram, ['127.0.0.1', front.port]);
    });
    client = new DtlsClient({
      cert: theirs.certificatePem,
      key: theirs.keyPem,
      signatureHash: { hash: 4, signature: 3 },
      transport: underlay,
      srtpProfiles,
      extendedMasterSecret: true,
    });
    client.connect().catch(() => {});
  }

  it('that knows no SRTP is refused where there is media', async () => {
    await call([]);
    await until(() => expect(owner.events).toEqual(['closed failed']));
  });

  it('is known to the owner by its address and by keys that open what it sends', async () => {
    await call([7]);
    await until(() => expect(owner.events).toEqual(['connected']));
    await until(() => expect(client.connected).toBe(true));
    expect(owner.remote).toEqual({ address: '127.0.0.1', port: peer.port });
    const { localKey, localSalt, remoteKey, remoteSalt } = client.extractSessionKeys(16, 12);
    expect(owner.keys).toEqual({
      profile: 7,
      localKey: remoteKey,
      localSalt: remoteSalt,
      remoteKey: localKey,
      remoteSalt: localSalt,
    });
  });

  it('hears close_notify when the transport closes', async () => {
    await call([7]);
    await until(() => expect(owner.events).toEqual(['connected']));
    await until(() => expect(client.connected).toBe(true));
    transport.close();
    await until(() => expect(peer.received.at(-1)?.[0]).toBe(21));
    expect(owner.events).toEqual(['connected']);
  });

  it('connects over the socket, and its close_notify ends the transport', async () => {
    await call([7]);
    await until(() => expect(owner.events).toEqual(['connected']));
    await until(() => expect(client.connected).toBe(true));
    transport.sendRtcp(Buffer.from(REPORT, 'hex'));
    await until(() => expect(peer.received.at(-1)?.[1]).toBe(0xc9));

    const { version, epoch } = client.dtls;
    const header = { contentType: 21, protocolVersion: version, epoch, sequenceNumber: 99, contentLen: 2 };
    const plain = { recordLayerHeader: header, fragment: Buffer.from([1, 0]) };
    const { fragment } = client.cipher.encryptPacket(plain as never);
    const start = Buffer.from('15fefd0001000000000063', 'hex');
    peer.send(Buffer.concat([start, Buffer.from([0, fragment.length]), fragment]), front.port);
    await until(() => expect(owner.events).toEqual(['connected', 'closed closed-by-peer']));
    expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
    const before = peer.received.length;
    transport.sendRtcp(Buffer.from(REPORT, 'hex'));
    front.send(Buffer.from('after'), { address: '127.0.0.1', port: peer.port });
    await until(() => expect(peer.received.at(-1)).toEqual(Buffer.from('after')));
    expect(peer.received).toHaveLength(before + 1);
  });
});

describe('a peer that changes its address', () => {
  it('is told of to the owner once, however often it says USE-CANDIDATE there', async () => {
    const call = await new Call().withChannel().open().connected();
    const moved = await LoopbackPeer.open();
    await moved.ask(honestRequest(call.credentials), front.port);
    expect(call.owner.moves).toEqual([]);
    for (let check = 0; check < 3; check++) await moved.ask(honestRequest(call.credentials, true), front.port);
    expect(call.owner.moves).toEqual([{ address: '127.0.0.1', port: moved.port }]);
    moved.close();
  });

  it('is followed when it says USE-CANDIDATE there with the same credentials, and not before', async () => {
    const call = await new Call().withChannel().open().connected();
    const moved = await LoopbackPeer.open();
    await moved.ask(honestRequest(call.credentials), front.port);
    call.transport.data?.send({ label: 'chat', binary: false, payload: Buffer.from('still there') }, false);
    await until(() => expect(call.received).toEqual(['still there']));
    expect(moved.received.filter(isDtls)).toEqual([]);

    await moved.ask(honestRequest(call.credentials, true), front.port);
    const arrival = once(moved.socket, 'message');
    call.transport.data?.send({ label: 'chat', binary: false, payload: Buffer.from('here now') }, false);
    const [datagram] = (await arrival) as [Buffer];
    expect(isDtls(datagram)).toBe(true);
    expect(call.received).toEqual(['still there']);
    moved.close();
  });
});

it('ends alone, and says so once, when the work for one of its datagrams throws', () => {
  const owner = new RecordingOwner();
  const transport = new Transport({
    onTrouble: (error) => troubles.push(error),
    id: 'broken',
    front,
    credentials: newCredentials(),
    certificate,
    dtlsRole: 'server',
    remoteFingerprints: [],
    sctpPort: undefined,
    role: 'viewer',
    owner,
    hasMedia: false,
    now: () => 0,
  });
  troubles.length = 0;
  for (const error of [new Error('first'), new Error('late')]) transport.onTrouble(error);
  expect(owner.events).toEqual(['closed failed']);
  expect(troubles).toHaveLength(2);
  expect(front.size.clients).toBe(0);
});
