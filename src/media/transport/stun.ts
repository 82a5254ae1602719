// The ICE-lite side of STUN: reads authenticated binding requests and writes responses (RFC 8445 §2.5, RFC 8489).
// It must not know sockets, sessions or which transport a request is for.

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { crc32 } from 'node:zlib';

export interface BindingRequest {
  readonly useCandidate: boolean;
  /** The peer claims the controlled role, which only the lite side may have (RFC 8445 §7.3.1.1): it must not move the transport. */
  readonly hasRoleConflict: boolean;
  readonly datagram: Buffer;
  /** Where MESSAGE-INTEGRITY starts; undefined when there is none, or something behind it that it does not cover. */
  readonly integrityAt: number | undefined;
}

/** RFC 8489 §5: type, length of what follows the header, magic cookie, transaction id of 12 bytes. */
const HEADER_BYTES = 20;
const COOKIE = 0x2112_a442;
const COOKIE_AT = 4;
const ATTRIBUTE_HEADER_BYTES = 4;

/** Message types (RFC 8489 §18.1). */
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;

/** Attributes (RFC 8489 §18.3, RFC 8445 §16.1). */
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const XOR_MAPPED_ADDRESS = 0x0020;
const USE_CANDIDATE = 0x0025;
const FINGERPRINT = 0x8028;
const ICE_CONTROLLED = 0x8029;

const INTEGRITY_BYTES = 20;
const FINGERPRINT_BYTES = 4;
/** RFC 8489 §14.7. */
const FINGERPRINT_XOR = 0x5354_554e;
const IPV4 = 1;
const IPV6 = 2;

/** RFC 8489 §6.1: what fits every IPv4 path; a check with all its attributes has some 120 bytes. */
const MAX_BYTES = 548;

/** First byte of a STUN packet is 0 to 3 (RFC 7983 §7). */
export function isStun(datagram: Uint8Array): boolean {
  return datagram.length >= HEADER_BYTES && (datagram[0] ?? 255) < 4;
}

/** Our half of USERNAME, found without reading the rest; undefined when there is none or the message is too long. */
export function localFragmentOf(datagram: Buffer): string | undefined {
  if (datagram.length > MAX_BYTES) return undefined;
  let offset = HEADER_BYTES;
  while (offset + ATTRIBUTE_HEADER_BYTES <= datagram.length) {
    const length = datagram.readUInt16BE(offset + 2);
    const value = offset + ATTRIBUTE_HEADER_BYTES;
    if (datagram.readUInt16BE(offset) === USERNAME) {
      const colon = datagram.subarray(value, value + length).indexOf(COLON);
      return colon > 0 ? datagram.toString('latin1', value, value + colon) : undefined;
    }
    offset = value + padded(length);
  }
  return undefined;
}

const COLON = ':'.charCodeAt(0);

/** Values are padded to four bytes (RFC 8489 §14). */
function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Reads a binding request without believing it. Undefined for anything else, however malformed. */
export function readBindingRequest(datagram: Buffer): BindingRequest | undefined {
  if (datagram.length < HEADER_BYTES || datagram.readUInt16BE(0) !== BINDING_REQUEST) return undefined;
  if (datagram.readUInt32BE(COOKIE_AT) !== COOKIE) return undefined;
  if (datagram.readUInt16BE(2) !== datagram.length - HEADER_BYTES) return undefined;
  let useCandidate = false;
  let hasRoleConflict = false;
  let integrityAt: number | undefined;
  let isCovered = true;
  let offset = HEADER_BYTES;
  while (offset < datagram.length) {
    if (datagram.length - offset < ATTRIBUTE_HEADER_BYTES) return undefined;
    const type = datagram.readUInt16BE(offset);
    const length = datagram.readUInt16BE(offset + 2);
    const end = offset + ATTRIBUTE_HEADER_BYTES + padded(length);
    if (end > datagram.length) return undefined;
    if (type === FINGERPRINT) {
      if (length !== FINGERPRINT_BYTES) return undefined;
      // It is the last one (§14.7), or something was appended.
      if (end !== datagram.length) isCovered = false;
      else if (datagram.readUInt32BE(end - FINGERPRINT_BYTES) !== fingerprint(datagram, offset)) return undefined;
    } else if (integrityAt !== undefined) {
      // What stands behind MESSAGE-INTEGRITY is not covered by it (§14.5): a request with that was tampered with.
      isCovered = false;
    } else if (type === MESSAGE_INTEGRITY) {
      if (length !== INTEGRITY_BYTES) return undefined;
      integrityAt = offset;
    } else if (type === USE_CANDIDATE) useCandidate = true;
    else if (type === ICE_CONTROLLED) hasRoleConflict = true;
    offset = end;
  }
  return { useCandidate, hasRoleConflict, datagram, integrityAt: isCovered ? integrityAt : undefined };
}

/** The key that a password is (RFC 8489 §9.1.1). As an object it costs a tenth of what the library takes to look at bytes. */
export function integrityKey(password: string): KeyObject {
  return createSecretKey(password, 'utf8');
}

/** True when MESSAGE-INTEGRITY is there and made with our password (RFC 8489 §9.1.3). */
export function isAuthentic({ datagram, integrityAt }: BindingRequest, key: KeyObject): boolean {
  if (integrityAt === undefined) return false;
  const at = integrityAt + ATTRIBUTE_HEADER_BYTES;
  return timingSafeEqual(integrity(datagram, integrityAt, key), datagram.subarray(at, at + INTEGRITY_BYTES));
}

/** The response to an authentic request: success with the address that we saw, or 487 in a role conflict. */
export function bindingResponse(request: BindingRequest, address: string, port: number, key: KeyObject): Buffer {
  const { datagram, hasRoleConflict } = request;
  const type = hasRoleConflict ? ERROR_CODE : XOR_MAPPED_ADDRESS;
  const value = hasRoleConflict ? ROLE_CONFLICT : mappedAddress(address, port, datagram);
  const integrityAt = HEADER_BYTES + ATTRIBUTE_HEADER_BYTES + padded(value.length);
  const fingerprintAt = integrityAt + ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES;
  const response = Buffer.alloc(fingerprintAt + ATTRIBUTE_HEADER_BYTES + FINGERPRINT_BYTES);
  response.writeUInt16BE(hasRoleConflict ? BINDING_ERROR : BINDING_SUCCESS, 0);
  response.writeUInt16BE(response.length - HEADER_BYTES, 2);
  datagram.copy(response, COOKIE_AT, COOKIE_AT, HEADER_BYTES);
  writeAttribute(response, HEADER_BYTES, type, value);
  writeAttribute(response, integrityAt, MESSAGE_INTEGRITY, integrity(response, integrityAt, key));
  response.writeUInt16BE(FINGERPRINT, fingerprintAt);
  response.writeUInt16BE(FINGERPRINT_BYTES, fingerprintAt + 2);
  response.writeUInt32BE(fingerprint(response, fingerprintAt), fingerprintAt + ATTRIBUTE_HEADER_BYTES);
  return response;
}

/** Class 4, number 87, phrase (RFC 8489 §14.8). */
const ROLE_CONFLICT_PHRASE = 'Role Conflict';
const ROLE_CONFLICT = Buffer.concat([Buffer.from([0, 0, 4, 87]), Buffer.from(ROLE_CONFLICT_PHRASE)]);

function writeAttribute(message: Buffer, offset: number, type: number, value: Buffer): void {
  message.writeUInt16BE(type, offset);
  message.writeUInt16BE(value.length, offset + 2);
  value.copy(message, offset + ATTRIBUTE_HEADER_BYTES);
}

/** HMAC-SHA1 over all before the attribute, with a length in the header that ends behind it (RFC 8489 §14.5). */
function integrity(message: Buffer, integrityAt: number, key: KeyObject): Buffer {
  const covered = Buffer.from(message.subarray(0, integrityAt));
  covered.writeUInt16BE(integrityAt + ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES - HEADER_BYTES, 2);
  return createHmac('sha1', key).update(covered).digest();
}

/** Over all before the attribute, which is the last one (RFC 8489 §14.7). */
function fingerprint(message: Buffer, fingerprintAt: number): number {
  return (crc32(message.subarray(0, fingerprintAt)) ^ FINGERPRINT_XOR) >>> 0;
}

/** RFC 8489 §14.2: port and address, hidden from middleboxes by the cookie, for IPv6 by the transaction id too. */
function mappedAddress(address: string, port: number, request: Buffer): Buffer {
  const bytes = isIPv4(address) ? ipv4Bytes(address) : ipv6Bytes(address);
  const value = Buffer.alloc(4 + bytes.length);
  value.writeUInt8(bytes.length === 4 ? IPV4 : IPV6, 1);
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  for (const [index, byte] of bytes.entries()) value[4 + index] = byte ^ (request[COOKIE_AT + index] ?? 0);
  return value;
}

function ipv4Bytes(address: string): number[] {
  return address.split('.').map(Number);
}

/** An address as the socket shows it: eight groups, zeros shortened, an IPv4 tail perhaps, a zone perhaps. */
function ipv6Bytes(address: string): number[] {
  const [plain = ''] = address.split('%');
  const tail = plain.slice(plain.lastIndexOf(':') + 1);
  const text = isIPv4(tail) ? plain.slice(0, -tail.length) + groupsOf(ipv4Bytes(tail)) : plain;
  const [head = '', rest] = text.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = rest ? rest.split(':') : [];
  const groups = [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back];
  return groups.slice(0, 8).flatMap((group) => {
    const number = Number.parseInt(group, 16);
    return [number >> 8, number & 255];
  });
}

function groupsOf([a = 0, b = 0, c = 0, d = 0]: readonly number[]): string {
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
