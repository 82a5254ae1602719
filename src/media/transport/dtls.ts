// One DTLS association (RFC 5764 over RFC 6347): werift's handshake behind a door that lets in only records which
// belong there, and a proof of the peer at its end. It must not know ICE, SRTP packets or SCTP.

import { DtlsClient, DtlsServer, type DtlsSocket } from 'werift';
import type { Fingerprint } from '../sdp/offer.ts';
import type { DtlsCertificate } from './certificate.ts';
import { disproof } from './dtls-proof.ts';
import { DtlsRecords, type RecordKeys } from './dtls-records.ts';
import { type SrtpProfile, saltLength } from './srtp-keys.ts';

/** Record content types (RFC 5246 §6.2.1). */
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

const RECORD_HEADER_BYTES = 13;
/** Type, length, sequence, fragment offset and fragment length (RFC 6347 §4.2.2). */
const HANDSHAKE_HEADER_BYTES = 12;
const FINISHED = 20;
const FINISHED_BYTES = HANDSHAKE_HEADER_BYTES + 12;
const WARNING = 1;
const FATAL = 2;
const CLOSE_NOTIFY = 0;

/** SRTP protection profiles in our order of preference: AES-GCM costs less than AES-CM with HMAC (RFC 7714 §14.2, RFC 5764 §4.1.2). */
const SRTP_PROFILES: readonly SrtpProfile[] = [7, 1];
const KEY_BYTES = 16;

/** Master keys from the DTLS exporter. */
export interface SrtpKeys {
  readonly profile: SrtpProfile;
  readonly localKey: Buffer;
  readonly localSalt: Buffer;
  readonly remoteKey: Buffer;
  readonly remoteSalt: Buffer;
}

export interface DtlsOptions {
  readonly role: 'server' | 'client';
  readonly certificate: DtlsCertificate;
  readonly remoteFingerprints: readonly Fingerprint[];
  readonly send: (datagram: Buffer) => void;
  /** The handshake is done and the peer proved. Without keys when the peer negotiated no SRTP. */
  readonly onConnected: (keys: SrtpKeys | undefined) => void;
  readonly onData: (message: Buffer) => void;
  /** The peer closed, or the handshake failed; called at most once, never after `close()`. */
  readonly onClosed: (reason: 'closed-by-peer' | 'failed', detail: string) => void;
}

/** A handshake is a few kB; more is somebody who fills werift's fragment buffer. */
const MAX_HANDSHAKE_BYTES = 64 * 1024;

/** Datagrams with DTLS start with a byte of 20 to 63 (RFC 7983 §7). */
export function isDtls(datagram: Uint8Array): boolean {
  const first = datagram[0] ?? 0;
  return first >= 20 && first <= 63;
}

export class Dtls {
  readonly #options: DtlsOptions;
  readonly #socket: DtlsSocket;
  readonly #underlay: Underlay;
  #state: 'handshaking' | 'connected' | 'closed' = 'handshaking';
  #handshakeBytes = 0;
  /** Once connected. */
  #records: DtlsRecords | undefined;

  constructor(options: DtlsOptions) {
    this.#options = options;
    this.#underlay = new Underlay(options.send);
    const shared = {
      cert: options.certificate.certificatePem,
      key: options.certificate.keyPem,
      // ECDSA with SHA-256, in werift's numbers.
      signatureHash: { hash: 4, signature: 3 } as const,
      transport: this.#underlay,
      srtpProfiles: [...SRTP_PROFILES],
      extendedMasterSecret: true,
    };
    const socket =
      options.role === 'server' ? new DtlsServer({ ...shared, certificateRequest: true }) : new DtlsClient(shared);
    socket.onConnect.once(() => this.#finish());
    socket.onError.subscribe((error) => this.#fail('failed', error.message));
    this.#socket = socket;
  }

  /** Client role only: sends the first hello. The peer's address must be known. */
  connect(): void {
    if (!(this.#socket instanceof DtlsClient)) return;
    this.#socket.connect().catch((error: unknown) => this.#fail('failed', String(error)));
  }

  /** A datagram from an address that passed ICE. Never throws. */
  receive(datagram: Buffer): void {
    let offset = 0;
    while (this.#state !== 'closed' && datagram.length - offset >= RECORD_HEADER_BYTES) {
      const end = offset + RECORD_HEADER_BYTES + datagram.readUInt16BE(offset + 11);
      if (end > datagram.length) return;
      this.#receiveRecord(datagram.subarray(offset, end));
      offset = end;
    }
  }

  /** Sends application data (an SCTP packet). */
  send(message: Buffer): void {
    this.#sendRecord(APPLICATION_DATA, message);
  }

  /** Says close_notify to a connected peer and stops. Idempotent. */
  close(): void {
    this.#sendRecord(ALERT, Buffer.from([WARNING, CLOSE_NOTIFY]));
    this.#state = 'closed';
    this.#underlay.shut();
  }

  /** Which records werift may see. All else is dropped: a plaintext alert, an unknown type and a late ClientHello each end a session in werift. */
  #receiveRecord(record: Buffer): void {
    const type = record.readUInt8(0);
    const encrypted = record.readUInt16BE(3) > 0;
    if (type === ALERT) {
      if (encrypted) this.#receiveAlert(record);
      return;
    }
    if (type === HANDSHAKE && encrypted) {
      // Of handshakes only Finished is encrypted; it comes again when ours was lost. An encrypted ClientHello would
      // make werift forget its keys, and endless encrypted fragments fill its memory.
      if (this.#isFinished(record)) this.#underlay.onData(record);
      return;
    }
    if (this.#state === 'handshaking') {
      if (type !== CHANGE_CIPHER_SPEC && !(type === HANDSHAKE && hasBoundedMessages(record))) return;
      this.#handshakeBytes += record.length;
      if (this.#handshakeBytes > MAX_HANDSHAKE_BYTES) {
        this.#fail('failed', 'handshake is too large');
        return;
      }
      this.#underlay.onData(record);
      return;
    }
    const message = type === APPLICATION_DATA ? this.#records?.unprotect(record) : undefined;
    if (message) this.#options.onData(message);
  }

  #receiveAlert(record: Buffer): void {
    const alert = this.#decrypted(record);
    if (!alert) return;
    const [level, description] = alert;
    if (level === FATAL || description === CLOSE_NOTIFY) this.#fail('closed-by-peer', `alert ${level}/${description}`);
  }

  #isFinished(record: Buffer): boolean {
    const message = this.#decrypted(record);
    return message?.length === FINISHED_BYTES && message[0] === FINISHED;
  }

  /** Undefined when the record is not authentic, or came before the keys. */
  #decrypted(record: Buffer): Buffer | undefined {
    try {
      return this.#socket.cipher.decryptPacket(readRecord(record));
    } catch {
      return undefined;
    }
  }

  #finish(): void {
    if (this.#state !== 'handshaking') return;
    const wrong = disproof(this.#socket, this.#options.role, this.#options.remoteFingerprints);
    if (wrong) {
      this.#fail('failed', wrong);
      return;
    }
    this.#records = new DtlsRecords(recordKeys(this.#socket, this.#options.role), FIRST_SEQUENCE);
    this.#state = 'connected';
    this.#options.onConnected(this.#keys());
  }

  #keys(): SrtpKeys | undefined {
    const profile = this.#socket.srtp.srtpProfile;
    if (profile !== 7 && profile !== 1) return undefined;
    return { profile, ...this.#socket.extractSessionKeys(KEY_BYTES, saltLength(profile)) };
  }

  #fail(reason: 'closed-by-peer' | 'failed', detail: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#underlay.shut();
    this.#options.onClosed(reason, detail);
  }

  #sendRecord(type: number, content: Buffer): void {
    if (this.#state === 'connected' && this.#records) this.#options.send(this.#records.protect(type, content));
  }
}

/** The key block as werift's cipher keeps it; the nonces have room for the explicit part behind the implicit one. */
interface WeriftKeys {
  readonly clientWriteKey: Buffer;
  readonly serverWriteKey: Buffer;
  readonly clientNonce: Buffer;
  readonly serverNonce: Buffer;
}

/** werift's Finished has a number of the epoch before, which its own messages would reach again; ours begin far behind it. */
const FIRST_SEQUENCE = 2 ** 16;
const IMPLICIT_NONCE_BYTES = 4;

function recordKeys(socket: DtlsSocket, role: 'server' | 'client'): RecordKeys {
  const keys = socket.cipher.cipher as unknown as WeriftKeys;
  const client = [keys.clientWriteKey, keys.clientNonce.subarray(0, IMPLICIT_NONCE_BYTES)] as const;
  const server = [keys.serverWriteKey, keys.serverNonce.subarray(0, IMPLICIT_NONCE_BYTES)] as const;
  const [[localKey, localNonce], [remoteKey, remoteNonce]] = role === 'client' ? [client, server] : [server, client];
  return { localKey, localNonce, remoteKey, remoteNonce };
}

/** werift allocates what the length of a message says (up to 16 MiB) once its last fragment is there. */
function hasBoundedMessages(record: Buffer): boolean {
  let offset = RECORD_HEADER_BYTES;
  while (record.length - offset >= HANDSHAKE_HEADER_BYTES) {
    if (record.readUIntBE(offset + 1, 3) > MAX_HANDSHAKE_BYTES) return false;
    offset += HANDSHAKE_HEADER_BYTES + record.readUIntBE(offset + 9, 3);
  }
  return true;
}

type WeriftRecord = Parameters<DtlsSocket['cipher']['decryptPacket']>[0];

function readRecord(record: Buffer): WeriftRecord {
  return {
    recordLayerHeader: {
      contentType: record.readUInt8(0),
      protocolVersion: { major: record.readUInt8(1), minor: record.readUInt8(2) },
      epoch: record.readUInt16BE(3),
      sequenceNumber: record.readUIntBE(5, 6),
      contentLen: record.readUInt16BE(11),
    },
    fragment: record.subarray(RECORD_HEADER_BYTES),
  } as WeriftRecord;
}

/** What werift takes for a socket. After `shut` its late retransmission timers send into nothing. */
class Underlay {
  readonly type = 'udp';
  readonly address = { address: '', family: '', port: 0 };
  closed = false;
  onData: (data: Buffer) => void = () => {};
  readonly #send: (datagram: Buffer) => void;

  constructor(send: (datagram: Buffer) => void) {
    this.#send = send;
  }

  readonly send = async (datagram: Buffer): Promise<void> => {
    if (!this.closed) this.#send(datagram);
  };

  readonly close = async (): Promise<void> => {
    this.shut();
  };

  shut(): void {
    this.closed = true;
  }
}
