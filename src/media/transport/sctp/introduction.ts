// What the two sides of an association tell each other at its start (RFC 9260 §3.3.2, §3.3.3, §5.1), as bytes.
// It must not know when which of them is sent.

import { FORWARD_TSN, RE_CONFIG, readParameters, writeParameter } from './packet.ts';
import { RECEIVE_WINDOW_BYTES } from './receiver.ts';

const STATE_COOKIE = 7;
/** RFC 5061 §4.2.7: chunk types that we understand beside those of RFC 9260. */
const SUPPORTED_EXTENSIONS = 0x8008;
const FORWARD_TSN_SUPPORTED = 0xc000;
const FIXED_BYTES = 16;
/** All: data channels use a stream when they open. */
const STREAMS = 0xffff;

/** Common part of INIT and INIT ACK. */
export interface Introduction {
  readonly tag: number;
  readonly windowBytes: number;
  readonly initialTsn: number;
  /** INIT ACK only. */
  readonly cookie: Buffer | undefined;
}

/** Undefined when it is cut, or has values that no side may have. */
export function readIntroduction(body: Buffer): Introduction | undefined {
  if (body.length < FIXED_BYTES) return undefined;
  const tag = body.readUInt32BE(0);
  if (tag === 0 || body.readUInt16BE(8) === 0 || body.readUInt16BE(10) === 0) return undefined;
  const cookie = readParameters(body.subarray(FIXED_BYTES)).find(({ type }) => type === STATE_COOKIE)?.value;
  return { tag, windowBytes: body.readUInt32BE(4), initialTsn: body.readUInt32BE(12), cookie };
}

export function writeIntroduction(tag: number, initialTsn: number, cookie: Buffer | undefined): Buffer {
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt32BE(tag, 0);
  fixed.writeUInt32BE(RECEIVE_WINDOW_BYTES, 4);
  fixed.writeUInt16BE(STREAMS, 8);
  fixed.writeUInt16BE(STREAMS, 10);
  fixed.writeUInt32BE(initialTsn, 12);
  return Buffer.concat([
    fixed,
    cookie ? writeParameter(STATE_COOKIE, cookie) : Buffer.alloc(0),
    writeParameter(FORWARD_TSN_SUPPORTED, Buffer.alloc(0)),
    writeParameter(SUPPORTED_EXTENSIONS, Buffer.from([RE_CONFIG, FORWARD_TSN])),
  ]);
}
