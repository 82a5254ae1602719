// Proves the peer of a DTLS handshake: that it holds the key of the certificate whose fingerprint stood in the SDP.
// werift compares nothing but the presented certificate and checks no signature, so this file does (RFC 5246 §7.4.3, §7.4.8).
// It reads werift's record of the handshake; it must not know sockets or what the connection is for.

import { createHash, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import type { DtlsSocket } from 'werift';
import type { Fingerprint } from '../sdp/offer.ts';

const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_VERIFY = 15;
const CLIENT_KEY_EXCHANGE = 16;
const FINISHED = 20;

/** Flights as werift numbers its handshake cache: 4 is the server's answer, 5 the client's proof. */
const SERVER_FLIGHT = 4;
const CLIENT_FLIGHT = 5;

/** SignatureScheme values that we ask for (RFC 8446 §4.2.3, same numbers as TLS 1.2's hash and signature pairs). */
const RSA_PKCS1_SHA256 = 0x0401;
const ECDSA_P256_SHA256 = 0x0403;

/**
 * Checks the finished handshake of `dtls`.
 * @returns undefined when the peer is who the SDP says, else what is wrong, for the log
 */
export function disproof(
  dtls: DtlsSocket,
  role: 'server' | 'client',
  expected: readonly Fingerprint[],
): string | undefined {
  try {
    return role === 'server' ? disproofOfClient(dtls, expected) : disproofOfServer(dtls, expected);
  } catch (error) {
    return `unreadable handshake: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function disproofOfClient(dtls: DtlsSocket, expected: readonly Fingerprint[]): string | undefined {
  const certificate = leafCertificate(messageOf(dtls, CLIENT_FLIGHT, CERTIFICATE));
  const wrong = wrongCertificate(dtls, certificate, expected);
  if (wrong) return wrong;
  // The keys must come from the key exchange that the signature covers, not from a second one slipped in later.
  const exchanged = messageOf(dtls, CLIENT_FLIGHT, CLIENT_KEY_EXCHANGE);
  if (!sameBytes(exchanged.subarray(1), dtls.cipher.remoteKeyPair.publicKey)) return 'key exchange was replaced';

  const proof = messageOf(dtls, CLIENT_FLIGHT, CERTIFICATE_VERIFY);
  const scheme = proof.readUInt16BE(0);
  const signature = proof.subarray(4, 4 + proof.readUInt16BE(2));
  const signed = Buffer.concat(
    dtls.dtls.sortedHandshakeCache.filter(beforeCertificateVerify(dtls)).map((message) => message.serialize()),
  );
  return isSigned(signed, scheme, certificate, signature) ? undefined : 'CertificateVerify signature is wrong';
}

function disproofOfServer(dtls: DtlsSocket, expected: readonly Fingerprint[]): string | undefined {
  const certificate = leafCertificate(messageOf(dtls, SERVER_FLIGHT, CERTIFICATE));
  const wrong = wrongCertificate(dtls, certificate, expected);
  if (wrong) return wrong;
  // ECDHE parameters (RFC 8422 §5.4): curve type, curve, length, point; then scheme, length, signature.
  const exchange = messageOf(dtls, SERVER_FLIGHT, SERVER_KEY_EXCHANGE);
  const parametersEnd = 4 + exchange.readUInt8(3);
  if (!sameBytes(exchange.subarray(4, parametersEnd), dtls.cipher.remoteKeyPair.publicKey))
    return 'key exchange was replaced';
  const scheme = exchange.readUInt16BE(parametersEnd);
  const signature = exchange.subarray(parametersEnd + 4, parametersEnd + 4 + exchange.readUInt16BE(parametersEnd + 2));
  const signed = Buffer.concat([
    dtls.cipher.localRandom.serialize(),
    dtls.cipher.remoteRandom.serialize(),
    exchange.subarray(0, parametersEnd),
  ]);
  return isSigned(signed, scheme, certificate, signature) ? undefined : 'ServerKeyExchange signature is wrong';
}

type HandshakeMessage = DtlsSocket['dtls']['sortedHandshakeCache'][number];

function messageOf(dtls: DtlsSocket, flight: number, type: number): Buffer {
  const messages = dtls.dtls.handshakeCache[flight]?.data ?? [];
  // In flight 4 of a server the client's hello stands beside our own messages; the types asked for are never ambiguous.
  const message = messages.find(({ msg_type }) => msg_type === type);
  if (!message) throw new Error(`handshake message ${type} is missing`);
  return message.fragment;
}

/** The client signs all messages from its hello (with cookie) up to its key exchange. */
function beforeCertificateVerify(dtls: DtlsSocket): (message: HandshakeMessage) => boolean {
  const own = new Set(dtls.dtls.handshakeCache[CLIENT_FLIGHT + 1]?.data ?? []);
  return (message) => !own.has(message) && message.msg_type !== CERTIFICATE_VERIFY && message.msg_type !== FINISHED;
}

/** First certificate of a Certificate message (RFC 5246 §7.4.2): 3 bytes list length, 3 bytes length, DER. */
function leafCertificate(message: Buffer): Buffer {
  const length = message.readUIntBE(3, 3);
  const certificate = message.subarray(6, 6 + length);
  if (certificate.length !== length || length === 0) throw new Error('no certificate');
  return certificate;
}

const HASHES: ReadonlyMap<string, string> = new Map([
  ['sha-1', 'sha1'],
  ['sha-224', 'sha224'],
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
]);

function wrongCertificate(dtls: DtlsSocket, certificate: Buffer, expected: readonly Fingerprint[]): string | undefined {
  if (!sameBytes(certificate, dtls.remoteCertificate)) return 'certificate was replaced';
  // SHA-1 is believed only when nothing better is offered (RFC 8122 §5.1 prefers the strongest).
  const known = expected.filter(({ algorithm }) => HASHES.has(algorithm));
  const strong = known.filter(({ algorithm }) => algorithm !== 'sha-1');
  const matches = (strong.length > 0 ? strong : known).some(({ algorithm, value }) => {
    const digest = createHash(HASHES.get(algorithm) ?? 'sha256')
      .update(certificate)
      .digest();
    return sameBytes(digest, Buffer.from(value.replaceAll(':', ''), 'hex'));
  });
  return matches ? undefined : 'certificate does not have the fingerprint of the SDP';
}

function isSigned(data: Buffer, scheme: number, certificate: Buffer, signature: Buffer): boolean {
  const key = new X509Certificate(certificate).publicKey;
  const keyType = scheme === ECDSA_P256_SHA256 ? 'ec' : scheme === RSA_PKCS1_SHA256 ? 'rsa' : undefined;
  if (!keyType || key.asymmetricKeyType !== keyType) return false;
  return verify('sha256', data, key, signature);
}

function sameBytes(a: Buffer, b: Buffer | undefined): boolean {
  return b !== undefined && a.length === b.length && timingSafeEqual(a, b);
}
