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

/** The packet with header extensions in one-byte headers (RFC 8285 §4.2), id → value. */
export function extended(packet: Buffer, values: Readonly<Record<number, string | readonly number[]>>): Buffer {
  const elements = Object.entries(values).flatMap(([id, value]) => {
    const bytes = [...Buffer.from(value as string)];
    return [(Number(id) << 4) | (bytes.length - 1), ...bytes];
  });
  const words = Math.ceil(elements.length / 4);
  const block = Buffer.alloc(4 + 4 * words);
  block.set([0xbe, 0xde, 0, words, ...elements]);
  const header = Buffer.from(packet.subarray(0, 12));
  header[0] = (header[0] ?? 0) | 0x10;
  return Buffer.concat([header, block, packet.subarray(12)]);
}

/** The packet sent again under an SSRC, payload type and number of its own (RFC 4588 §4); it has no padding. */
export function retransmitted(
  packet: Buffer,
  { ssrc, payloadType, sequence }: { ssrc: number; payloadType: number; sequence: number },
): Buffer {
  const original = parseRtp(packet);
  if (!original) throw new Error('the fixture is no RTP packet');
  const header = Buffer.from(packet.subarray(0, original.payloadOffset));
  const number = Buffer.from([header[2] ?? 0, header[3] ?? 0]);
  header[1] = ((header[1] ?? 0) & 0x80) | payloadType;
  header.writeUInt16BE(sequence, 2);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, number, packet.subarray(original.payloadOffset)]);
}
