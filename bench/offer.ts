// The SDP of the benchmark's peers: offers as Chromium writes them, and what has to be known of an answer.

import { CHROME_PUBLISHER, CHROME_VIEWER, sdp } from '../src/test/sample-offers.ts';

export interface LocalDescription {
  readonly usernameFragment: string;
  readonly password: string;
  /** SHA-256 of the certificate, as in `a=fingerprint`. */
  readonly fingerprint: string;
}

export interface Answer {
  readonly usernameFragment: string;
  readonly password: string;
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  /** Of the first UDP candidate. */
  readonly port: number;
  /** The DTLS role that the other side takes. */
  readonly setup: 'active' | 'passive';
}

/** SSRCs and payload types that `CHROME_PUBLISHER` declares and both offers have in common. */
export const PUBLISHER_SSRC = { audio: 3570614608, video: 2231627014 } as const;
export const PAYLOAD_TYPE = { audio: 111, video: 96 } as const;

export function publisherOffer(local: LocalDescription): string {
  return sdp(CHROME_PUBLISHER.map((line) => ownLine(line, local)));
}

export function viewerOffer(local: LocalDescription): string {
  return sdp(CHROME_VIEWER.map((line) => ownLine(line, local)));
}

/** Throws on an answer that lacks something. */
export function parseAnswer(text: string): Answer {
  const value = (pattern: RegExp): string => {
    const [, found] = pattern.exec(text) ?? [];
    if (found === undefined) throw new Error(`the answer has no ${pattern.source}`);
    return found;
  };
  return {
    usernameFragment: value(/^a=ice-ufrag:(\S+)/m),
    password: value(/^a=ice-pwd:(\S+)/m),
    fingerprint: { algorithm: 'sha-256', value: value(/^a=fingerprint:sha-256 (\S+)/im).toUpperCase() },
    port: Number(value(/^a=candidate:\S+ 1 udp \d+ \d+\.\d+\.\d+\.\d+ (\d+)/im)),
    setup: value(/^a=setup:(\S+)/m) === 'active' ? 'active' : 'passive',
  };
}

function ownLine(line: string, { usernameFragment, password, fingerprint }: LocalDescription): string {
  if (line.startsWith('a=ice-ufrag:')) return `a=ice-ufrag:${usernameFragment}`;
  if (line.startsWith('a=ice-pwd:')) return `a=ice-pwd:${password}`;
  if (line.startsWith('a=fingerprint:')) return `a=fingerprint:sha-256 ${fingerprint}`;
  return line;
}
