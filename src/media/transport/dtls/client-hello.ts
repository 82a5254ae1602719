// What a DTLS client offers, and what we take of it (RFC 5246 §7.4.1, RFC 8827 §6.5). Pure; it must not know keys.

import type { SrtpProfile } from '../srtp-keys.ts';
import { VERSION } from './records.ts';

/** What RFC 8827 §6.5 makes mandatory for everybody, so nothing else is needed: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 on P-256. */
export const CIPHER_SUITE = 0xc02b;
export const P256 = 23;
export const ECDSA_P256_SHA256 = 0x0403;
export const RSA_PKCS1_SHA256 = 0x0401;
/** Instead of an empty renegotiation_info extension (RFC 5746 §3.3). */
const RENEGOTIATION_SUITE = 0x00ff;

/** Extension types (IANA "TLS ExtensionType Values"). */
export const SUPPORTED_GROUPS = 10;
export const POINT_FORMATS = 11;
export const SIGNATURE_ALGORITHMS = 13;
export const USE_SRTP = 14;
export const EXTENDED_MASTER_SECRET = 23;
const SUPPORTED_VERSIONS = 43;
export const RENEGOTIATION_INFO = 0xff01;

/** SRTP protection profiles in our order of preference: AES-GCM costs less than AES-CM with HMAC (RFC 7714 §14.2, RFC 5764 §4.1.2). */
const SRTP_PROFILES: readonly SrtpProfile[] = [7, 1];

export interface ClientHello {
  /** 32 bytes. */
  readonly random: Buffer;
  readonly extendedMasterSecret: boolean;
  readonly pointFormats: boolean;
  readonly renegotiationInfo: boolean;
  /** Undefined when none of the client's is ours. */
  readonly srtpProfile: SrtpProfile | undefined;
}

const RANDOM_AT = 2;
const RANDOM_BYTES = 32;

/** @returns what we agree on, or why we cannot, for the log */
export function readClientHello(body: Buffer): ClientHello | string {
  const malformed = 'malformed ClientHello';
  const random = body.subarray(RANDOM_AT, RANDOM_AT + RANDOM_BYTES);
  if (random.length < RANDOM_BYTES) return malformed;
  const sessionId = vector(body, RANDOM_AT + RANDOM_BYTES, 1);
  const cookie = sessionId && vector(body, sessionId.end, 1);
  const suites = cookie && vector(body, cookie.end, 2);
  const compressions = suites && vector(body, suites.end, 1);
  if (!compressions) return malformed;
  const offered = numbers(suites.bytes);
  const extensions = readExtensions(vector(body, compressions.end, 2)?.bytes ?? Buffer.alloc(0));
  const list = (type: number): readonly number[] | undefined => {
    const extension = extensions.get(type);
    return extension && numbers(vector(extension, 0, 2)?.bytes ?? Buffer.alloc(0));
  };

  const versions = extensions.get(SUPPORTED_VERSIONS);
  const version = body.readUInt16BE(0);
  // Versions count downward from 0xfeff, which is 1.0.
  const speaks12 = versions
    ? numbers(vector(versions, 0, 1)?.bytes ?? versions).includes(VERSION)
    : version >>> 8 === VERSION >>> 8 && version <= VERSION;
  if (!speaks12) return 'the client does not speak DTLS 1.2';
  if (!offered.includes(CIPHER_SUITE)) return 'no cipher suite in common';
  if (list(SUPPORTED_GROUPS)?.includes(P256) === false) return 'the client does not know the curve P-256';
  if (list(SIGNATURE_ALGORITHMS)?.includes(ECDSA_P256_SHA256) === false) return 'no signature algorithm in common';
  const profiles = list(USE_SRTP);
  return {
    random,
    extendedMasterSecret: extensions.has(EXTENDED_MASTER_SECRET),
    pointFormats: extensions.has(POINT_FORMATS),
    renegotiationInfo: extensions.has(RENEGOTIATION_INFO) || offered.includes(RENEGOTIATION_SUITE),
    srtpProfile: SRTP_PROFILES.find((profile) => profiles?.includes(profile)),
  };
}

/** Bytes behind a length of `lengthBytes`; undefined when there are fewer. */
export function vector(
  bytes: Buffer,
  at: number,
  lengthBytes: 1 | 2 | 3,
): { readonly bytes: Buffer; readonly end: number } | undefined {
  const start = at + lengthBytes;
  if (start > bytes.length) return undefined;
  const end = start + bytes.readUIntBE(at, lengthBytes);
  return end > bytes.length ? undefined : { bytes: bytes.subarray(start, end), end };
}

function numbers(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at + 2 <= bytes.length; at += 2) found.push(bytes.readUInt16BE(at));
  return found;
}

/** The first of each type. */
function readExtensions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const type = bytes.readUInt16BE(at);
    const data = vector(bytes, at + 2, 2);
    if (!data) break;
    if (!extensions.has(type)) extensions.set(type, data.bytes);
    at = data.end;
  }
  return extensions;
}
