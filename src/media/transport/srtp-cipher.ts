// Encrypts and authenticates one packet under a given packet index (RFC 3711 §3.1, §3.4, §4; RFC 7714 §8, §9).
// It must not know how indexes are found, nor which were used before.

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import type { SrtpKeySet, SrtpKeys, SrtpProfile } from './srtp-keys.ts';

/** First bit of the word that ends an SRTCP packet: the body is encrypted (RFC 3711 §3.4). */
const ENCRYPTED_FLAG = 0x8000_0000;
const RTCP_HEADER_LENGTH = 8;
const INDEX_WORD_LENGTH = 4;

/**
 * `index` of RTP is 48 bits, roll-over counter times 2^16 plus sequence number; of RTCP 31 bits. The protect functions
 * must never see an index twice for one SSRC with different bytes: it would give away the GCM authentication key.
 */
export interface SrtpCipher {
  /** Bytes that protection adds to an RTP packet. */
  readonly tagLength: number;
  protectRtp(packet: Uint8Array, headerLength: number, index: number): Buffer;
  unprotectRtp(packet: Uint8Array, headerLength: number, index: number): Buffer | undefined;
  protectRtcp(packet: Uint8Array, index: number): Buffer;
  unprotectRtcp(packet: Uint8Array): Buffer | undefined;
  /** The index that an SRTCP packet claims, to be believed only after `unprotectRtcp`; undefined when too short. */
  rtcpIndex(packet: Uint8Array): number | undefined;
}

export function createSrtpCipher(profile: SrtpProfile, keys: SrtpKeys): SrtpCipher {
  return profile === 7 ? new GcmCipher(keys) : new CounterModeCipher(keys);
}

function uint32At(bytes: Uint8Array, offset: number): number {
  const at = (place: number) => bytes[place] ?? 0;
  return ((at(offset) << 24) | (at(offset + 1) << 16) | (at(offset + 2) << 8) | at(offset + 3)) >>> 0;
}

/** Key objects, since Node takes 8 µs longer for every cipher or HMAC that is given a key as bytes. */
interface PreparedKeys {
  readonly encryption: KeyObject;
  readonly authentication: KeyObject;
  readonly salt: Buffer;
}

function prepare(keys: SrtpKeySet): PreparedKeys {
  return {
    encryption: createSecretKey(keys.encryptionKey),
    authentication: createSecretKey(keys.authenticationKey),
    salt: keys.salt,
  };
}

class GcmCipher implements SrtpCipher {
  readonly tagLength = 16;
  readonly #rtp: PreparedKeys;
  readonly #rtcp: PreparedKeys;
  /** Reused: the cipher copies it. */
  readonly #nonce = Buffer.alloc(12);

  constructor(keys: SrtpKeys) {
    this.#rtp = prepare(keys.rtp);
    this.#rtcp = prepare(keys.rtcp);
  }

  protectRtp(packet: Uint8Array, headerLength: number, index: number): Buffer {
    const cipher = createCipheriv('aes-128-gcm', this.#rtp.encryption, this.#rtpNonce(packet, index));
    cipher.setAAD(packet.subarray(0, headerLength));
    const out = Buffer.allocUnsafe(packet.length + this.tagLength);
    out.set(packet.subarray(0, headerLength));
    out.set(cipher.update(packet.subarray(headerLength)), headerLength);
    cipher.final();
    out.set(cipher.getAuthTag(), packet.length);
    return out;
  }

  unprotectRtp(packet: Uint8Array, headerLength: number, index: number): Buffer | undefined {
    const end = packet.length - this.tagLength;
    if (end < headerLength) return undefined;
    const nonce = this.#rtpNonce(packet, index);
    return this.#open(this.#rtp, nonce, packet.subarray(0, headerLength), packet, headerLength, end);
  }

  /** RFC 7714 §9.2: associated data is the first 8 bytes and the index word; the tag precedes the index word. */
  protectRtcp(packet: Uint8Array, index: number): Buffer {
    const out = Buffer.allocUnsafe(packet.length + this.tagLength + INDEX_WORD_LENGTH);
    const wordOffset = packet.length + this.tagLength;
    out.writeUInt32BE(ENCRYPTED_FLAG + index, wordOffset);
    out.set(packet.subarray(0, RTCP_HEADER_LENGTH));
    const cipher = createCipheriv('aes-128-gcm', this.#rtcp.encryption, this.#rtcpNonce(packet, index));
    cipher.setAAD(Buffer.concat([packet.subarray(0, RTCP_HEADER_LENGTH), out.subarray(wordOffset)]));
    out.set(cipher.update(packet.subarray(RTCP_HEADER_LENGTH)), RTCP_HEADER_LENGTH);
    cipher.final();
    out.set(cipher.getAuthTag(), packet.length);
    return out;
  }

  unprotectRtcp(packet: Uint8Array): Buffer | undefined {
    const index = this.rtcpIndex(packet);
    if (index === undefined) return undefined;
    const wordOffset = packet.length - INDEX_WORD_LENGTH;
    const end = wordOffset - this.tagLength;
    const nonce = this.#rtcpNonce(packet, index);
    // Without the flag everything is associated data and nothing is ciphertext (§9.3).
    const bodyOffset = uint32At(packet, wordOffset) >= ENCRYPTED_FLAG ? RTCP_HEADER_LENGTH : end;
    const associated = Buffer.concat([packet.subarray(0, bodyOffset), packet.subarray(wordOffset)]);
    return this.#open(this.#rtcp, nonce, associated, packet, bodyOffset, end);
  }

  rtcpIndex(packet: Uint8Array): number | undefined {
    if (packet.length < RTCP_HEADER_LENGTH + this.tagLength + INDEX_WORD_LENGTH) return undefined;
    return uint32At(packet, packet.length - INDEX_WORD_LENGTH) % ENCRYPTED_FLAG;
  }

  /** Decrypts from `offset` to `end`, where the tag begins, keeping what lies before; undefined when it is not authentic. */
  #open(keys: PreparedKeys, nonce: Buffer, associated: Uint8Array, packet: Uint8Array, offset: number, end: number) {
    const decipher = createDecipheriv('aes-128-gcm', keys.encryption, nonce, { authTagLength: this.tagLength });
    decipher.setAAD(associated);
    decipher.setAuthTag(packet.subarray(end, end + this.tagLength));
    // Memory of its own: it goes to other threads, which would take the whole pool along.
    const out = Buffer.allocUnsafeSlow(end);
    out.set(packet.subarray(0, offset));
    out.set(decipher.update(packet.subarray(offset, end)), offset);
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return out;
  }

  /** RFC 7714 §8.1: two zero bytes, SSRC, roll-over counter, sequence number; all XOR the salt. */
  #rtpNonce(packet: Uint8Array, index: number): Buffer {
    const nonce = this.#nonce;
    nonce.writeUInt16BE(0, 0);
    nonce.set(packet.subarray(8, 12), 2);
    nonce.writeUIntBE(index, 6, 6);
    return xorInto(nonce, this.#rtp.salt);
  }

  /** RFC 7714 §9.1: two zero bytes, SSRC, two zero bytes, index; all XOR the salt. */
  #rtcpNonce(packet: Uint8Array, index: number): Buffer {
    const nonce = this.#nonce;
    nonce.writeUInt16BE(0, 0);
    nonce.set(packet.subarray(4, 8), 2);
    nonce.writeUIntBE(index, 6, 6);
    return xorInto(nonce, this.#rtcp.salt);
  }
}

class CounterModeCipher implements SrtpCipher {
  readonly tagLength = 10;
  readonly #rtp: PreparedKeys;
  readonly #rtcp: PreparedKeys;
  readonly #counter = Buffer.alloc(16);
  readonly #rolloverCounter = Buffer.alloc(4);

  constructor(keys: SrtpKeys) {
    this.#rtp = prepare(keys.rtp);
    this.#rtcp = prepare(keys.rtcp);
  }

  protectRtp(packet: Uint8Array, headerLength: number, index: number): Buffer {
    const out = Buffer.allocUnsafe(packet.length + this.tagLength);
    out.set(packet.subarray(0, headerLength));
    const counter = this.#startCounter(this.#rtp, packet, 8, index);
    this.#crypt(this.#rtp, counter, packet.subarray(headerLength), out, headerLength);
    out.set(this.#rtpTag(out.subarray(0, packet.length), index), packet.length);
    return out;
  }

  unprotectRtp(packet: Uint8Array, headerLength: number, index: number): Buffer | undefined {
    const end = packet.length - this.tagLength;
    if (end < headerLength) return undefined;
    if (!timingSafeEqual(this.#rtpTag(packet.subarray(0, end), index), packet.subarray(end))) return undefined;
    // Memory of its own: it goes to other threads, which would take the whole pool along.
    const out = Buffer.allocUnsafeSlow(end);
    out.set(packet.subarray(0, headerLength));
    const counter = this.#startCounter(this.#rtp, packet, 8, index);
    this.#crypt(this.#rtp, counter, packet.subarray(headerLength, end), out, headerLength);
    return out;
  }

  /** RFC 3711 §3.4: the index word precedes the tag and is authenticated. */
  protectRtcp(packet: Uint8Array, index: number): Buffer {
    const out = Buffer.allocUnsafe(packet.length + INDEX_WORD_LENGTH + this.tagLength);
    out.set(packet.subarray(0, RTCP_HEADER_LENGTH));
    const counter = this.#startCounter(this.#rtcp, packet, 4, index);
    this.#crypt(this.#rtcp, counter, packet.subarray(RTCP_HEADER_LENGTH), out, RTCP_HEADER_LENGTH);
    out.writeUInt32BE(ENCRYPTED_FLAG + index, packet.length);
    const tagOffset = packet.length + INDEX_WORD_LENGTH;
    out.set(this.#rtcpTag(out.subarray(0, tagOffset)), tagOffset);
    return out;
  }

  unprotectRtcp(packet: Uint8Array): Buffer | undefined {
    const index = this.rtcpIndex(packet);
    if (index === undefined) return undefined;
    const tagOffset = packet.length - this.tagLength;
    if (!timingSafeEqual(this.#rtcpTag(packet.subarray(0, tagOffset)), packet.subarray(tagOffset))) return undefined;
    const wordOffset = tagOffset - INDEX_WORD_LENGTH;
    const out = Buffer.from(packet.subarray(0, wordOffset));
    if (uint32At(packet, wordOffset) < ENCRYPTED_FLAG) return out;
    const counter = this.#startCounter(this.#rtcp, packet, 4, index);
    this.#crypt(this.#rtcp, counter, packet.subarray(RTCP_HEADER_LENGTH, wordOffset), out, RTCP_HEADER_LENGTH);
    return out;
  }

  rtcpIndex(packet: Uint8Array): number | undefined {
    if (packet.length < RTCP_HEADER_LENGTH + INDEX_WORD_LENGTH + this.tagLength) return undefined;
    return uint32At(packet, packet.length - this.tagLength - INDEX_WORD_LENGTH) % ENCRYPTED_FLAG;
  }

  #crypt(keys: PreparedKeys, counter: Buffer, input: Uint8Array, out: Buffer, offset: number): void {
    out.set(createCipheriv('aes-128-ctr', keys.encryption, counter).update(input), offset);
  }

  /** RFC 3711 §4.1.1: salt times 2^16, XOR SSRC times 2^64, XOR index times 2^16. */
  #startCounter(keys: PreparedKeys, packet: Uint8Array, ssrcOffset: number, index: number): Buffer {
    const counter = this.#counter;
    counter.fill(0);
    counter.set(packet.subarray(ssrcOffset, ssrcOffset + 4), 4);
    counter.writeUIntBE(index, 8, 6);
    return xorInto(counter, keys.salt);
  }

  /** RFC 3711 §4.2: over the packet and the roll-over counter, cut to 80 bits. */
  #rtpTag(packet: Uint8Array, index: number): Buffer {
    this.#rolloverCounter.writeUInt32BE(Math.floor(index / 0x1_0000));
    const authentication = createHmac('sha1', this.#rtp.authentication).update(packet).update(this.#rolloverCounter);
    return authentication.digest().subarray(0, this.tagLength);
  }

  #rtcpTag(packetWithIndexWord: Uint8Array): Buffer {
    const authentication = createHmac('sha1', this.#rtcp.authentication).update(packetWithIndexWord);
    return authentication.digest().subarray(0, this.tagLength);
  }
}

function xorInto(target: Buffer, salt: Buffer): Buffer {
  for (let place = 0; place < salt.length; place++) target[place] = (target[place] ?? 0) ^ (salt[place] ?? 0);
  return target;
}
