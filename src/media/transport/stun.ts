// The ICE-lite side of STUN: reads authenticated binding requests and writes responses (RFC 8445 §2.5, RFC 8489).
// The codec is werift's. It must not know sockets, sessions or which transport a request is for.

import { classes, Message, methods, parseMessage } from 'werift';

export interface BindingRequest {
  readonly useCandidate: boolean;
  readonly message: Message;
}

/** First byte of a STUN packet is 0 to 3 (RFC 7983 §7). */
export function isStun(datagram: Uint8Array): boolean {
  return datagram.length >= 20 && (datagram[0] ?? 255) < 4;
}

const HEADER_BYTES = 20;
const USERNAME = 0x0006;
/** RFC 8489 §6.1: what fits every IPv4 path; a check with all its attributes has some 120 bytes. */
const MAX_BYTES = 548;

/** Our half of USERNAME, found without reading the rest; undefined when there is none or the message is too long. */
export function localFragmentOf(datagram: Buffer): string | undefined {
  if (datagram.length > MAX_BYTES) return undefined;
  let offset = HEADER_BYTES;
  while (offset + 4 <= datagram.length) {
    const length = datagram.readUInt16BE(offset + 2);
    const value = offset + 4;
    if (datagram.readUInt16BE(offset) === USERNAME) {
      const colon = datagram.subarray(value, value + length).indexOf(':');
      return colon > 0 ? datagram.toString('latin1', value, value + colon) : undefined;
    }
    // Values are padded to four bytes (RFC 8489 §14).
    offset = value + length + ((4 - (length % 4)) % 4);
  }
  return undefined;
}

/** Reads a binding request without believing it. Undefined for anything else, however malformed. */
export function readBindingRequest(datagram: Buffer): BindingRequest | undefined {
  const message = parse(datagram);
  if (!message || message.messageMethod !== methods.BINDING || message.messageClass !== classes.REQUEST)
    return undefined;
  return {
    useCandidate: message.attributesKeys.includes('USE-CANDIDATE'),
    message,
  };
}

/**
 * True when MESSAGE-INTEGRITY is there and made with our password (RFC 8489 §9.1.3). What stands behind it is not
 * covered (§14.5): a request with anything but FINGERPRINT there was tampered with.
 */
export function isAuthentic(datagram: Buffer, { message }: BindingRequest, password: string): boolean {
  const names: readonly string[] = message.attributesKeys;
  const integrity = names.indexOf('MESSAGE-INTEGRITY');
  if (integrity < 0 || names.slice(integrity + 1).some((name) => name !== 'FINGERPRINT')) return false;
  return parse(datagram, Buffer.from(password)) !== undefined;
}

/**
 * The response to an authentic request: success with the address that we saw, or 487 when the peer
 * claims the controlled role, which only the lite side may have (RFC 8445 §7.3.1.1).
 */
export function bindingResponse(request: BindingRequest, address: string, port: number, password: string): Buffer {
  const roleConflict = request.message.attributesKeys.includes('ICE-CONTROLLED');
  const response = new Message(
    methods.BINDING,
    roleConflict ? classes.ERROR : classes.RESPONSE,
    request.message.transactionId,
  );
  if (roleConflict) response.setAttribute('ERROR-CODE', [487, 'Role Conflict']);
  else response.setAttribute('XOR-MAPPED-ADDRESS', [address, port]);
  return response.addMessageIntegrity(Buffer.from(password)).addFingerprint().bytes;
}

/** Whether the request asks for a role that we cannot give; it must not move the transport. */
export function hasRoleConflict(request: BindingRequest): boolean {
  return request.message.attributesKeys.includes('ICE-CONTROLLED');
}

function parse(datagram: Buffer, integrityKey?: Buffer): Message | undefined {
  try {
    return parseMessage(datagram, integrityKey) ?? undefined;
  } catch {
    return undefined;
  }
}
