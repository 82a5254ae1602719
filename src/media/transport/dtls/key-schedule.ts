// All keys of one DTLS 1.2 association from its pre-master secret (RFC 5246 §5, §6.3, §8.1; RFC 7627 §4; RFC 5705 §4).
// Pure but for Node's hash; it must not know messages or records.

import { hash } from 'node:crypto';
import type { RecordKeys } from '../dtls-records.ts';
import type { SrtpProfile } from '../srtp-keys.ts';
import { saltLength } from '../srtp-keys.ts';
import { VERIFY_DATA_BYTES } from './records.ts';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const MASTER_SECRET_BYTES = 48;
const KEY_BYTES = 16;
const NONCE_BYTES = 4;

export function sha256(data: Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

/**
 * The pseudo-random function of TLS 1.2 with SHA-256 (RFC 5246 §5). HMAC is spelled out over one-shot hashes: with
 * inputs this short, making an Hmac object costs five times the hashing.
 * @returns `length` bytes in memory of their own, so that what is kept of them keeps nothing else alive
 */
export function pseudoRandom(secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, 'latin1'), seed]);
  const inner = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES + labelled.length, 0x36);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c);
  const key = secret.length > BLOCK_BYTES ? sha256(secret) : secret;
  for (const [index, byte] of key.entries()) {
    inner[index] = 0x36 ^ byte;
    outer[index] = 0x5c ^ byte;
  }
  const authenticate = (messageBytes: number): Buffer => {
    sha256(inner.subarray(0, BLOCK_BYTES + messageBytes)).copy(outer, BLOCK_BYTES);
    return sha256(outer);
  };
  const result = Buffer.alloc(length);
  labelled.copy(inner, BLOCK_BYTES);
  let chained = authenticate(labelled.length);
  for (let offset = 0; offset < length; offset += DIGEST_BYTES) {
    chained.copy(inner, BLOCK_BYTES);
    labelled.copy(inner, BLOCK_BYTES + DIGEST_BYTES);
    authenticate(DIGEST_BYTES + labelled.length).copy(result, offset);
    chained.copy(inner, BLOCK_BYTES);
    chained = authenticate(DIGEST_BYTES);
  }
  return result;
}

/** @param sessionHash of all messages up to the client's key exchange, when the extended master secret was negotiated (RFC 7627) */
export function masterSecret(
  preMasterSecret: Buffer,
  sessionHash: Buffer | undefined,
  clientRandom: Buffer,
  serverRandom: Buffer,
): Buffer {
  if (sessionHash) return pseudoRandom(preMasterSecret, 'extended master secret', sessionHash, MASTER_SECRET_BYTES);
  const randoms = Buffer.concat([clientRandom, serverRandom]);
  return pseudoRandom(preMasterSecret, 'master secret', randoms, MASTER_SECRET_BYTES);
}

/** Keys and implicit nonces for AES-128-GCM, which needs no MAC keys (RFC 5246 §6.3, RFC 5288 §3). */
export function recordKeys(
  role: 'server' | 'client',
  master: Buffer,
  clientRandom: Buffer,
  serverRandom: Buffer,
): RecordKeys {
  const randoms = Buffer.concat([serverRandom, clientRandom]);
  const block = pseudoRandom(master, 'key expansion', randoms, 2 * KEY_BYTES + 2 * NONCE_BYTES);
  const client = [block.subarray(0, 16), block.subarray(32, 36)] as const;
  const server = [block.subarray(16, 32), block.subarray(36, 40)] as const;
  const [[localKey, localNonce], [remoteKey, remoteNonce]] = role === 'client' ? [client, server] : [server, client];
  return { localKey, localNonce, remoteKey, remoteNonce };
}

export interface SrtpMasterKeys {
  readonly clientKey: Buffer;
  readonly serverKey: Buffer;
  readonly clientSalt: Buffer;
  readonly serverSalt: Buffer;
}

/** RFC 5764 §4.2: both keys, then both salts. */
export function srtpMasterKeys(
  profile: SrtpProfile,
  master: Buffer,
  clientRandom: Buffer,
  serverRandom: Buffer,
): SrtpMasterKeys {
  const saltBytes = saltLength(profile);
  const randoms = Buffer.concat([clientRandom, serverRandom]);
  const block = pseudoRandom(master, 'EXTRACTOR-dtls_srtp', randoms, 2 * KEY_BYTES + 2 * saltBytes);
  return {
    clientKey: block.subarray(0, 16),
    serverKey: block.subarray(16, 32),
    clientSalt: block.subarray(32, 32 + saltBytes),
    serverSalt: block.subarray(32 + saltBytes),
  };
}

/** What a Finished message carries: proof of the keys over all messages before it (RFC 5246 §7.4.9). */
export function verifyData(master: Buffer, sender: 'client' | 'server', messages: Uint8Array): Buffer {
  return pseudoRandom(master, `${sender} finished`, sha256(messages), VERIFY_DATA_BYTES);
}
