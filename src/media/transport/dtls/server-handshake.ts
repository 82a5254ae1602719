// The server's side of a DTLS 1.2 handshake as a state machine (RFC 6347 §4.2, RFC 5764, RFC 7627): records in, datagrams
// and an outcome out. It has no timer: a client repeats its messages until it has our answer, and we repeat ours when it does.
// It must not know sockets or what the connection is for.

import { createECDH, type ECDH, randomBytes, sign } from 'node:crypto';
import { DtlsRecords, type RecordKeys } from '../dtls-records.ts';
import type { ExportedKeys, Handshake, HandshakeOptions } from './association.ts';
import { type ClientHello, ECDSA_P256_SHA256, P256, readClientHello, vector } from './client-hello.ts';
import { copyOf, type HandshakeMessage, handshakeMessage, MessageAssembly } from './handshake-messages.ts';
import { masterSecret, recordKeys, sha256, srtpMasterKeys, verifyData } from './key-schedule.ts';
import { hasFingerprint, isSigned, leafCertificate, sameBytes } from './peer-proof.ts';
import {
  CHANGE_CIPHER_SPEC,
  contentType,
  epochOf,
  FINISHED,
  HANDSHAKE,
  HANDSHAKE_HEADER_BYTES,
  isFinishedMessage,
  plainRecord,
  RECORD_HEADER_BYTES,
  VERIFY_DATA_BYTES,
} from './records.ts';
import { serverHello } from './server-hello.ts';
import { serverIdentity } from './server-identity.ts';

/** Handshake types (RFC 5246 §7.4). */
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_REQUEST = 13;
const SERVER_HELLO_DONE = 14;
const CERTIFICATE_VERIFY = 15;
const CLIENT_KEY_EXCHANGE = 16;

/**
 * The address of a hello may be forged, and our answer is several times as long: so many are answered in any case, further
 * ones only while we have sent less than this factor of what came (as RFC 9000 §8.1), so that a path which loses a burst
 * of answers still gets one. The rest is ignored: a client without an answer comes to its setup timeout.
 */
const FREE_ANSWERS = 3;
const MAX_AMPLIFICATION = 3;
/** A client repeats its hello about ten times before it gives up. A new answer costs a signature. */
const MAX_ANSWERS = 32;
const NAMED_CURVE = 3;
/** What passes every path (RFC 8200 §5 less headers, as libwebrtc counts). */
const MAX_DATAGRAM_BYTES = 1200;

/** What the client's hello began. */
interface Exchange {
  readonly hello: ClientHello;
  readonly firstMessage: Buffer;
  readonly serverRandom: Buffer;
  readonly ecdh: ECDH;
  /** Our answer to the hello, ready to be sent again. */
  readonly flight: readonly Buffer[];
}

type Awaited = typeof CERTIFICATE | typeof CLIENT_KEY_EXCHANGE | typeof CERTIFICATE_VERIFY | typeof FINISHED;

export class ServerHandshake implements Handshake {
  readonly #options: HandshakeOptions;
  readonly #assembly = new MessageAssembly();
  #ended = false;
  #answers = 0;
  /** Of hellos, and of the answers to them. */
  #helloBytes = 0;
  #answerBytes = 0;
  #plainSequence = 0;
  #exchange: Exchange | undefined;
  #awaited: Awaited = CERTIFICATE;
  #nextSequence = 0;
  /** Whole messages of both sides so far. */
  #transcript: Buffer[] = [];
  #certificate: Buffer | undefined;
  #master: Buffer | undefined;
  #keys: RecordKeys | undefined;
  /** For the two messages of Finished. */
  #records: DtlsRecords | undefined;
  /** An encrypted message that overtook what it needs. */
  #early: Buffer | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  start(): void {
    // The client speaks first.
  }

  /** What does not belong here is ignored: anybody can write a plain record. */
  receive(record: Buffer): void {
    if (this.#ended || contentType(record) !== HANDSHAKE) return;
    try {
      if (epochOf(record) > 0) this.#receiveFinished(record);
      else this.#receivePlain(record);
    } catch (error) {
      this.#options.onRefused(unreadable(error));
    }
  }

  stop(): void {
    this.#ended = true;
  }

  #receivePlain(record: Buffer): void {
    this.#assembly.add(record.subarray(RECORD_HEADER_BYTES), this.#nextSequence);
    const hello = this.#assembly.take(0);
    if (hello?.type === CLIENT_HELLO) this.#receiveHello(hello);
    // Finished is not among them: it comes encrypted.
    while (this.#exchange && this.#awaited !== FINISHED) {
      const message = this.#assembly.take(this.#nextSequence);
      if (!message) break;
      if (message.type === this.#awaited) this.#receiveNext(message);
    }
    const early = this.#awaited === FINISHED ? this.#early : undefined;
    if (!early || this.#ended) return;
    this.#early = undefined;
    this.#receiveFinished(early);
  }

  #receiveHello(message: HandshakeMessage): void {
    this.#helloBytes += message.bytes.length;
    if (!this.#mayAnswer()) return;
    const isRepeated = this.#exchange?.firstMessage.equals(message.bytes);
    if (!isRepeated) {
      // Somebody else's, in the middle of a handshake with who showed the right certificate.
      if (this.#awaited !== CERTIFICATE) return;
      const hello = readClientHello(message.body);
      if (typeof hello === 'string') {
        this.#options.onRefused(hello);
        return;
      }
      this.#begin(hello, message.bytes);
    }
    this.#answers++;
    const records = (this.#exchange?.flight ?? []).map((bytes) => plainRecord(HANDSHAKE, this.#plainSequence++, bytes));
    for (const datagram of packed(records)) {
      this.#answerBytes += datagram.length;
      this.#options.send(datagram);
    }
  }

  #mayAnswer(): boolean {
    if (this.#answers < FREE_ANSWERS) return true;
    return this.#answers < MAX_ANSWERS && this.#answerBytes < MAX_AMPLIFICATION * this.#helloBytes;
  }

  /** A first hello, or another one while nothing came of the one before: whoever sent that, it starts anew. */
  #begin(hello: ClientHello, firstMessage: Buffer): void {
    const { key, certificate, certificateRequest } = serverIdentity(this.#options.certificate);
    const serverRandom = randomBytes(32);
    const ecdh = createECDH('prime256v1');
    const point = ecdh.generateKeys();
    // ECDHE parameters (RFC 8422 §5.4), then the signature over both randoms and them.
    const parameters = Buffer.concat([Buffer.from([NAMED_CURVE, 0, P256, point.length]), point]);
    const signature = sign('sha256', Buffer.concat([hello.random, serverRandom, parameters]), key);
    const messages = [
      handshakeMessage(SERVER_HELLO, 0, serverHello(hello, serverRandom)),
      handshakeMessage(CERTIFICATE, 1, certificate),
      handshakeMessage(SERVER_KEY_EXCHANGE, 2, Buffer.concat([parameters, signed(signature)])),
      handshakeMessage(CERTIFICATE_REQUEST, 3, certificateRequest),
      handshakeMessage(SERVER_HELLO_DONE, 4, Buffer.alloc(0)),
    ];
    this.#exchange = { hello, firstMessage, serverRandom, ecdh, flight: messages };
    this.#early = undefined;
    this.#awaitFlight(this.#exchange);
  }

  /** From the client's first message behind its hello. */
  #awaitFlight({ firstMessage, flight }: Exchange): void {
    this.#transcript = [firstMessage, ...flight];
    this.#awaited = CERTIFICATE;
    this.#nextSequence = 1;
    this.#certificate = undefined;
    this.#master = undefined;
    this.#keys = undefined;
    this.#records = undefined;
  }

  /** The message whose turn it is. One that is wrong may be forged: it is dropped, and the right one may follow. */
  #receiveNext(message: HandshakeMessage): void {
    const wrong = this.#judge(message);
    if (wrong) {
      this.#options.onRefused(wrong);
      // Or one of those before it was forged: the client, who waits for our Finished, says all of them again.
      if (message.type === CERTIFICATE_VERIFY && this.#exchange) this.#awaitFlight(this.#exchange);
      return;
    }
    this.#nextSequence = message.sequence + 1;
    this.#transcript.push(message.bytes);
    this.#awaited = FOLLOWING[message.type] ?? FINISHED;
  }

  /** Takes from a message what is needed later. @returns what is wrong with it, and then nothing is taken */
  #judge(message: HandshakeMessage): string | undefined {
    try {
      return this.#judgeReadable(message);
    } catch (error) {
      // A point that is on no curve, a certificate that is none.
      return unreadable(error);
    }
  }

  #judgeReadable({ type, body, bytes }: HandshakeMessage): string | undefined {
    if (type === CERTIFICATE) {
      const certificate = leafCertificate(body);
      if (!certificate) return 'no certificate';
      if (!hasFingerprint(certificate, this.#options.remoteFingerprints)) {
        return 'certificate does not have the fingerprint of the SDP';
      }
      this.#certificate = certificate;
    }
    if (type === CLIENT_KEY_EXCHANGE) this.#deriveKeys(body, bytes);
    if (type === CERTIFICATE_VERIFY) {
      const signature = vector(body, 2, 2)?.bytes;
      if (!signature || !this.#certificate) return 'malformed CertificateVerify';
      // All messages from the hello up to the key exchange (RFC 5246 §7.4.8).
      const data = Buffer.concat(this.#transcript);
      if (!isSigned(data, body.readUInt16BE(0), this.#certificate, signature)) {
        return 'CertificateVerify signature is wrong';
      }
    }
    return undefined;
  }

  /** @throws when the client's point is none of the curve */
  #deriveKeys(keyExchange: Buffer, message: Buffer): void {
    if (!this.#exchange) return;
    const { ecdh, hello, serverRandom } = this.#exchange;
    const preMasterSecret = ecdh.computeSecret(vector(keyExchange, 0, 1)?.bytes ?? Buffer.alloc(0));
    const sessionHash = hello.extendedMasterSecret ? sha256(Buffer.concat([...this.#transcript, message])) : undefined;
    this.#master = masterSecret(preMasterSecret, sessionHash, hello.random, serverRandom);
    this.#keys = recordKeys('server', this.#master, hello.random, serverRandom);
    this.#records = new DtlsRecords(this.#keys, 0);
  }

  /** The one encrypted message of a client. One that is not authentic is not from the client. */
  #receiveFinished(record: Buffer): void {
    if (!this.#master || !this.#keys || !this.#records || this.#awaited !== FINISHED) {
      // One Finished and no more, in memory of its own.
      if (record.length <= MAX_FINISHED_RECORD_BYTES) this.#early = copyOf(record);
      return;
    }
    const message = this.#records.unprotect(record);
    if (!isFinishedMessage(message) || message.readUInt16BE(4) !== this.#nextSequence) return;
    const before = Buffer.concat(this.#transcript);
    if (!sameBytes(message.subarray(HANDSHAKE_HEADER_BYTES), verifyData(this.#master, 'client', before))) {
      this.#fail('Finished does not match the handshake');
      return;
    }
    const proof = verifyData(this.#master, 'server', Buffer.concat([before, message]));
    const finished = handshakeMessage(FINISHED, OWN_FINISHED_SEQUENCE, proof);
    // Records of their own from here on: werift's clients give a number to Finished and, later, to data.
    const records = new DtlsRecords(this.#keys, 1);
    const sequence = this.#plainSequence;
    const srtpKeys = this.#srtpKeys();
    this.stop();
    this.#options.send(endOfHandshake(this.#records, finished, sequence));
    let repeated = 0;
    const repeatEnd = (): Buffer => endOfHandshake(records, finished, sequence + ++repeated);
    this.#options.onDone({ records, srtpKeys, repeatEnd });
  }

  #srtpKeys(): ExportedKeys | undefined {
    const profile = this.#exchange?.hello.srtpProfile;
    if (!this.#exchange || !this.#master || !profile) return undefined;
    const { hello, serverRandom } = this.#exchange;
    const keys = srtpMasterKeys(profile, this.#master, hello.random, serverRandom);
    return {
      profile,
      localKey: keys.serverKey,
      localSalt: keys.serverSalt,
      remoteKey: keys.clientKey,
      remoteSalt: keys.clientSalt,
    };
  }

  #fail(detail: string): void {
    if (this.#ended) return;
    this.stop();
    this.#options.onFailed(detail);
  }
}

/** Behind the five messages that answer the hello. */
const OWN_FINISHED_SEQUENCE = 5;

/** Header, explicit nonce, Finished, tag (RFC 5288 §3). */
const MAX_FINISHED_RECORD_BYTES = RECORD_HEADER_BYTES + 8 + HANDSHAKE_HEADER_BYTES + VERIFY_DATA_BYTES + 16;

function unreadable(error: unknown): string {
  return `unreadable handshake: ${error instanceof Error ? error.message : String(error)}`;
}

const FOLLOWING: Readonly<Record<number, Awaited>> = {
  [CERTIFICATE]: CLIENT_KEY_EXCHANGE,
  [CLIENT_KEY_EXCHANGE]: CERTIFICATE_VERIFY,
  [CERTIFICATE_VERIFY]: FINISHED,
};

/** Scheme, length, signature (RFC 5246 §4.7). */
function signed(signature: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(ECDSA_P256_SHA256, 0);
  head.writeUInt16BE(signature.length, 2);
  return Buffer.concat([head, signature]);
}

/** As few datagrams as the records fit in. */
function packed(records: readonly Buffer[]): Buffer[] {
  const datagrams: Buffer[] = [];
  let waiting: Buffer[] = [];
  let bytes = 0;
  for (const record of records) {
    if (waiting.length > 0 && bytes + record.length > MAX_DATAGRAM_BYTES) {
      datagrams.push(Buffer.concat(waiting));
      waiting = [];
      bytes = 0;
    }
    waiting.push(record);
    bytes += record.length;
  }
  if (waiting.length > 0) datagrams.push(Buffer.concat(waiting));
  return datagrams;
}

/** Says that from here on we encrypt, and proves that we have the keys (RFC 5246 §7.1, §7.4.9). */
function endOfHandshake(records: DtlsRecords, finished: Buffer, plainSequence: number): Buffer {
  return Buffer.concat([
    plainRecord(CHANGE_CIPHER_SPEC, plainSequence, Buffer.from([1])),
    records.protect(HANDSHAKE, finished),
  ]);
}
