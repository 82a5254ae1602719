// By which of our addresses a client reached us: where its media will find us most likely.
// It must not know SDP, nor which proxies are trusted: express's compiled `trust proxy` says.

import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { isForwarded, type TrustProxy } from './client-address.ts';

export interface HintedRequest extends Pick<IncomingMessage, 'headers'> {
  readonly socket: { readonly localAddress?: string | undefined; readonly remoteAddress?: string | undefined };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** RFC 1918 and RFC 4193. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8);
PRIVATE.addSubnet('172.16.0.0', 12);
PRIVATE.addSubnet('192.168.0.0', 16);
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

/**
 * Best first: the address in the Host header, if it is one, then the one that the TCP connection ended at.
 * A proxy's connection tells how the proxy reaches us, not the client; some clients use only the first hint.
 */
export function addressHints(request: HintedRequest, isTrusted: TrustProxy): string[] {
  const { localAddress = '', remoteAddress = '' } = request.socket;
  const host = hostName(request.headers.host ?? '');
  const named = host === 'localhost' ? '127.0.0.1' : plainAddress(host);
  if (isForwarded(request) || isTrusted(remoteAddress, 0)) {
    return named !== undefined && !isIn(LOOPBACK, named) ? [named] : [];
  }
  const peer = plainAddress(remoteAddress) ?? '';
  const local = plainAddress(localAddress);
  // Docker's port mapping shows a browser on the same machine as its gateway, which has a private address.
  const mayBeHere = isIn(LOOPBACK, peer) || isIn(PRIVATE, peer);
  // A connection over loopback for another name is a proxy that does not say so.
  const isProxied = named === undefined && isName(host) && local !== undefined && isIn(LOOPBACK, local);
  const hints = [
    named !== undefined && (mayBeHere || !isIn(LOOPBACK, named)) ? named : undefined,
    isProxied ? undefined : local,
  ];
  return [...new Set(hints.filter((hint) => hint !== undefined))];
}

/** `192.0.2.1:8088`, `[2001:db8::1]:8088`, `LOCALHOST`: without the port, in lower case. */
function hostName(host: string): string {
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d*$/, '');
  return name.toLowerCase();
}

function isName(host: string): boolean {
  return host !== '' && isIP(host) === 0;
}

/** Without IPv4-mapping and zone; undefined for what is no address that a packet can be sent to. */
function plainAddress(text: string): string | undefined {
  const address = text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIP(address) === 0 || address === '::' || address === '0.0.0.0') return undefined;
  return address;
}

function isIn(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
