// Whether a certificate is the one of the SDP and a signature was made with its key (RFC 8122 §5, RFC 5246 §4.7).
// It must not know handshakes.

import { hash, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import type { Fingerprint } from '../../sdp/offer.ts';
import { ECDSA_P256_SHA256, RSA_PKCS1_SHA256, vector } from './client-hello.ts';

/** First certificate of a Certificate message (RFC 5246 §7.4.2): 3 bytes list length, 3 bytes length, DER. Undefined when there is none. */
export function leafCertificate(message: Buffer): Buffer | undefined {
  const certificate = vector(message, 3, 3)?.bytes;
  return certificate?.length ? certificate : undefined;
}

const HASHES: ReadonlyMap<string, string> = new Map([
  ['sha-1', 'sha1'],
  ['sha-224', 'sha224'],
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
]);

/** True when one of the SDP's fingerprints is that of the certificate. */
export function hasFingerprint(certificate: Buffer, expected: readonly Fingerprint[]): boolean {
  // SHA-1 is believed only when nothing better is offered (RFC 8122 §5.1 prefers the strongest).
  const known = expected.filter(({ algorithm }) => HASHES.has(algorithm));
  const strong = known.filter(({ algorithm }) => algorithm !== 'sha-1');
  const believed = strong.length > 0 ? strong : known;
  // An offer may name many: each algorithm is computed once.
  const digests = new Map<string, Buffer>();
  for (const { algorithm } of believed) {
    if (!digests.has(algorithm)) digests.set(algorithm, hash(HASHES.get(algorithm) ?? 'sha256', certificate, 'buffer'));
  }
  return believed.some(({ algorithm, value }) =>
    sameBytes(Buffer.from(value.replaceAll(':', ''), 'hex'), digests.get(algorithm)),
  );
}

/** @param scheme as in the message: SignatureScheme of TLS 1.3 has the same numbers (RFC 8446 §4.2.3). @throws when the certificate cannot be read */
export function isSigned(data: Buffer, scheme: number, certificate: Buffer, signature: Buffer): boolean {
  const key = new X509Certificate(certificate).publicKey;
  const keyType = scheme === ECDSA_P256_SHA256 ? 'ec' : scheme === RSA_PKCS1_SHA256 ? 'rsa' : undefined;
  if (!keyType || key.asymmetricKeyType !== keyType) return false;
  return verify('sha256', data, key, signature);
}

export function sameBytes(a: Buffer, b: Buffer | undefined): boolean {
  return b !== undefined && a.length === b.length && timingSafeEqual(a, b);
}
