// Derives the session keys of one direction from DTLS-exported master keys (RFC 3711 §4.3, RFC 7714 §11).
// It must not know packets.

import { createCipheriv } from 'node:crypto';

/** DTLS protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2): 7 AEAD_AES_128_GCM, 1 AES128_CM_HMAC_SHA1_80. */
export type SrtpProfile = 7 | 1;

export interface SrtpKeySet {
  /** 16 bytes. */
  readonly encryptionKey: Buffer;
  /** 20 bytes; empty with GCM, which authenticates by itself. */
  readonly authenticationKey: Buffer;
  /** 12 bytes with GCM, else 14. */
  readonly salt: Buffer;
}

export interface SrtpKeys {
  readonly rtp: SrtpKeySet;
  readonly rtcp: SrtpKeySet;
}

const KEY_LENGTH = 16;
const AUTHENTICATION_KEY_LENGTH = 20;

/** Bytes of master and session salt. */
export function saltLength(profile: SrtpProfile): number {
  return profile === 7 ? 12 : 14;
}

/** RFC 3711 §4.3.1 and §4.3.3 with a key derivation rate of 0: AES counter mode over zeros, the label in the counter. */
function derive(masterKey: Uint8Array, masterSalt: Uint8Array, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16);
  counter.set(masterSalt);
  counter[7] = (counter[7] ?? 0) ^ label;
  return createCipheriv('aes-128-ctr', masterKey, counter).update(Buffer.alloc(length));
}

/** Keys for the direction that `masterKey` and `masterSalt` belong to. Throws on a wrong length. */
export function deriveSrtpKeys(profile: SrtpProfile, masterKey: Uint8Array, masterSalt: Uint8Array): SrtpKeys {
  if (masterKey.length !== KEY_LENGTH || masterSalt.length !== saltLength(profile)) {
    throw new Error(`SRTP profile ${profile} with key of ${masterKey.length} and salt of ${masterSalt.length} bytes`);
  }
  const keySet = (firstLabel: number): SrtpKeySet => ({
    encryptionKey: derive(masterKey, masterSalt, firstLabel, KEY_LENGTH),
    authenticationKey: derive(masterKey, masterSalt, firstLabel + 1, profile === 7 ? 0 : AUTHENTICATION_KEY_LENGTH),
    salt: derive(masterKey, masterSalt, firstLabel + 2, saltLength(profile)),
  });
  return { rtp: keySet(0), rtcp: keySet(3) };
}
