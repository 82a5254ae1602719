// For tests: what negotiation and ingress give, in the shape that their consumers take.

import type { AcceptedMedia } from '../media/sdp/answer.ts';
import type { SourceItem } from '../media/worker-protocol.ts';
import type { Codec } from '../rtp/codec.ts';
import { readCodecFacts } from '../rtp/codec-facts.ts';
import type { PassedExtensions } from '../rtp/header-extension.ts';
import { parseRtp, rtpPayload } from '../rtp/packet.ts';
import { VP8 } from './rtp-fixtures.ts';

/** Video without any of what a peer may offer besides, but for `given`. */
export function acceptedMedia(given: Partial<AcceptedMedia>): AcceptedMedia {
  return {
    kind: 'video',
    mid: '0',
    codecs: [{ ...VP8, payloadType: 96, fmtp: undefined, feedback: [] }],
    rtxPayloadTypes: new Map(),
    extensions: new Map(),
    rids: [],
    ssrcs: [],
    ssrcGroups: [],
    localSsrc: undefined,
    localRtxSsrc: undefined,
    ...given,
  };
}

/** An RTP packet as ingress passes it on. */
export function sourcePacket(
  bytes: Uint8Array,
  codec: Codec,
  arrivedAtMs = 0,
  extensions?: PassedExtensions,
): Extract<SourceItem, { type: 'packet' }> {
  const packet = parseRtp(bytes);
  if (!packet) throw new Error('the fixture is no RTP packet');
  const { ssrc, sequence, timestamp, marker } = packet;
  const payload = rtpPayload(packet);
  const startsDecoding = readCodecFacts(codec.name, payload).startsDecoding;
  return {
    type: 'packet',
    kind: codec.kind,
    codec,
    ssrc,
    sequence,
    timestamp,
    marker,
    payload,
    startsDecoding,
    extensions,
    arrivedAtMs,
  };
}
