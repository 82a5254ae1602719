// The ICE-lite side of STUN: reads authenticated binding requests and writes responses (RFC 8445 §2.5, RFC 8489).
// The codec is werift's. It must not know sockets, sessions or which transport a request is for.

import { classes, Message, methods, parseMessage } from 'werift';

export interface BindingRequest {
  /** Our half of USERNAME (RFC 8445 §7.2.2): tells which transport is meant. Not authenticated yet. */
  readonly localUsernameFragment: string;
  readonly useCandidate: boolean;
  readonly message: Message;
}

/** First byte of a STUN packet is 0 to 3 (RFC 7983 §7). */
export function isStun(datagram: Uint8Array): boolean {
  return datagram.length >= 20 && (datagram[0] ?? 255) < 4;
}

/** Reads a binding request without believing it. Undefined for anything else, however malformed. */
export function readBindingRequest(datagram: Buffer): BindingRequest | undefined {
  const message = parse(datagram);
  if (!message || message.messageMethod !== methods.BINDING || message.messageClass !== classes.REQUEST)
    return undefined;
  const username: unknown = message.getAttributeValue('USERNAME');
  if (typeof username !== 'string') return undefined;
  const colon = username.indexOf(':');
  if (colon <= 0) return undefined;
  return {
    localUsernameFragment: username.slice(0, colon),
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
