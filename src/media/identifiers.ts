// Random names and numbers by which peers know us. It must not know what they are used for.

import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { IceCredentials } from './transport/udp-front.ts';

/** One name for all that this process sends: it ties a viewer's audio and video together for lip-sync (RFC 3550 §6.5.1). */
export const CNAME = randomUUID().slice(0, 16);

export function newSsrc(): number {
  return randomInt(1, 2 ** 32);
}

/** SSRCs of one session, never the same twice: they share a key (RFC 3711 §9.1). */
export function distinctSsrcs(): () => number {
  const drawn = new Set<number>();
  return () => {
    let ssrc = newSsrc();
    while (drawn.has(ssrc)) ssrc = newSsrc();
    drawn.add(ssrc);
    return ssrc;
  };
}

/** RFC 8445 §5.3 wants 24 and 128 bits; the fragment also tells transports apart, so it has 72. */
export function newCredentials(): IceCredentials {
  return { usernameFragment: iceCharacters(9), password: iceCharacters(24) };
}

/** `ice-char` is A-Z a-z 0-9 + / (RFC 8839 §5.4), which base64 is. */
function iceCharacters(bytes: number): string {
  return randomBytes(bytes).toString('base64');
}
