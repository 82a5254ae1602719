// Protection of DTLS 1.2 records after the handshake (RFC 6347 §4.1, RFC 5288): AES-128-GCM, numbers, no record twice.
// It must not know the handshake that made the keys, nor what the records carry.

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { ReplayWindow } from '../../rtp/replay-window.ts';

/** Keys of one direction each, as the key block has them (RFC 5246 §6.3): 16 bytes key, 4 bytes implicit nonce. */
export interface RecordKeys {
  readonly localKey: Buffer;
  readonly localNonce: Buffer;
  readonly remoteKey: Buffer;
  readonly remoteNonce: Buffer;
}

const CIPHER = 'aes-128-gcm';
/** Type, version, epoch, sequence number and length (RFC 6347 §4.1). */
const HEADER_BYTES = 13;
const IMPLICIT_NONCE_BYTES = 4;
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;
const TAG = { authTagLength: TAG_BYTES };
const OVERHEAD_BYTES = EXPLICIT_NONCE_BYTES + TAG_BYTES;
/** Of what a record protects (RFC 5246 §6.2.1). */
const MAX_CONTENT_BYTES = 2 ** 14;
/** The first after the handshake; there is no other, since nobody renegotiates here. */
const EPOCH = 1;
/** DTLS 1.2. */
const VERSION = 0xfefd;
/** How far records may change places on their way; a message of 64 KiB is 57. */
const REPLAY_WINDOW = 256;

/** Reused: a cipher copies them. Nothing here waits, so that one of each is enough for a thread. */
const nonce = Buffer.alloc(IMPLICIT_NONCE_BYTES + EXPLICIT_NONCE_BYTES);
const additionalData = Buffer.alloc(HEADER_BYTES);

export class DtlsRecords {
  /** Key objects, since Node takes 8 µs longer for every cipher that is given a key as bytes. */
  readonly #localKey: KeyObject;
  readonly #remoteKey: KeyObject;
  readonly #localNonce: Buffer;
  readonly #remoteNonce: Buffer;
  readonly #seen = new ReplayWindow(REPLAY_WINDOW);
  #nextSequence: number;

  /** @param firstSequence above every number that these keys have protected: one that comes twice would give the keys away */
  constructor(keys: RecordKeys, firstSequence: number) {
    this.#localKey = createSecretKey(keys.localKey);
    this.#remoteKey = createSecretKey(keys.remoteKey);
    this.#localNonce = Buffer.from(keys.localNonce);
    this.#remoteNonce = Buffer.from(keys.remoteNonce);
    this.#nextSequence = firstSequence;
  }

  /** A whole record of this content type (RFC 5246 §6.2.1). */
  protect(type: number, content: Buffer): Buffer {
    const record = Buffer.allocUnsafe(HEADER_BYTES + OVERHEAD_BYTES + content.length);
    record.writeUInt8(type, 0);
    record.writeUInt16BE(VERSION, 1);
    record.writeUInt16BE(EPOCH, 3);
    record.writeUIntBE(this.#nextSequence++, 5, 6);
    record.writeUInt16BE(OVERHEAD_BYTES + content.length, 11);
    // The explicit nonce is epoch and number, as everybody has it (RFC 5288 §3 leaves it open).
    record.copy(record, HEADER_BYTES, 3, HEADER_BYTES - 2);
    const cipher = createCipheriv(CIPHER, this.#localKey, nonceOf(this.#localNonce, record));
    cipher.setAAD(additionalDataOf(record, content.length));
    record.set(cipher.update(content), HEADER_BYTES + EXPLICIT_NONCE_BYTES);
    cipher.final();
    record.set(cipher.getAuthTag(), record.length - TAG_BYTES);
    return record;
  }

  /** The content of a whole record; undefined when it is not authentic, too large, of another epoch, too old or came before. */
  unprotect(record: Buffer): Buffer | undefined {
    const contentBytes = record.length - HEADER_BYTES - OVERHEAD_BYTES;
    if (contentBytes < 0 || contentBytes > MAX_CONTENT_BYTES || record.readUInt16BE(3) !== EPOCH) return undefined;
    const sequence = record.readUIntBE(5, 6);
    if (!this.#seen.isFresh(sequence)) return undefined;
    const decipher = createDecipheriv(CIPHER, this.#remoteKey, nonceOf(this.#remoteNonce, record), TAG);
    decipher.setAAD(additionalDataOf(record, contentBytes));
    decipher.setAuthTag(record.subarray(record.length - TAG_BYTES));
    const content = decipher.update(record.subarray(HEADER_BYTES + EXPLICIT_NONCE_BYTES, record.length - TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    this.#seen.add(sequence);
    return content;
  }
}

function nonceOf(implicit: Buffer, record: Buffer): Buffer {
  nonce.set(implicit);
  record.copy(nonce, IMPLICIT_NONCE_BYTES, HEADER_BYTES, HEADER_BYTES + EXPLICIT_NONCE_BYTES);
  return nonce;
}

/** Epoch and number, type, version, length of the content (RFC 5246 §6.2.3.3). */
function additionalDataOf(record: Buffer, contentBytes: number): Buffer {
  record.copy(additionalData, 0, 3, 11);
  record.copy(additionalData, 8, 0, 3);
  additionalData.writeUInt16BE(contentBytes, 11);
  return additionalData;
}
