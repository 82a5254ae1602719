// What a DTLS server says the same to everybody, made once per certificate: the key to sign with, its Certificate and its
// CertificateRequest (RFC 5246 §7.4.2, §7.4.4). It must not know connections.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { DtlsCertificate } from '../certificate.ts';
import { ECDSA_P256_SHA256, RSA_PKCS1_SHA256 } from './client-hello.ts';

export interface ServerIdentity {
  readonly key: KeyObject;
  /** Bodies of the two messages. */
  readonly certificate: Buffer;
  readonly certificateRequest: Buffer;
}

/** ClientCertificateType (RFC 5246 §7.4.4, RFC 8422 §5.5): who brings RSA is welcome too. */
const ECDSA_SIGN = 64;
const RSA_SIGN = 1;

const identities = new WeakMap<DtlsCertificate, ServerIdentity>();

export function serverIdentity(certificate: DtlsCertificate): ServerIdentity {
  const known = identities.get(certificate);
  if (known) return known;
  const der = new X509Certificate(certificate.certificatePem).raw;
  const length = (bytes: number): Buffer => Buffer.from([bytes >> 16, (bytes >> 8) & 255, bytes & 255]);
  const schemes = [ECDSA_P256_SHA256, RSA_PKCS1_SHA256].flatMap((scheme) => [scheme >> 8, scheme & 255]);
  const identity = {
    key: createPrivateKey(certificate.keyPem),
    certificate: Buffer.concat([length(der.length + 3), length(der.length), der]),
    // Types, schemes, and no authority in particular.
    certificateRequest: Buffer.from([2, ECDSA_SIGN, RSA_SIGN, 0, schemes.length, ...schemes, 0, 0]),
  };
  identities.set(certificate, identity);
  return identity;
}
