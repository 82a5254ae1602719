// The address of a client whose requests may come through proxies: for what does not go through express (WebSocket).
// And whether there are any. It must not know which proxies are trusted: express's compiled `trust proxy` says.

import type { IncomingMessage } from 'node:http';

/** True when the address, `hop` proxies away from us, may speak for the one before it. */
export type TrustProxy = (address: string, hop: number) => boolean;

/** Headers by which a proxy says for whom it asks, whether or not it is believed. */
const FORWARDING = ['x-forwarded-for', 'forwarded', 'x-real-ip'];

/** True when a proxy stands between the client and us, and says so. */
export function isForwarded({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return FORWARDING.some((name) => headers[name] !== undefined);
}

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
