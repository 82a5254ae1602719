// The client's side of a DTLS handshake, for the few who insist on being the server (FFmpeg): werift's, behind a door that
// lets in only records which belong there, and a proof of the peer at its end. It must not know what follows the handshake.

import { DtlsClient } from 'werift';
import { DtlsRecords } from '../dtls-records.ts';
import type { Association, Handshake, HandshakeOptions } from './association.ts';
import { recordKeys, srtpMasterKeys } from './key-schedule.ts';
import {
  contentType,
  epochOf,
  HANDSHAKE,
  HANDSHAKE_HEADER_BYTES,
  isFinishedMessage,
  RECORD_HEADER_BYTES,
} from './records.ts';
import { disproofOfServer } from './werift-proof.ts';

/** werift allocates what the length of a message says (up to 16 MiB) once its last fragment is there. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/**
 * werift numbers its Finished on from the plain records and starts over at 1 behind it, so that a number, and with it a nonce,
 * would come twice. Far behind whatever it used we are alone.
 */
const FIRST_SEQUENCE = 2 ** 16;

export class WeriftClientHandshake implements Handshake {
  readonly #options: HandshakeOptions;
  readonly #socket: DtlsClient;
  readonly #underlay: Underlay;
  #ended = false;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#underlay = new Underlay(options.send);
    this.#socket = new DtlsClient({
      cert: options.certificate.certificatePem,
      key: options.certificate.keyPem,
      // ECDSA with SHA-256, in werift's numbers.
      signatureHash: { hash: 4, signature: 3 } as const,
      transport: this.#underlay,
      // AES-GCM before AES-CM with HMAC.
      srtpProfiles: [7, 1],
      extendedMasterSecret: true,
    });
    this.#socket.onConnect.once(() => this.#finish());
    this.#socket.onError.subscribe((error) => this.#fail(error.message));
  }

  start(): void {
    this.#socket.connect().catch((error: unknown) => this.#fail(String(error)));
  }

  receive(record: Buffer): void {
    if (this.#ended) return;
    if (epochOf(record) > 0) {
      // Of handshakes only Finished is encrypted. Endless encrypted fragments would fill werift's memory.
      if (isFinishedMessage(this.#decrypted(record))) this.#underlay.onData(record);
      return;
    }
    if (contentType(record) === HANDSHAKE && !hasBoundedMessages(record)) return;
    this.#underlay.onData(record);
  }

  stop(): void {
    this.#ended = true;
    this.#underlay.shut();
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
    if (this.#ended) return;
    const wrong = disproofOfServer(this.#socket, this.#options.remoteFingerprints);
    if (wrong) {
      this.#fail(wrong);
      return;
    }
    // Late repetitions end in nothing.
    this.stop();
    this.#options.onDone(this.#association());
  }

  #association(): Association {
    const { masterSecret: master, localRandom, remoteRandom } = this.#socket.cipher;
    const [client, server] = [localRandom.serialize(), remoteRandom.serialize()];
    const profile = this.#socket.srtp.srtpProfile;
    const hasSrtp = profile === 7 || profile === 1;
    const srtp = hasSrtp ? srtpMasterKeys(profile, master, client, server) : undefined;
    return {
      records: new DtlsRecords(recordKeys('client', master, client, server), FIRST_SEQUENCE),
      srtpKeys:
        hasSrtp && srtp
          ? {
              profile,
              localKey: srtp.clientKey,
              localSalt: srtp.clientSalt,
              remoteKey: srtp.serverKey,
              remoteSalt: srtp.serverSalt,
            }
          : undefined,
      repeatEnd: undefined,
    };
  }

  #fail(detail: string): void {
    if (this.#ended) return;
    this.stop();
    this.#options.onFailed(detail);
  }
}

function hasBoundedMessages(record: Buffer): boolean {
  let offset = RECORD_HEADER_BYTES;
  while (record.length - offset >= HANDSHAKE_HEADER_BYTES) {
    if (record.readUIntBE(offset + 1, 3) > MAX_MESSAGE_BYTES) return false;
    offset += HANDSHAKE_HEADER_BYTES + record.readUIntBE(offset + 9, 3);
  }
  return true;
}

type WeriftRecord = Parameters<DtlsClient['cipher']['decryptPacket']>[0];

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
