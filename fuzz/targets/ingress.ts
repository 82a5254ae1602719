// A publisher that is let in and then sends rubbish: RTP and RTCP in one go through the ingress, with what it answers.
// An input is a train of packets.

import { Ingress } from '../../src/media/ingress/ingress.ts';
import { negotiatePublisher } from '../../src/media/sdp/answer.ts';
import { parseOffer } from '../../src/media/sdp/offer.ts';
import { parseRtcp, RTCP } from '../../src/rtp/rtcp.ts';
import { writeSenderReport } from '../../src/rtp/rtcp-writer.ts';
import { deltaFrame, keyFrame, opusPacket, paddingOnly } from '../../src/test/rtp-fixtures.ts';
import { CHROME_PUBLISHER, sdp } from '../../src/test/sample-offers.ts';
import { BYTE_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, promise } from '../target.ts';
import { cars, train } from './trains.ts';

const { media } = negotiatePublisher(parseOffer(sdp(CHROME_PUBLISHER)));
/** Packets that one tick may answer with: feedback for each of a handful of sources. */
const MAX_ANSWERS = 64;
const MAX_ANSWER_BYTES = 1500;
/** Between two packets. */
const STEP_MS = 20;

const report = writeSenderReport({
  ssrc: 1,
  ntp: { seconds: 0xe000_0000, fraction: 0 },
  rtpTimestamp: 3000,
  packetCount: 1,
  octetCount: 5,
  cname: 'x',
});

export const ingress: FuzzTarget = {
  name: 'ingress',
  seeds: [
    train(keyFrame({ sequence: 1 }), deltaFrame({ sequence: 2, timestamp: 3000 }), report),
    train(keyFrame({ sequence: 65_535 }), deltaFrame({ sequence: 3 }), deltaFrame({ sequence: 200 })),
    train(opusPacket({ sequence: 1, ssrc: 2 }), keyFrame({ sequence: 1 }), opusPacket({ sequence: 5, ssrc: 2 })),
    train(numbered(1), numbered(2), numbered(5), numbered(65_535), numbered(3)),
    train(paddingOnly({ sequence: 1 }), keyFrame({ sequence: 2 }), keyFrame({ sequence: 30_000 })),
    train(...Array.from({ length: 20 }, (_, at) => keyFrame({ sequence: 5, ssrc: 100 + at }))),
  ],
  mutations: BYTE_MUTATIONS,
  maxBytes: 4000,
  maxMs: 25,
  check(input) {
    const counts = { items: 0, drops: 0, answers: 0 };
    const publisher = new Ingress({
      media,
      ssrc: 7,
      cname: 'fanlight',
      onItem: () => counts.items++,
      onTracks: () => {},
      onDrop: () => counts.drops++,
    });
    let nowMs = 1_000_000;
    let packets = 0;
    for (const packet of cars(input)) {
      packets++;
      nowMs += STEP_MS;
      const isReport = (packet[1] ?? 0) >= RTCP.senderReport && (packet[1] ?? 0) <= RTCP.payload + 10;
      if (isReport) publisher.receiveRtcp(packet, nowMs);
      else publisher.receiveRtp(packet, nowMs);
      const answers = publisher.due(nowMs);
      counts.answers += answers.length;
      promise(answers.length <= MAX_ANSWERS, 'a tick answers with a few packets');
      for (const answer of answers) {
        promise(answer.length <= MAX_ANSWER_BYTES, 'an answer fits into a datagram');
        promise(
          parseRtcp(answer).length >= (answer[1] === 205 && (answer[0] ?? 0) % 32 === 15 ? 0 : 1),
          'an answer is RTCP',
        );
      }
    }
    promise(counts.items <= packets * 64, 'one packet is one item, one report a few');
    return `${Math.min(counts.items, 5)} ${Math.min(counts.drops, 5)} ${Math.min(counts.answers, 5)}`;
  },
};

/** A delta frame with the transport-wide number that the offer's extension 4 carries. */
function numbered(number: number): Uint8Array {
  const frame = deltaFrame({ sequence: number });
  const extension = [0xbe, 0xde, 0, 1, 0x41, number >> 8, number & 0xff, 0];
  return Uint8Array.from([0x90, ...frame.subarray(1, 12), ...extension, ...frame.subarray(12)]);
}
