// By which of our addresses a client reached us: where its media will find us most likely.
// It must not know SDP. Both functions are pure but for the request they read.

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Best first: the address in the Host header, if it is one, then the one that the TCP connection ended at. */
export function addressHints(
  request: Pick<IncomingMessage, 'headers'> & { readonly socket: { readonly localAddress?: string | undefined } },
): string[] {
  const hints = [hostAddress(request.headers.host ?? ''), plainAddress(request.socket.localAddress ?? '')];
  return [...new Set(hints.filter((hint) => hint !== undefined))];
}

/** `192.0.2.1:8088`, `[2001:db8::1]:8088`, `localhost`; undefined for other names. */
function hostAddress(host: string): string | undefined {
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d*$/, '');
  return name.toLowerCase() === 'localhost' ? '127.0.0.1' : plainAddress(name);
}

/** Without IPv4-mapping and zone; undefined for what is no address that a packet can be sent to. */
function plainAddress(text: string): string | undefined {
  const address = text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIP(address) === 0 || address === '::' || address === '0.0.0.0') return undefined;
  return address;
}
