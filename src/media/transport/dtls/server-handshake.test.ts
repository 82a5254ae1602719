// What the network does to a handshake, and what a client may offer. That peers are proved is held by dtls.test.ts.

import { createECDH } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DtlsClient } from 'werift';
import { seededRandom } from '../../../rtp/seeded-network.ts';
import { createDtlsCertificate, type DtlsCertificate } from '../certificate.ts';
import type { Association } from './association.ts';
import { HANDSHAKE_HEADER_BYTES, plainRecord, RECORD_HEADER_BYTES, recordEnd } from './records.ts';
import { ServerHandshake } from './server-handshake.ts';

let ours: DtlsCertificate;
let theirs: DtlsCertificate;
beforeAll(async () => {
  ours = await createDtlsCertificate();
  theirs = await createDtlsCertificate();
});

function recordsOf(datagram: Buffer): Buffer[] {
  const records: Buffer[] = [];
  let offset = 0;
  for (let end = recordEnd(datagram, 0); end !== undefined; end = recordEnd(datagram, offset)) {
    records.push(datagram.subarray(offset, end));
    offset = end;
  }
  return records;
}

/** Our server and werift's client; `network` says what becomes of a record on its way to us. */
class Meeting {
  readonly server: ServerHandshake;
  readonly client: DtlsClient;
  readonly network: (record: Buffer) => Buffer[];
  readonly sent: Buffer[] = [];
  readonly failed: string[] = [];
  readonly refused: string[] = [];
  association: Association | undefined;
  readonly #transport = {
    type: 'memory',
    address: { address: '', family: '', port: 0 },
    closed: false,
    onData: (_datagram: Buffer): void => {},
    send: async (datagram: Buffer): Promise<void> => {
      if (this.#transport.closed) return;
      const records = recordsOf(Buffer.from(datagram)).flatMap((record) => this.network(record));
      setImmediate(() => {
        for (const record of records) {
          const datagram = Buffer.from(record);
          this.server.receive(datagram);
          // Whoever keeps a piece of a datagram keeps all of it in memory: nothing may depend on it any more.
          datagram.fill(0xff);
        }
      });
    },
    close: async (): Promise<void> => {},
  };

  constructor(network: (record: Buffer) => Buffer[]) {
    this.network = network;
    this.server = new ServerHandshake({
      certificate: ours,
      remoteFingerprints: [{ algorithm: 'sha-256', value: theirs.fingerprint }],
      send: (datagram) => {
        this.sent.push(datagram);
        const copy = Buffer.from(datagram);
        setImmediate(() => this.#transport.onData(copy));
      },
      onDone: (association) => {
        this.association = association;
      },
      onRefused: (detail) => this.refused.push(detail),
      onFailed: (detail) => this.failed.push(detail),
    });
    this.client = new DtlsClient({
      cert: theirs.certificatePem,
      key: theirs.keyPem,
      signatureHash: { hash: 4, signature: 3 } as const,
      transport: this.#transport,
      srtpProfiles: [1, 7],
      extendedMasterSecret: true,
    });
    meetings.push(this);
    this.client.connect().catch(() => {});
  }

  async connected(): Promise<void> {
    await vi.waitFor(() => expect(this.association && this.client.connected, this.failed.join()).toBe(true), {
      interval: 2,
      timeout: 5000,
    });
    expect(this.association?.srtpKeys?.remoteKey).toEqual(this.client.extractSessionKeys(16, 12).localKey);
  }

  end(): void {
    this.server.stop();
    this.#transport.closed = true;
  }
}

const meetings: Meeting[] = [];
afterEach(() => {
  for (const meeting of meetings.splice(0)) meeting.end();
});

const isPlainHandshake = (record: Buffer) => record[0] === 22 && record.readUInt16BE(3) === 0;
const messageType = (record: Buffer) => (isPlainHandshake(record) ? record[RECORD_HEADER_BYTES] : undefined);

/** The one whole message of a record as several, each in a record of its own. */
function inPieces(record: Buffer, bytes: number): Buffer[] {
  const message = record.subarray(RECORD_HEADER_BYTES);
  const body = message.subarray(HANDSHAKE_HEADER_BYTES);
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < body.length; offset += bytes) {
    const part = body.subarray(offset, offset + bytes);
    const header = Buffer.from(message.subarray(0, HANDSHAKE_HEADER_BYTES));
    header.writeUIntBE(offset, 6, 3);
    header.writeUIntBE(part.length, 9, 3);
    pieces.push(plainRecord(22, 50 + offset, Buffer.concat([header, part])));
  }
  return pieces;
}

describe('a handshake as server', () => {
  it('takes one flight of the client to answer, in one datagram, and one more to end', async () => {
    let hellos = 0;
    const meeting = new Meeting((record) => {
      if (messageType(record) === 1) hellos++;
      return [record];
    });
    await meeting.connected();
    // A client that was kept from its work says hello again, and is answered again.
    expect(hellos).toBeGreaterThan(0);
    expect(meeting.sent.map((datagram) => recordsOf(datagram).map(([type]) => type))).toEqual([
      ...Array<number[]>(hellos).fill([22, 22, 22, 22, 22]),
      [20, 22],
    ]);
    expect(Math.max(...meeting.sent.map(({ length }) => length))).toBeLessThan(1200);
  });

  it.each([1, 2, 3])('is made of messages in pieces that arrive in any order, and twice (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const meeting = new Meeting((record) => {
      if (!isPlainHandshake(record)) return [record];
      const pieces = inPieces(record, 20 + Math.floor(random() * 60));
      return [...pieces, ...pieces].toSorted(() => random() - 0.5);
    });
    await meeting.connected();
  });

  it('is made when the flight of the client arrives backwards', async () => {
    const held: Buffer[] = [];
    const meeting = new Meeting((record) => {
      if (messageType(record) === 1) return [record];
      if (record[0] === 20) return [];
      held.unshift(record);
      return held.length === 4 ? held.splice(0) : [];
    });
    await meeting.connected();
  });

  it.each([1, 11, 16, 15, undefined])('is made when message %s is lost once', async (lost) => {
    let count = 0;
    const meeting = new Meeting((record) =>
      record[0] === 22 && messageType(record) === lost && count++ === 0 ? [] : [record],
    );
    await meeting.connected();
    expect(count).toBeGreaterThan(1);
  });

  it('answers a repeated hello as before, and another one anew', async () => {
    const collect = (hellos: Buffer[]) =>
      new Meeting((record) => {
        hellos.push(record);
        return [];
      });
    // Each may be repeated before we look.
    const [one, another]: [Buffer[], Buffer[]] = [[], []];
    const meeting = collect(one);
    collect(another);
    await vi.waitFor(() => expect(Math.min(one.length, another.length)).toBeGreaterThan(0), {
      interval: 2,
      timeout: 5000,
    });
    const [[first], [second]] = [one, another];
    if (!first || !second) throw new Error('no hello');
    for (const hello of [first, first, second]) meeting.server.receive(hello);
    const answers = meeting.sent.map((datagram) =>
      Buffer.concat(recordsOf(datagram).map((record) => record.subarray(RECORD_HEADER_BYTES))),
    );
    expect(answers).toHaveLength(3);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).not.toEqual(answers[0]);
    // Each record has a number of its own (RFC 6347 §4.1).
    const numbers = meeting.sent.flatMap(recordsOf).map((record) => record.readUIntBE(5, 6));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('answers three hellos, and further ones with no more than three times what came', () => {
    const { server, sent, failed } = alone();
    const bytes = (datagrams: readonly Buffer[]) => datagrams.reduce((sum, { length }) => sum + length, 0);
    for (let count = 1; count <= 100; count++) {
      server.receive(hello());
      expect(sent.length).toBeGreaterThanOrEqual(Math.min(count, 3));
      // One answer may go beyond.
      if (sent.length > 3) expect(bytes(sent.slice(1))).toBeLessThanOrEqual(3 * count * hello().length);
    }
    expect(sent.length).toBeGreaterThan(3);
    expect(sent.length).toBeLessThanOrEqual(32);
    expect(failed).toEqual([]);
  });

  it('never answers more than 32, however long they are', () => {
    const { server, sent } = alone();
    const long = hello({ extensions: [[21, Array<number>(1000).fill(0)]] });
    for (let count = 0; count < 50; count++) server.receive(long);
    expect(sent).toHaveLength(32);
  });

  // Client messages: 1 Certificate, 2 ClientKeyExchange, 3 CertificateVerify; 4, Finished, is encrypted.
  it.each<[string, number, () => Buffer]>([
    ['a Finished', 15, () => message(20, 4, Buffer.alloc(12, 1))],
    ['a piece of a Finished', 15, () => message(20, 4, Buffer.alloc(6, 1), 12)],
    ['another hello', 11, () => hello()],
    ['another hello', 15, () => hello()],
    ['a hello that cannot be read', 1, () => message(1, 0, Buffer.from([1, 2, 3]))],
    ['a certificate that is none', 1, () => message(11, 1, Buffer.alloc(3))],
    ['the certificate of another', 1, () => message(11, 1, Buffer.concat([lengthsOf(5), Buffer.alloc(5, 1)]))],
    ['a key exchange without point', 11, () => message(16, 2, Buffer.alloc(0))],
    ['a point on no curve', 11, () => message(16, 2, Buffer.from([65, 4, ...Array<number>(64).fill(1)]))],
    ['a wrong proof', 16, () => message(15, 3, Buffer.from([4, 3, 0, 2, 1, 1]))],
    ['the point of another', 11, () => message(16, 2, pointOfAnother())],
  ])('is made although somebody slips in %s in plain text behind message %i', async (_name, behind, forged) => {
    let slippedIn = 0;
    const meeting = new Meeting((record) =>
      messageType(record) === behind && slippedIn++ === 0 ? [record, forged()] : [record],
    );
    await meeting.connected();
    expect(slippedIn).toBeGreaterThan(0);
    expect(meeting.failed).toEqual([]);
  });

  it('is made although a hello that cannot be read comes first', async () => {
    let slippedIn = 0;
    const meeting = new Meeting((record) =>
      slippedIn++ === 0 ? [message(1, 0, Buffer.from([1, 2, 3])), record] : [record],
    );
    await meeting.connected();
    expect(meeting.refused).toEqual(['malformed ClientHello']);
  });

  it('says the end again under a new number when asked to', async () => {
    const meeting = new Meeting((record) => [record]);
    await meeting.connected();
    const said = [meeting.sent.at(-1), meeting.association?.repeatEnd?.(), meeting.association?.repeatEnd?.()];
    const numbers = said.map((datagram) => recordsOf(datagram ?? Buffer.alloc(0)).map((r) => r.readUIntBE(5, 6)));
    expect(numbers).toEqual([
      [5, 0],
      [6, 1],
      [7, 2],
    ]);
  });
});

/** A server that nobody meets. */
function alone(): { server: ServerHandshake; sent: Buffer[]; refused: string[]; failed: string[] } {
  const [sent, refused, failed]: [Buffer[], string[], string[]] = [[], [], []];
  const server = new ServerHandshake({
    certificate: ours,
    remoteFingerprints: [],
    send: (datagram) => sent.push(datagram),
    onDone: () => {},
    onRefused: (detail) => refused.push(detail),
    onFailed: (detail) => failed.push(detail),
  });
  return { server, sent, refused, failed };
}

/** One plain handshake message, or the first piece of one. */
function message(type: number, sequence: number, body: Buffer, length = body.length): Buffer {
  const header = Buffer.alloc(HANDSHAKE_HEADER_BYTES);
  header.writeUInt8(type, 0);
  header.writeUIntBE(length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(body.length, 9, 3);
  return plainRecord(22, 900, Buffer.concat([header, body]));
}

/** Of a list with one certificate of so many bytes (RFC 5246 §7.4.2). */
const lengthsOf = (bytes: number) => Buffer.from([0, 0, bytes + 3, 0, 0, bytes]);

function pointOfAnother(): Buffer {
  const point = createECDH('prime256v1').generateKeys();
  return Buffer.concat([Buffer.from([point.length]), point]);
}

/** A ClientHello record of these parts; by default one that is answered. */
function hello(parts: { version?: number; suites?: number[]; extensions?: [number, number[]][] } = {}): Buffer {
  const { version = 0xfefd, suites = [0xc02b], extensions = [] } = parts;
  const pair = (value: number) => [value >> 8, value & 255];
  const encoded = extensions.flatMap(([type, data]) => [...pair(type), ...pair(data.length), ...data]);
  const body = Buffer.from([
    ...[...pair(version), ...Array<number>(32).fill(7), 0, 0],
    ...[...pair(suites.length * 2), ...suites.flatMap(pair), 1, 0],
    ...(encoded.length > 0 ? [...pair(encoded.length), ...encoded] : []),
  ]);
  return message(1, 0, body);
}

function answerTo(record: Buffer): { sent: Buffer[]; refused: string[] } {
  const { server, sent, refused } = alone();
  server.receive(record);
  return { sent, refused };
}

describe('a hello', () => {
  it.each<[string, Parameters<typeof hello>[0]]>([
    ['without extensions', {}],
    ['with DTLS 1.3 before 1.2', { extensions: [[43, [4, 0xfe, 0xfc, 0xfe, 0xfd]]] }],
    [
      'with other curves and schemes too',
      {
        extensions: [
          [10, [0, 4, 0, 29, 0, 23]],
          [13, [0, 4, 8, 4, 4, 3]],
        ],
      },
    ],
  ])('%s is answered', (_name, parts) => {
    const { sent, refused } = answerTo(hello(parts));
    expect(refused).toEqual([]);
    expect(sent).toHaveLength(1);
  });

  it.each<[string, Parameters<typeof hello>[0]]>([
    ['the client does not speak DTLS 1.2', { version: 0xfeff }],
    ['the client does not speak DTLS 1.2', { extensions: [[43, [2, 0xfe, 0xfc]]] }],
    ['no cipher suite in common', { suites: [0xc02f, 0x1301] }],
    ['the client does not know the curve P-256', { extensions: [[10, [0, 2, 0, 29]]] }],
    ['no signature algorithm in common', { extensions: [[13, [0, 2, 4, 1]]] }],
  ])('is refused because %s', (detail, parts) => {
    expect(answerTo(hello(parts))).toEqual({ sent: [], refused: [detail] });
  });

  it('of DTLS 1.2 gets answers to what it named only', () => {
    const plain = recordsOf(answerTo(hello()).sent[0] ?? Buffer.alloc(0))[0];
    // Version, random, no session, suite, no compression, and nothing more.
    expect(plain?.length).toBe(RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES + 2 + 32 + 1 + 2 + 1);
    const rich = hello({
      extensions: [
        [23, []],
        [14, [0, 4, 0, 1, 0, 7, 0]],
        [0xff01, [0]],
        [11, [1, 0]],
      ],
    });
    const answer = recordsOf(answerTo(rich).sent[0] ?? Buffer.alloc(0))[0];
    const named = ['0018', 'ff01000100', '00170000', '000b00020100', '000e00050002000700'];
    expect(answer?.subarray(-26).toString('hex')).toBe(named.join(''));
  });
});
