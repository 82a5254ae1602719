// The DTLS certificate of this process: one for all transports and workers, made at start, self-signed as WebRTC wants it.
// It must not know where it is used.

import { createHash, X509Certificate } from 'node:crypto';
import { CipherContext } from 'werift';

/** Plain data, so that main can hand the same certificate to every worker. */
export interface DtlsCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** SHA-256, upper-case hex with colons, as in `a=fingerprint`. */
  readonly fingerprint: string;
}

/** P-256 ECDSA with SHA-256, the pair that every WebRTC stack has (RFC 8827 §6.5). */
export async function createDtlsCertificate(): Promise<DtlsCertificate> {
  const made = await CipherContext.createSelfSignedCertificateWithKey({ hash: 4, signature: 3 }, 23);
  const digest = createHash('sha256').update(new X509Certificate(made.certPem).raw).digest('hex').toUpperCase();
  return { certificatePem: made.certPem, keyPem: made.keyPem, fingerprint: digest.match(/../g)?.join(':') ?? '' };
}
