// ICE fragments (application/trickle-ice-sdpfrag, RFC 8840 §9): reading a client's, writing ours after an ICE restart.
// Pure. It must not know sessions or HTTP.

import type { IceDescription } from '../broadcast/ports.ts';
import { FanlightError } from '../errors.ts';

/** The ICE credentials that name one ICE session of one side. */
export interface IceCredentials {
  readonly usernameFragment: string;
  readonly password: string;
}

export interface SdpFragment extends IceCredentials {
  /** Of the first media section, undefined when there is none. */
  readonly mid: string | undefined;
  /** How many candidate lines could be read. We are ICE-lite: what they say is not needed. */
  readonly candidates: number;
  readonly endOfCandidates: boolean;
}

// RFC 8866 §9, byte-string: what a line says has no NUL, and a CR only ends it.
const LINE = /^[a-z]=[^\0\r]*$/;
// RFC 8839 §5.4: ice-ufrag is 4 to 256 characters, ice-pwd 22 to 256. Their alphabet is not insisted on.
const USERNAME_FRAGMENT = /^a=ice-ufrag:(\S{4,256})\s*$/;
const PASSWORD = /^a=ice-pwd:(\S{22,256})\s*$/;
// RFC 8839 §5.1: foundation component transport priority address port "typ" type. Component 0 is what one client writes.
const CANDIDATE = /^a=candidate:\S{1,32} \d{1,3} \S+ \d{1,10} \S+ \d{1,5} typ [a-z]+/i;

/** Reads a fragment; credentials stand at the session or in a media section. Error: malformed_fragment. */
export function parseFragment(text: string): SdpFragment {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const odd = lines.find((line) => !LINE.test(line));
  if (odd !== undefined) throw new FanlightError('malformed_fragment', 'Each line has the form x=value.');
  const [credentials] = credentialsIn(lines);
  if (!credentials) throw new FanlightError('malformed_fragment', 'It needs a=ice-ufrag and a=ice-pwd.');
  return {
    ...credentials,
    mid: lines
      .find((line) => line.startsWith('a=mid:'))
      ?.slice('a=mid:'.length)
      .trim(),
    candidates: lines.filter((line) => CANDIDATE.test(line)).length,
    endOfCandidates: lines.some((line) => line.trim() === 'a=end-of-candidates'),
  };
}

/** The ICE credentials in an offer, without repetitions: usually one pair, or one for each section before bundling. */
export function credentialsInOffer(sdp: string): IceCredentials[] {
  return credentialsIn(sdp.split(/\r?\n/));
}

export function isSameIce(a: IceCredentials, b: IceCredentials): boolean {
  return a.usernameFragment === b.usernameFragment && a.password === b.password;
}

/** Pairs each `ice-ufrag` with the `ice-pwd` of its section, in whichever order they stand; session level is a section too. */
function credentialsIn(lines: readonly string[]): IceCredentials[] {
  const found: IceCredentials[] = [];
  let usernameFragment: string | undefined;
  let password: string | undefined;
  for (const line of lines) {
    if (line.startsWith('m=')) [usernameFragment, password] = [undefined, undefined];
    usernameFragment = USERNAME_FRAGMENT.exec(line)?.[1] ?? usernameFragment;
    password = PASSWORD.exec(line)?.[1] ?? password;
    if (!usernameFragment || !password) continue;
    const pair = { usernameFragment, password };
    if (!found.some((other) => isSameIce(other, pair))) found.push(pair);
    [usernameFragment, password] = [undefined, undefined];
  }
  return found;
}

/** Our answer to an ICE restart (RFC 9725 §4.3.3): all candidates at once, since we cannot trickle. */
export function formatFragment(description: IceDescription, mid: string): string {
  return [
    'a=ice-lite',
    `a=ice-ufrag:${description.usernameFragment}`,
    `a=ice-pwd:${description.password}`,
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    `a=mid:${mid}`,
    ...description.candidates.map((candidate) => `a=${candidate}`),
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}
