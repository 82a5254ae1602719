// The STUN and TURN servers that clients are told: as RTCIceServer objects and as Link headers.
// Pure: time is an argument. We are ICE-lite and use none of them ourselves.

import { createHmac } from 'node:crypto';

/** A subset of RTCIceServer (WebRTC §4.2.2), as JSON for the pages. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface IceServerSettings {
  readonly iceServers: readonly IceServer[];
  /** A TURN server that makes credentials from a shared secret (coturn's use-auth-secret). */
  readonly turn: { readonly urls: readonly string[]; readonly secret: string; readonly ttlSeconds: number } | undefined;
}

const TURN_USER = 'fanlight';

/** The list for one client at this moment. */
export function iceServersAt({ iceServers, turn }: IceServerSettings, nowMs: number): readonly IceServer[] {
  if (!turn) return iceServers;
  const expirySeconds = Math.floor(nowMs / 1000) + turn.ttlSeconds;
  const username = `${expirySeconds}:${TURN_USER}`;
  // draft-uberti-behave-turn-rest §2.2: base64(HMAC-SHA1(secret, username)).
  const credential = createHmac('sha1', turn.secret).update(username).digest('base64');
  return [...iceServers, { urls: turn.urls, username, credential }];
}

/** Values of Link headers (RFC 9725 §4.6): one for each address, without commas, since OBS splits at every comma. */
export function iceServerLinks(servers: readonly IceServer[]): string[] {
  return servers.flatMap(({ urls, username, credential }) =>
    urls.map((url) => {
      const link = `<${url}>; rel="ice-server"`;
      if (!username || !credential) return link;
      return `${link}; username="${username}"; credential="${credential}"; credential-type="password"`;
    }),
  );
}
