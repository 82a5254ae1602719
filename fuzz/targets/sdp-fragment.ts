// ICE fragments (PATCH) and the credentials in an offer: text that anybody with a session may send.

import { FanlightError } from '../../src/errors.ts';
import { credentialsInOffer, formatFragment, parseFragment } from '../../src/signaling/sdp-fragment.ts';
import { CHROME_VIEWER, sdp } from '../../src/test/sample-offers.ts';
import { TEXT_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, promise } from '../target.ts';
import { latin1 } from './corpus.ts';

const CREDENTIALS = { usernameFragment: 'abcd', password: 'a-password-of-22-chars' };
const CANDIDATE = 'candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host';

export const sdpFragment: FuzzTarget = {
  name: 'sdp-fragment',
  seeds: [
    latin1(formatFragment({ ...CREDENTIALS, candidates: [CANDIDATE] }, '0')),
    latin1(
      `a=ice-pwd:${CREDENTIALS.password}\r\na=ice-ufrag:abcd\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=${CANDIDATE}\r\n`,
    ),
    latin1(sdp(CHROME_VIEWER)),
  ],
  mutations: TEXT_MUTATIONS,
  maxBytes: 16 * 1024,
  maxMs: 60,
  check(input) {
    const text = Buffer.from(input).toString('latin1');
    const pairs = credentialsInOffer(text);
    promise(pairs.every(isCredential), 'credentials have the lengths of RFC 8839');
    promise(new Set(pairs.map((pair) => JSON.stringify(pair))).size === pairs.length, 'no pair comes twice');
    try {
      const fragment = parseFragment(text);
      promise(isCredential(fragment), 'credentials have the lengths of RFC 8839');
      promise(!/[\r\n]/.test(fragment.mid ?? ''), 'a mid is one line');
      const { usernameFragment, password } = fragment;
      const written = formatFragment({ usernameFragment, password, candidates: [CANDIDATE] }, fragment.mid ?? '0');
      const again = parseFragment(written);
      promise(again.usernameFragment === usernameFragment && again.password === password, 'it is read as written');
      promise(again.candidates === 1, 'a candidate is counted');
      return `${fragment.mid !== undefined} ${Math.min(fragment.candidates, 3)} ${fragment.endOfCandidates}`;
    } catch (error) {
      if (!(error instanceof FanlightError)) throw error;
      promise(error.code === 'malformed_fragment', `a fragment is malformed, not ${error.code}`);
      return `refused ${pairs.length > 0}`;
    }
  },
};

function isCredential({ usernameFragment, password }: { usernameFragment: string; password: string }): boolean {
  const isWithin = (text: string, least: number) => text.length >= least && text.length <= 256 && !/\s/.test(text);
  return isWithin(usernameFragment, 4) && isWithin(password, 22);
}
