// What we touch of werift beyond its documented surface, or rely on without its promise. When one of these fails after an
// update, look at the file that is named before anything else.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CipherContext, DtlsClient, DtlsServer, type DtlsSocket, SessionDescription } from 'werift';
import { createDtlsCertificate } from './certificate.ts';
import { srtpMasterKeys } from './dtls/key-schedule.ts';

const SOURCES = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

describe('werift', () => {
  it('is installed and pinned at exactly 0.25.2', () => {
    const entry = createRequire(import.meta.url).resolve('werift');
    const installed = JSON.parse(readFileSync(join(entry.split('/lib/')[0] ?? '', 'package.json'), 'utf8')) as {
      version: string;
    };
    const ours = JSON.parse(readFileSync(join(SOURCES, '..', 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(installed.version).toBe('0.25.2');
    expect(ours.dependencies.werift).toBe('0.25.2');
  });

  it('is imported in src/media and in tests only', () => {
    const elsewhere = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .filter((file) => !/^(media|test)[\\/]/.test(file))
      .filter((file) => /from ['"]werift['"]|import\(['"]werift|require\(['"]werift/.test(source(file)));
    expect(elsewhere).toEqual([]);
  });

  it('is used by no part of src/media but these', () => {
    const media = join(SOURCES, 'media');
    const users = readdirSync(media, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/(\.test|fakes)\.ts$/.test(file))
      .filter((file) => /from ['"]werift['"]/.test(readFileSync(join(media, file), 'utf8')))
      .map((file) => relative('.', file).replaceAll('\\', '/'));
    expect(users.sort()).toEqual([
      'sdp/offer.ts',
      'transport/certificate.ts',
      'transport/dtls/werift-client.ts',
      'transport/dtls/werift-proof.ts',
    ]);
  });

  function source(file: string): string {
    return readFileSync(join(SOURCES, file), 'utf8');
  }
});

describe('DTLS (dtls/werift-client.ts, dtls/werift-proof.ts)', () => {
  let server: DtlsServer;
  let client: DtlsClient;
  const received: string[] = [];

  beforeAll(async () => {
    const { certificatePem: cert, keyPem: key } = await createDtlsCertificate();
    const transport = (deliver: () => ReturnType<typeof underlay>) => underlay(deliver);
    const underlay = (deliver: () => { onData: (datagram: Buffer) => void }) => ({
      type: 'memory',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: (_datagram: Buffer): void => {},
      send: async (datagram: Buffer): Promise<void> => {
        const copy = Buffer.from(datagram);
        setImmediate(() => deliver().onData(copy));
      },
      close: async (): Promise<void> => {},
    });
    const serverEnd = transport(() => clientEnd);
    const clientEnd: ReturnType<typeof underlay> = transport(() => serverEnd);
    const options = {
      cert,
      key,
      signatureHash: { hash: 4, signature: 3 } as const,
      srtpProfiles: [7 as const, 1 as const],
      extendedMasterSecret: true,
    };
    server = new DtlsServer({ ...options, transport: serverEnd, certificateRequest: true });
    client = new DtlsClient({ ...options, transport: clientEnd });
    server.onData.subscribe((message) => received.push(message.toString()));
    client.connect().catch(() => {});
    await vi.waitFor(() => expect(server.connected && client.connected).toBe(true), { interval: 2, timeout: 5000 });
  });

  const sockets = (): [string, DtlsSocket][] => [
    ['server', server],
    ['client', client],
  ];

  it('takes its datagrams by transport.onData, which it sets at construction', () => {
    for (const [, socket] of sockets()) {
      expect(socket.options.transport.onData).toBe((socket as unknown as { udpOnMessage: unknown }).udpOnMessage);
    }
  });

  it("keeps the messages of the server's answer in flight 4, with members that we read", () => {
    const { data = [] } = client.dtls.handshakeCache[4] ?? {};
    expect(data.map(({ msg_type }) => msg_type)).toEqual(expect.arrayContaining([2, 11, 12, 13, 14]));
    for (const { fragment } of data) expect(fragment).toBeInstanceOf(Buffer);
  });

  it('keeps the first of two messages of one type in a flight', () => {
    const context = server.dtls;
    const [message] = server.dtls.handshakeCache[5]?.data ?? [];
    if (!message) throw new Error('no message');
    context.bufferHandshakeCache([message], false, 9);
    context.bufferHandshakeCache([message], false, 9);
    expect(context.handshakeCache[9]?.data).toHaveLength(1);
    delete context.handshakeCache[9];
    expect(server.remoteCertificate).toBeInstanceOf(Uint8Array);
  });

  it('has the key exchange, the randoms and the certificate of the other side', () => {
    for (const [, socket] of sockets()) {
      expect(socket.cipher.remoteKeyPair.publicKey?.length).toBeGreaterThan(30);
      expect(socket.cipher.localRandom.serialize()).toHaveLength(32);
      expect(socket.cipher.remoteRandom.serialize()).toHaveLength(32);
      expect(socket.remoteCertificate?.[0]).toBe(0x30);
    }
    expect(server.cipher.remoteKeyPair.publicKey).toEqual(client.cipher.localKeyPair.publicKey);
  });

  it('has the master secret, from which our key schedule makes the keys that it exports', () => {
    expect([server.srtp.srtpProfile, client.srtp.srtpProfile]).toEqual([7, 7]);
    const { masterSecret, localRandom, remoteRandom } = client.cipher;
    expect(masterSecret).toHaveLength(48);
    const ours = srtpMasterKeys(7, masterSecret, localRandom.serialize(), remoteRandom.serialize());
    const theirs = client.extractSessionKeys(16, 12);
    expect([ours.clientKey, ours.clientSalt, ours.serverKey, ours.serverSalt]).toEqual([
      theirs.localKey,
      theirs.localSalt,
      theirs.remoteKey,
      theirs.remoteSalt,
    ]);
  });

  it('encrypts and decrypts records that are plain objects, without memory of their numbers', () => {
    const header = {
      contentType: 21,
      protocolVersion: client.dtls.version,
      epoch: client.dtls.epoch,
      sequenceNumber: ++client.dtls.recordSequenceNumber,
      contentLen: 2,
    };
    expect([header.protocolVersion, header.epoch]).toEqual([{ major: 0xfe, minor: 0xfd }, 1]);
    const { fragment } = client.cipher.encryptPacket({
      recordLayerHeader: header,
      fragment: Buffer.from([1, 0]),
    } as never);
    // Explicit nonce and tag: 24 bytes more, with all cipher suites of werift.
    expect(fragment).toHaveLength(2 + 24);
    for (let count = 0; count < 2; count++) {
      const record = { recordLayerHeader: { ...header }, fragment: Buffer.from(fragment) };
      expect([...server.cipher.decryptPacket(record as never)]).toEqual([1, 0]);
    }
    const wrong = { recordLayerHeader: { ...header, sequenceNumber: 999 }, fragment: Buffer.from(fragment) };
    expect(() => server.cipher.decryptPacket(wrong as never)).toThrow();
  });

  it('makes certificates as PEM', async () => {
    const made = await CipherContext.createSelfSignedCertificateWithKey({ hash: 4, signature: 3 }, 23);
    expect(made.certPem).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(made.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  // The traps themselves: when werift closes one, our door for it can go.
  it('still starts over by a ClientHello after connecting', () => {
    expect(server.renegotiation).toBeTypeOf('function');
  });

  it('still closes by a record of unknown type that nobody signed', () => {
    let closed = 0;
    client.onClose.subscribe(() => closed++);
    client.options.transport.onData(Buffer.from('18fefd000000000000000100010a', 'hex').fill(0, 13), [] as never);
    expect(closed).toBe(1);
  });
});

describe('SDP (offer.ts)', () => {
  it('is read into the members that we use', () => {
    const { group, media } = SessionDescription.parse(
      [
        'v=0',
        'o=- 1 1 IN IP4 0.0.0.0',
        's=-',
        't=0 0',
        'a=group:BUNDLE 0 1',
        'a=ice-ufrag:u',
        'a=ice-pwd:p',
        'a=fingerprint:sha-256 AA',
        'a=setup:actpass',
        'm=video 9 UDP/TLS/RTP/SAVPF 96',
        'a=mid:0',
        'a=sendonly',
        'a=extmap:4/sendonly urn:x',
        'a=rtpmap:96 VP8/90000',
        'a=fmtp:96 a=1;b=2',
        'a=rtcp-fb:96 nack pli',
        'a=ssrc-group:FID 1 2',
        'a=ssrc:1 cname:c',
        'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
        'a=mid:1',
        'a=sctp-port:5001',
        '',
      ].join('\r\n'),
    );
    expect(group).toMatchObject([{ semantic: 'BUNDLE', items: ['0', '1'] }]);
    const [video, data] = media;
    expect(video).toMatchObject({
      kind: 'video',
      port: 9,
      profile: 'UDP/TLS/RTP/SAVPF',
      fmt: [96],
      direction: 'sendonly',
      iceParams: { usernameFragment: 'u', password: 'p' },
      dtlsParams: { role: 'auto', fingerprints: [{ algorithm: 'sha-256', value: 'AA' }] },
      ssrc: [{ ssrc: 1 }],
      ssrcGroup: [{ semantic: 'FID', items: ['1', '2'] }],
      rtp: {
        muxId: '0',
        headerExtensions: [{ id: 4, uri: 'urn:x' }],
        codecs: [
          {
            mimeType: 'video/VP8',
            payloadType: 96,
            clockRate: 90_000,
            parameters: 'a=1;b=2',
            rtcpFeedback: [{ type: 'nack', parameter: 'pli' }],
          },
        ],
      },
    });
    expect(data).toMatchObject({ kind: 'application', sctpPort: 5001, fmt: ['webrtc-datachannel'] });
  });
});
