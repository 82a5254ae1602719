// STUN, the first that anybody on the internet can send us: which client it names, what it asks, whether it is authentic.

import {
  bindingResponse,
  integrityKey,
  isAuthentic,
  isStun,
  localFragmentOf,
  readBindingRequest,
} from '../../src/media/transport/stun.ts';
import { bindingRequest } from '../../src/test/transport-peers.ts';
import { BYTE_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, promise } from '../target.ts';

const PASSWORD = 'a-password-of-22-chars';
const KEY = integrityKey(PASSWORD);
const USERNAME = 'local123:peer';
/** What one datagram holds on any path. */
const MAX_RESPONSE_BYTES = 548;
const MESSAGE_INTEGRITY = 0x0008;
const HEADER_BYTES = 20;

const authentic = [
  bindingRequest({ username: USERNAME, password: PASSWORD, useCandidate: true }).bytes,
  bindingRequest({ username: USERNAME, password: PASSWORD, fingerprint: false }).bytes,
  bindingRequest({ username: USERNAME, password: PASSWORD, role: 'controlled' }).bytes,
  bindingRequest({ password: PASSWORD }).bytes,
  bindingRequest({ username: `${'x'.repeat(255)}:${'y'.repeat(200)}`, password: PASSWORD, priority: false }).bytes,
];
const others = [
  bindingRequest({ username: USERNAME, password: 'another password of 22' }).bytes,
  bindingRequest({ username: USERNAME, password: undefined }).bytes,
  bindingResponse(
    readBindingRequest(authentic[0] ?? Buffer.alloc(0)) ?? failed('the seed is a request'),
    '2001:db8::1',
    65_535,
    KEY,
  ),
];
/** What MESSAGE-INTEGRITY covers, but for the length field, which is written anew for it (RFC 8489 §14.5). */
const covered = authentic.map(coveredPart);

export const stun: FuzzTarget = {
  name: 'stun',
  seeds: [...authentic, ...others],
  mutations: BYTE_MUTATIONS,
  maxBytes: 1500,
  maxMs: 10,
  check(input) {
    const datagram = Buffer.from(input.buffer, input.byteOffset, input.length);
    if (!isStun(datagram)) return 'no';
    const fragment = localFragmentOf(datagram);
    if (fragment !== undefined) {
      promise(fragment.length > 0 && !fragment.includes(':'), 'a fragment ends before the colon');
      promise(datagram.includes(`${fragment}:`, 0, 'latin1'), 'a fragment stands in the message');
    }
    const request = readBindingRequest(datagram);
    if (!request) return `not a request, ${fragment === undefined}`;
    const isOurs = isAuthentic(request, KEY);
    if (isOurs) {
      const part = coveredPart(datagram);
      promise(
        covered.some((known) => known.equals(part)),
        'only what somebody who knows the password wrote is authentic',
      );
      const response = bindingResponse(request, '192.0.2.1', 4711, KEY);
      promise(response.length <= MAX_RESPONSE_BYTES, 'a response fits');
      promise(response.readUInt16BE(2) === response.length - HEADER_BYTES, 'a response says its length');
      promise(response.subarray(4, 20).equals(datagram.subarray(4, 20)), 'a response repeats the transaction');
    }
    return `request ${fragment === undefined} ${isOurs} ${request.useCandidate}`;
  },
};

/** From the first byte to where MESSAGE-INTEGRITY begins, without the length field. */
function coveredPart(datagram: Buffer): Buffer {
  let offset = HEADER_BYTES;
  while (offset + 4 <= datagram.length && datagram.readUInt16BE(offset) !== MESSAGE_INTEGRITY) {
    offset += 4 + 4 * Math.ceil(datagram.readUInt16BE(offset + 2) / 4);
  }
  return Buffer.concat([datagram.subarray(0, 2), datagram.subarray(4, offset)]);
}

function failed(what: string): never {
  throw new Error(`broken: ${what}`);
}
