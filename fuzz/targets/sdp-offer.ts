// SDP offers, from the text to our answer, in both roles: refused with words of our own, or answered section by section.

import { FanlightError } from '../../src/errors.ts';
import {
  type AnswerRole,
  type LocalIdentity,
  negotiatePublisher,
  negotiateViewer,
  writeAnswer,
} from '../../src/media/sdp/answer.ts';
import { type Offer, parseOffer } from '../../src/media/sdp/offer.ts';
import {
  CHROME_PUBLISHER,
  CHROME_VIEWER,
  FFMPEG_PUBLISHER,
  FIREFOX_PUBLISHER,
  GSTREAMER_PUBLISHER,
  OBS_PUBLISHER,
  SAFARI_VIEWER,
  sdp,
} from '../../src/test/sample-offers.ts';
import { TEXT_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, promise } from '../target.ts';
import { latin1 } from './corpus.ts';

const IDENTITY: LocalIdentity = {
  iceUsernameFragment: 'local123',
  icePassword: 'a-password-of-22-chars',
  candidates: ['candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host'],
  fingerprint: 'AA:BB',
  sessionId: '1',
};
const PUBLISHING: AnswerRole = { direction: 'recvonly', msid: 'fanlight', cname: 'fanlight' };
const VIEWING: AnswerRole = { direction: 'sendonly', msid: 'fanlight', cname: 'fanlight' };
const OFFERS = [
  CHROME_PUBLISHER,
  CHROME_VIEWER,
  FIREFOX_PUBLISHER,
  SAFARI_VIEWER,
  OBS_PUBLISHER,
  FFMPEG_PUBLISHER,
  GSTREAMER_PUBLISHER,
];

export const sdpOffer: FuzzTarget = {
  name: 'sdp-offer',
  seeds: OFFERS.map((offer) => latin1(sdp(offer))),
  mutations: TEXT_MUTATIONS,
  maxBytes: 64 * 1024,
  maxMs: 100,
  check(input) {
    const text = Buffer.from(input).toString('latin1');
    const offer = orRefusal(() => parseOffer(text));
    if (typeof offer === 'string') return offer;
    let ssrc = 1;
    const outcomes = [
      orRefusal(() => writeAnswer(offer, negotiatePublisher(offer), IDENTITY, PUBLISHING)),
      orRefusal(() =>
        writeAnswer(
          offer,
          negotiateViewer(offer, [], () => ssrc++),
          IDENTITY,
          VIEWING,
        ),
      ),
    ];
    return outcomes.map((outcome) => judge(offer, outcome)).join(' ');
  },
};

/** A refusal is a `FanlightError`; anything else is a mistake of ours. */
function orRefusal<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (error instanceof FanlightError && error.code !== 'internal') return error.code;
    throw error;
  }
}

/** RFC 3264 §6: as many m= sections as the offer has. What the offer says must not become lines of ours. */
function judge(offer: Offer, outcome: string): string {
  if (!outcome.startsWith('v=0')) return outcome;
  const lines = outcome.split('\r\n');
  promise(lines.pop() === '', 'an answer ends with a line end');
  promise(
    lines.every((line) => /^[a-z]=[^\r\n]*$/.test(line)),
    'each line of an answer is a line',
  );
  const sections = lines.filter((line) => line.startsWith('m='));
  promise(sections.length === offer.sections.length, 'an answer has the sections of the offer');
  const taken = sections.filter((line) => !/^m=\S+ 0 /.test(line)).length;
  promise(
    lines.filter((line) => line.startsWith('a=fingerprint:')).length === taken,
    'each section has our certificate',
  );
  promise(lines.filter((line) => line.startsWith('a=setup:')).length === taken, 'each section has our DTLS role');
  return `answered ${taken}/${Math.min(sections.length, 4)}`;
}
