// The address of a client whose requests may come through proxies: for what does not go through express (WebSocket).
// It must not know which proxies are trusted: express's compiled `trust proxy` says.

import type { IncomingMessage } from 'node:http';

/** True when the address, `hop` proxies away from us, may speak for the one before it. */
export type TrustProxy = (address: string, hop: number) => boolean;

/** The same as express's `request.ip`: the nearest address that is not a trusted proxy. */
export function clientAddress(request: IncomingMessage, isTrusted: TrustProxy): string {
  const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  const hops = [
    request.socket.remoteAddress ?? '',
    ...forwarded
      .map((hop) => hop.trim())
      .filter(Boolean)
      .reverse(),
  ];
  const client = hops.find((address, hop) => !isTrusted(address, hop)) ?? hops.at(-1);
  return client ?? '';
}
