// The ServerHello that answers a client (RFC 5246 §7.4.1.3). Pure; it must not know keys.

import {
  CIPHER_SUITE,
  type ClientHello,
  EXTENDED_MASTER_SECRET,
  POINT_FORMATS,
  RENEGOTIATION_INFO,
  USE_SRTP,
} from './client-hello.ts';
import { VERSION } from './records.ts';

/** Body of the message: no session to resume, no compression, and of the extensions only answers to those of the client. */
export function serverHello(hello: ClientHello, random: Buffer): Buffer {
  const extensions = Buffer.concat([
    ...(hello.renegotiationInfo ? [extension(RENEGOTIATION_INFO, [0])] : []),
    ...(hello.extendedMasterSecret ? [extension(EXTENDED_MASTER_SECRET, [])] : []),
    // Uncompressed points only.
    ...(hello.pointFormats ? [extension(POINT_FORMATS, [1, 0])] : []),
    // One profile, and no master key identifier (RFC 5764 §4.1.1).
    ...(hello.srtpProfile ? [extension(USE_SRTP, [0, 2, 0, hello.srtpProfile, 0])] : []),
  ]);
  const suite = [0, CIPHER_SUITE >> 8, CIPHER_SUITE & 255, 0];
  const head = [Buffer.from([VERSION >> 8, VERSION & 255]), random, Buffer.from(suite)];
  if (extensions.length === 0) return Buffer.concat(head);
  return Buffer.concat([...head, Buffer.from([extensions.length >> 8, extensions.length & 255]), extensions]);
}

function extension(type: number, data: readonly number[]): Buffer {
  return Buffer.from([type >> 8, type & 255, data.length >> 8, data.length & 255, ...data]);
}
