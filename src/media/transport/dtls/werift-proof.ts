// Proves the server of a handshake that werift made as client: that it holds the key of the certificate whose fingerprint stood
// in the SDP. werift compares nothing but the presented certificate and checks no signature, so this file does (RFC 5246 §7.4.3).
// It reads werift's record of the handshake; it must not know sockets or what the connection is for.

import type { DtlsClient } from 'werift';
import type { Fingerprint } from '../../sdp/offer.ts';
import { hasFingerprint, isSigned, leafCertificate, sameBytes } from './peer-proof.ts';

const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;

/** The server's answer, as werift numbers the flights in its handshake cache. */
const SERVER_FLIGHT = 4;

/**
 * Checks the finished handshake of `dtls`.
 * @returns undefined when the peer is who the SDP says, else what is wrong, for the log
 */
export function disproofOfServer(dtls: DtlsClient, expected: readonly Fingerprint[]): string | undefined {
  try {
    return disproof(dtls, expected);
  } catch (error) {
    return `unreadable handshake: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function disproof(dtls: DtlsClient, expected: readonly Fingerprint[]): string | undefined {
  const certificate = leafCertificate(messageOf(dtls, CERTIFICATE));
  if (!certificate) return 'no certificate';
  if (!sameBytes(certificate, dtls.remoteCertificate)) return 'certificate was replaced';
  if (!hasFingerprint(certificate, expected)) return 'certificate does not have the fingerprint of the SDP';
  // ECDHE parameters (RFC 8422 §5.4): curve type, curve, length, point; then scheme, length, signature.
  const exchange = messageOf(dtls, SERVER_KEY_EXCHANGE);
  const parametersEnd = 4 + exchange.readUInt8(3);
  // The keys must come from the key exchange that the signature covers, not from a second one slipped in later.
  if (!sameBytes(exchange.subarray(4, parametersEnd), dtls.cipher.remoteKeyPair.publicKey)) {
    return 'key exchange was replaced';
  }
  const scheme = exchange.readUInt16BE(parametersEnd);
  const signature = exchange.subarray(parametersEnd + 4, parametersEnd + 4 + exchange.readUInt16BE(parametersEnd + 2));
  const signed = Buffer.concat([
    dtls.cipher.localRandom.serialize(),
    dtls.cipher.remoteRandom.serialize(),
    exchange.subarray(0, parametersEnd),
  ]);
  return isSigned(signed, scheme, certificate, signature) ? undefined : 'ServerKeyExchange signature is wrong';
}

function messageOf(dtls: DtlsClient, type: number): Buffer {
  const message = dtls.dtls.handshakeCache[SERVER_FLIGHT]?.data.find(({ msg_type }) => msg_type === type);
  if (!message) throw new Error(`handshake message ${type} is missing`);
  return message.fragment;
}
