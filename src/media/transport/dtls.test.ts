import { createECDH, createHmac, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DtlsClient, DtlsServer, type DtlsSocket } from 'werift';
import { randomBytes, seededRandom } from '../../rtp/seeded-network.ts';
import type { Fingerprint } from '../sdp/offer.ts';
import { createDtlsCertificate, type DtlsCertificate } from './certificate.ts';
import { Dtls, isDtls, type SrtpKeys } from './dtls.ts';

type Role = 'server' | 'client';
const ROLES: readonly Role[] = ['server', 'client'];

let ourCertificate: DtlsCertificate;
let peerCertificate: DtlsCertificate;
let otherCertificate: DtlsCertificate;

beforeAll(async () => {
  ourCertificate = await createDtlsCertificate();
  peerCertificate = await createDtlsCertificate();
  otherCertificate = await createDtlsCertificate();
});

const fingerprint = ({ fingerprint: value }: DtlsCertificate): Fingerprint => ({ algorithm: 'sha-256', value });

/** Members of werift's transports that the in-memory link needs. */
class PeerTransport {
  readonly type = 'memory';
  readonly address = { address: '', family: '', port: 0 };
  closed = false;
  onData: (datagram: Buffer) => void = () => {};
  readonly send: (datagram: Buffer) => Promise<void>;

  constructor(send: (datagram: Buffer) => void) {
    this.send = async (datagram) => send(datagram);
  }

  readonly close = async (): Promise<void> => {
    this.closed = true;
  };
}

interface Setup {
  readonly expected?: readonly Fingerprint[];
  readonly srtpProfiles?: (1 | 7)[];
  readonly extendedMasterSecret?: boolean;
  /** Spoils the peer before it starts. */
  readonly spoil?: (peer: DtlsSocket) => void;
  /** Replaces what the peer sends. */
  readonly outgoing?: (datagram: Buffer) => Buffer[];
}

/** Our Dtls in this role against werift's in the other. */
class Pair {
  readonly ours: Dtls;
  readonly peer: DtlsSocket;
  readonly sent: Buffer[] = [];
  readonly data: string[] = [];
  readonly peerData: string[] = [];
  readonly closed: [string, string][] = [];
  keys: SrtpKeys | undefined;
  connected = 0;

  constructor(role: Role, setup: Setup = {}) {
    const { expected, srtpProfiles = [7, 1], extendedMasterSecret = true, spoil } = setup;
    const { outgoing = (datagram) => [datagram] } = setup;
    const transport = new PeerTransport((datagram) => {
      setImmediate(() => {
        for (const each of outgoing(Buffer.from(datagram))) this.ours.receive(each);
      });
    });
    const options = {
      cert: peerCertificate.certificatePem,
      key: peerCertificate.keyPem,
      signatureHash: { hash: 4, signature: 3 } as const,
      transport,
      srtpProfiles,
      extendedMasterSecret,
    };
    this.peer = role === 'server' ? new DtlsClient(options) : new DtlsServer({ ...options, certificateRequest: true });
    this.peer.onData.subscribe((message) => this.peerData.push(message.toString()));
    spoil?.(this.peer);
    this.ours = new Dtls({
      role,
      certificate: ourCertificate,
      remoteFingerprints: expected ?? [fingerprint(peerCertificate)],
      send: (datagram) => {
        this.sent.push(datagram);
        const copy = Buffer.from(datagram);
        setImmediate(() => transport.onData(copy));
      },
      onConnected: (keys) => {
        this.connected++;
        this.keys = keys;
      },
      onData: (message) => this.data.push(message.toString()),
      onClosed: (reason, detail) => this.closed.push([reason, detail]),
    });
    open.push(this.ours);
    if (this.peer instanceof DtlsClient) this.peer.connect().catch(() => {});
    else this.ours.connect();
  }

  async settled(): Promise<void> {
    await vi.waitFor(() => expect(this.connected + this.closed.length).toBeGreaterThan(0), {
      interval: 2,
      timeout: 5000,
    });
  }

  /** Why the peer is not believed. A server drops what may be forged and waits on; a client gives up. */
  async refusal(detail: RegExp): Promise<void> {
    await vi.waitFor(() => expect(this.closed[0]?.[1] ?? this.ours.refused).toMatch(detail), {
      interval: 2,
      timeout: 5000,
    });
    // Whatever else the peer has sent by now.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(this.connected).toBe(0);
  }

  async whenConnected(): Promise<this> {
    await vi.waitFor(() => expect(this.connected && this.peer.connected, this.closed.join()).toBe(true), {
      interval: 2,
      timeout: 5000,
    });
    return this;
  }

  /** One message in each direction arrives. */
  async exchange(text: string): Promise<void> {
    await this.ours.send(Buffer.from(`ours ${text}`));
    await this.peer.send(Buffer.from(`peer ${text}`));
    await vi.waitFor(
      () => {
        expect(this.data.at(-1)).toBe(`peer ${text}`);
        expect(this.peerData.at(-1)).toBe(`ours ${text}`);
      },
      { interval: 2, timeout: 5000 },
    );
  }

  /** An encrypted record of the peer. */
  encrypted(contentType: number, fragment: Buffer): Buffer {
    const context = this.peer.dtls;
    const made = this.peer.cipher.encryptPacket({
      recordLayerHeader: {
        contentType,
        protocolVersion: context.version,
        epoch: context.epoch,
        sequenceNumber: ++context.recordSequenceNumber,
        contentLen: fragment.length,
      },
      fragment,
    } as never);
    return record(contentType, made.fragment, 1, context.recordSequenceNumber);
  }
}

const open: Dtls[] = [];
afterEach(() => {
  for (const dtls of open.splice(0)) dtls.close();
});

function record(contentType: number, fragment: Buffer, epoch = 0, sequence = 77): Buffer {
  const header = Buffer.alloc(13);
  header.set([contentType, 0xfe, 0xfd]);
  header.writeUInt16BE(epoch, 3);
  header.writeUIntBE(sequence, 5, 6);
  header.writeUInt16BE(fragment.length, 11);
  return Buffer.concat([header, fragment]);
}

interface FragmentOptions {
  readonly type: number;
  readonly length?: number;
  readonly offset?: number;
  readonly sequence?: number;
}

function handshake({ type, length, offset = 0, sequence = 9 }: FragmentOptions, fragment: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 0);
  header.writeUIntBE(length ?? fragment.length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(offset, 6, 3);
  header.writeUIntBE(fragment.length, 9, 3);
  return Buffer.concat([header, fragment]);
}

/** A ClientHello without cookie, session and extensions. */
const CLIENT_HELLO = Buffer.concat([
  Buffer.from([0xfe, 0xfd]),
  Buffer.alloc(32, 5),
  Buffer.from([0, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 0]),
]);

describe.each(ROLES)('as DTLS %s', (role) => {
  it.each([7, 1] as const)(
    'connects with SRTP profile %i and keys that mirror the keys of the peer',
    async (profile) => {
      const pair = await new Pair(role, { srtpProfiles: [profile] }).whenConnected();
      const theirs = pair.peer.extractSessionKeys(16, profile === 7 ? 12 : 14);
      expect(pair.keys).toEqual({
        profile,
        localKey: theirs.remoteKey,
        localSalt: theirs.remoteSalt,
        remoteKey: theirs.localKey,
        remoteSalt: theirs.localSalt,
      });
      expect(pair.keys?.localKey).not.toEqual(pair.keys?.remoteKey);
      await pair.exchange('hello');
      expect(pair.connected).toBe(1);
      expect(pair.closed).toEqual([]);
    },
  );

  it('refuses a peer whose certificate has another fingerprint', async () => {
    const pair = new Pair(role, { expected: [fingerprint(otherCertificate)] });
    await pair.refusal(/^certificate does not have the fingerprint of the SDP$/);
  });

  it.each([
    ['no fingerprint', []],
    ['an unknown algorithm', [{ algorithm: 'md5', value: 'AA:BB' }]],
    ['a fingerprint that is cut', [{ algorithm: 'sha-256', value: 'AA:BB' }]],
    ['a fingerprint that is no hex', [{ algorithm: 'sha-256', value: 'zz'.repeat(32) }]],
    ['an algorithm named as a member of all objects', [{ algorithm: 'constructor', value: 'AA:BB' }]],
  ])('refuses everybody when the offer has %s', async (_name, expected) => {
    const pair = new Pair(role, { expected });
    await pair.refusal(/fingerprint/);
  });

  it('needs one of several fingerprints to be right, and believes SHA-1 only alone', async () => {
    const sha1 = new X509Certificate(peerCertificate.certificatePem).fingerprint;
    const right = fingerprint(peerCertificate);
    const wrong = fingerprint(otherCertificate);
    await new Pair(role, { expected: [wrong, right] }).whenConnected();
    await new Pair(role, { expected: [{ algorithm: 'sha-1', value: sha1 }] }).whenConnected();
    const pair = new Pair(role, { expected: [{ algorithm: 'sha-1', value: sha1 }, wrong] });
    await pair.refusal(/fingerprint/);
  });

  it('refuses a peer that signs with garbage', async () => {
    const garbage = () => Buffer.alloc(70, 1);
    const pair = new Pair(role, {
      spoil: (peer) => {
        peer.cipher.signatureData = garbage;
        peer.cipher.generateKeySignature = garbage;
      },
    });
    const message = role === 'server' ? 'CertificateVerify' : 'ServerKeyExchange';
    await pair.refusal(new RegExp(`^${message} signature is wrong$`));
  });

  it("refuses a peer that shows somebody's certificate without having its key", async () => {
    const pair = new Pair(role, {
      expected: [fingerprint(otherCertificate)],
      spoil: (peer) => {
        peer.cipher.localCert = new X509Certificate(otherCertificate.certificatePem).raw;
      },
    });
    await pair.refusal(/signature is wrong$/);
  });

  it.each<[string, () => Buffer]>([
    ['a plaintext close_notify', () => record(21, Buffer.from([1, 0]))],
    ['a plaintext fatal alert', () => record(21, Buffer.from([2, 40]))],
    ['an unknown content type', () => record(24, Buffer.from([0]))],
    ['an unknown content type that claims to be encrypted', () => record(24, Buffer.alloc(40), 1)],
    ['a late ClientHello', () => record(22, handshake({ type: 1, sequence: 0 }, CLIENT_HELLO))],
    ['a late ServerHello', () => record(22, handshake({ type: 2, sequence: 1 }, CLIENT_HELLO))],
    ['a late Finished', () => record(22, handshake({ type: 20 }, Buffer.alloc(12)))],
    ['plaintext data', () => record(23, Buffer.from('spoofed'))],
    ['data with a wrong tag', () => record(23, Buffer.alloc(40), 1)],
    ['an alert with a wrong tag', () => record(21, Buffer.alloc(26), 1)],
    ['an alert that is too short', () => record(21, Buffer.alloc(2), 1)],
    ['a handshake with a wrong tag', () => record(22, Buffer.alloc(48), 1)],
  ])('ignores %s once connected, and data flows on', async (_name, build) => {
    const pair = await new Pair(role).whenConnected();
    await pair.exchange('before');
    pair.ours.receive(build());
    await pair.exchange('after');
    expect(pair.closed).toEqual([]);
    expect(pair.data).toEqual(['peer before', 'peer after']);
  });

  it('does not let even the proved peer start over or pile up fragments', async () => {
    const pair = await new Pair(role).whenConnected();
    pair.ours.receive(pair.encrypted(22, handshake({ type: 1, sequence: 0 }, CLIENT_HELLO)));
    pair.ours.receive(pair.encrypted(22, handshake({ type: 1, sequence: 0 }, Buffer.alloc(12))));
    for (let offset = 0; offset < 200; offset++) {
      pair.ours.receive(pair.encrypted(22, handshake({ type: 11, length: 60_000, offset }, Buffer.alloc(1))));
    }
    await pair.exchange('after');
    expect(() => pair.ours.close()).not.toThrow();
  });

  it('answers a repeated Finished, whose answer was lost', async () => {
    const finished: Buffer[] = [];
    const pair = new Pair(role, {
      outgoing: (datagram) => {
        if (datagram[0] === 22 && datagram.readUInt16BE(3) === 1) finished.push(datagram);
        return [datagram];
      },
    });
    await pair.whenConnected();
    const before = pair.sent.length;
    const [again] = finished;
    if (!again) throw new Error('no Finished seen');
    pair.ours.receive(again);
    if (role === 'server')
      await vi.waitFor(() => expect(pair.sent.length).toBeGreaterThan(before), { interval: 2, timeout: 5000 });
    await pair.exchange('after');
    expect(pair.connected).toBe(1);
  });

  it('ends by the close_notify of the peer', async () => {
    const pair = await new Pair(role).whenConnected();
    pair.ours.receive(pair.encrypted(21, Buffer.from([1, 0])));
    expect(pair.closed).toEqual([['closed-by-peer', 'alert 1/0']]);
    pair.ours.receive(pair.encrypted(21, Buffer.from([1, 0])));
    expect(pair.closed).toHaveLength(1);
  });

  it('lives on after a warning', async () => {
    const pair = await new Pair(role).whenConnected();
    pair.ours.receive(pair.encrypted(21, Buffer.from([1, 90])));
    await pair.exchange('after');
    pair.ours.receive(pair.encrypted(21, Buffer.from([2, 20])));
    expect(pair.closed).toEqual([['closed-by-peer', 'alert 2/20']]);
  });

  it('says close_notify when closed, and nothing after it', async () => {
    const pair = await new Pair(role).whenConnected();
    pair.sent.length = 0;
    pair.ours.close();
    pair.ours.close();
    expect(pair.sent).toHaveLength(1);
    const [alert] = pair.sent;
    if (!alert) throw new Error('nothing sent');
    expect(alert[0]).toBe(21);
    const header = {
      contentType: 21,
      protocolVersion: { major: 0xfe, minor: 0xfd },
      epoch: alert.readUInt16BE(3),
      sequenceNumber: alert.readUIntBE(5, 6),
    };
    const understood = pair.peer.cipher.decryptPacket({
      recordLayerHeader: header,
      fragment: alert.subarray(13),
    } as never);
    expect([...understood]).toEqual([1, 0]);
    await pair.ours.send(Buffer.from('late'));
    pair.ours.receive(pair.encrypted(23, Buffer.from('late')));
    expect(pair.sent).toHaveLength(1);
    expect(pair.data).toEqual([]);
    expect(pair.closed).toEqual([]);
  });

  it('repeats no message of the handshake after close', async () => {
    const pair = new Pair(role, { outgoing: () => [] });
    if (role === 'server') pair.ours.receive(record(22, handshake({ type: 1, sequence: 0 }, CLIENT_HELLO)));
    pair.ours.close();
    pair.sent.length = 0;
    // werift repeats a flight after 500 ms.
    await sleep(550);
    expect(pair.sent).toEqual([]);
    expect(pair.closed).toEqual([]);
  });

  it('cuts off a handshake without end', () => {
    const pair = new Pair(role, { outgoing: () => [] });
    for (let offset = 0; offset < 70; offset++) {
      const fragment = handshake({ type: 11, length: 60_000, offset: offset * 10 }, Buffer.alloc(1000));
      pair.ours.receive(record(22, fragment));
    }
    expect(pair.closed).toEqual([['failed', 'handshake is too large']]);
  });

  it('counts whole datagrams for that, also without a record that matters', () => {
    const pair = new Pair(role, { outgoing: () => [] });
    for (let count = 0; count < 70; count++) pair.ours.receive(record(21, Buffer.alloc(1000)));
    expect(pair.closed).toEqual([['failed', 'handshake is too large']]);
  });

  it('allocates nothing for a message that claims to be huge', () => {
    const pair = new Pair(role, { outgoing: () => [] });
    const alloc = vi.spyOn(Buffer, 'alloc');
    const length = 2 ** 24 - 1;
    for (const offset of [0, length - 1]) {
      const huge = handshake({ type: 11, length, offset }, Buffer.from([0]));
      const small = handshake({ type: 14 }, Buffer.from([0]));
      pair.ours.receive(record(22, Buffer.concat([small, huge])));
    }
    const largest = Math.max(...alloc.mock.calls.map(([size]) => size));
    alloc.mockRestore();
    expect(largest).toBeLessThan(2 ** 16);
  });

  it('never throws, whatever comes', async () => {
    const random = seededRandom(role === 'server' ? 11 : 12);
    const fuzz = (dtls: Dtls): void => {
      for (let count = 0; count < 500; count++) {
        const bytes = Buffer.from(randomBytes(random, 200));
        const types = [20, 21, 22, 23, 24, 22, 22];
        const type = types[Math.floor(random() * types.length)] ?? 22;
        const whole = record(type, bytes, Math.floor(random() * 3));
        dtls.receive(bytes);
        dtls.receive(whole);
        dtls.receive(whole.subarray(0, Math.floor(random() * whole.length)));
        dtls.receive(Buffer.concat([whole, bytes]));
      }
    };
    const fresh = new Pair(role, { outgoing: () => [] });
    fuzz(fresh.ours);
    expect(fresh.connected).toBe(0);
    const pair = await new Pair(role).whenConnected();
    fuzz(pair.ours);
    await pair.exchange('after');
    expect(pair.closed).toEqual([]);
  });
});

/** Body of a Certificate message with this one alone. */
function certificateMessage({ certificatePem }: DtlsCertificate): Buffer {
  const der = new X509Certificate(certificatePem).raw;
  const length = (bytes: number) => Buffer.from([bytes >> 16, (bytes >> 8) & 255, bytes & 255]);
  return Buffer.concat([length(der.length + 3), length(der.length), der]);
}

describe('a certificate that is slipped in', () => {
  it('behind the proved one is refused by the client', async () => {
    const pair = new Pair('client', {
      // Right behind the message with the signature.
      outgoing: (datagram) =>
        datagram[0] === 22 && datagram[13] === 12
          ? [datagram, record(22, handshake({ type: 11 }, certificateMessage(otherCertificate)))]
          : [datagram],
    });
    await pair.settled();
    expect(pair.closed).toEqual([['failed', 'certificate was replaced']]);
    expect(pair.connected).toBe(0);
  });

  // Client messages: 1 Certificate, 2 ClientKeyExchange, 3 CertificateVerify, 4 Finished.
  it.each([
    [11, 1],
    [11, 2],
    [16, 3],
    [15, 4],
    [15, 9],
  ])('behind message type %i with number %i changes nothing for the server', async (behind, sequence) => {
    let slippedIn = 0;
    const pair = new Pair('server', {
      outgoing: (datagram) => {
        if (datagram[0] !== 22 || datagram[13] !== behind) return [datagram];
        slippedIn++;
        return [datagram, record(22, handshake({ type: 11, sequence }, certificateMessage(otherCertificate)))];
      },
    });
    await pair.whenConnected();
    // More than once when the peer was kept from its work, and repeats.
    expect(slippedIn).toBeGreaterThan(0);
    expect(pair.keys?.remoteKey).toEqual(pair.peer.extractSessionKeys(16, 12).localKey);
    await pair.exchange('hello');
  });

  it.each<[string, () => DtlsCertificate]>([
    ['the one that is expected', () => otherCertificate],
    ['the own one', () => peerCertificate],
  ])('does not help who has another key, if %s comes first', async (_name, first) => {
    const pair = new Pair('server', {
      expected: [fingerprint(otherCertificate)],
      outgoing: (datagram) => {
        if (datagram[0] !== 22 || datagram[13] !== 11) return [datagram];
        const both = [first(), first() === otherCertificate ? peerCertificate : otherCertificate];
        return both.map((each) => record(22, handshake({ type: 11, sequence: 1 }, certificateMessage(each))));
      },
    });
    await pair.refusal(/^CertificateVerify signature is wrong$/);
  });
});

/** A P-256 pair in raw bytes, as werift has them. */
function newP256Keys() {
  const ecdh = createECDH('prime256v1');
  return { ecdh, public: ecdh.generateKeys() };
}

/** An X25519 pair in raw bytes, as werift has them. */
function newKeys() {
  const { privateKey } = generateKeyPairSync('x25519');
  const { x = '', d = '' } = privateKey.export({ format: 'jwk' });
  return { public: Buffer.from(x, 'base64url'), private: Buffer.from(d, 'base64url') };
}

describe('somebody who repeats the proof of another and adds a key exchange of their own', () => {
  const X25519 = 29;
  const P256 = 23;

  // Of the client's messages 4 is the next one; 9 is out of all order.
  it.each([4, 9])('is refused as client that numbers it %i', async (sequence) => {
    const own = newP256Keys();
    let finished = 0;
    const pair = new Pair('server', {
      extendedMasterSecret: false,
      // All that is signed is honest; from then on the keys are those of the second exchange.
      spoil: ({ cipher }) => {
        const sign = cipher.signatureData.bind(cipher);
        cipher.signatureData = (data, hash) => {
          const signature = sign(data, hash);
          const secret = own.ecdh.computeSecret(cipher.remoteKeyPair.publicKey ?? Buffer.alloc(0));
          const [client, server] = [cipher.localRandom.serialize(), cipher.remoteRandom.serialize()];
          cipher.masterSecret = masterSecret(secret, client, server);
          cipher.cipher.init(cipher.masterSecret, server, client);
          return signature;
        };
      },
      outgoing: (datagram) => {
        if (datagram[0] === 22 && datagram.readUInt16BE(3) === 1) finished++;
        if (datagram[0] !== 22 || datagram[13] !== 15) return [datagram];
        const exchange = Buffer.concat([Buffer.from([own.public.length]), own.public]);
        return [datagram, record(22, handshake({ type: 16, sequence }, exchange))];
      },
    });
    await vi.waitFor(() => expect(finished).toBeGreaterThan(0), { interval: 2, timeout: 5000 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(pair.peer.cipher.remoteKeyPair.curve).toBe(P256);
    // Its Finished is made with keys that the signature does not cover: to us it is noise.
    expect(pair.connected).toBe(0);
    expect(pair.sent.some((datagram) => datagram[0] === 20)).toBe(false);
    pair.ours.receive(pair.encrypted(23, Buffer.from('data')));
    expect(pair.data).toEqual([]);
  });

  it('is refused as server', async () => {
    const own = newKeys();
    const pair = new Pair('client', {
      outgoing: (datagram) => {
        if (datagram[0] !== 22 || datagram[13] !== 12) return [datagram];
        const { cipher } = pair.peer;
        expect(cipher.namedCurve).toBe(X25519);
        cipher.localKeyPair = { curve: X25519, publicKey: own.public, privateKey: own.private };
        const exchange = Buffer.from(datagram.subarray(25));
        own.public.copy(exchange, 4);
        return [datagram, record(22, handshake({ type: 12 }, exchange))];
      },
    });
    await pair.settled();
    expect(pair.closed).toEqual([['failed', 'key exchange was replaced']]);
    expect(pair.connected).toBe(0);
  });

  /** RFC 5246 §5 and §8.1, with SHA-256. */
  function masterSecret(secret: Buffer, clientRandom: Buffer, serverRandom: Buffer): Buffer {
    const hmac = (data: Buffer) => createHmac('sha256', secret).update(data).digest();
    const seed = Buffer.concat([Buffer.from('master secret'), clientRandom, serverRandom]);
    const first = hmac(seed);
    return Buffer.concat([hmac(Buffer.concat([first, seed])), hmac(Buffer.concat([hmac(first), seed]))]).subarray(
      0,
      48,
    );
  }
});

it('as DTLS server chooses AES-GCM for SRTP, whatever the peer prefers', async () => {
  const pair = await new Pair('server', { srtpProfiles: [1, 7] }).whenConnected();
  expect(pair.keys?.profile).toBe(7);
});

describe('a datagram', () => {
  it.each([
    [19, false],
    [20, true],
    [22, true],
    [63, true],
    [64, false],
    [128, false],
  ])('that starts with %i is DTLS: %s', (first, expected) => {
    expect(isDtls(Buffer.from([first, 0]))).toBe(expected);
  });

  it('that is empty is not DTLS', () => {
    expect(isDtls(Buffer.alloc(0))).toBe(false);
  });
});
