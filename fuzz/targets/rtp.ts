// RTP headers and header extensions, as they come out of decryption.

import { ExtensionReader, type HeaderExtension } from '../../src/rtp/header-extension.ts';
import {
  eachExtension,
  parseRtp,
  readExtension,
  rtpHeaderLength,
  rtpPayload,
  writeRtpHeader,
} from '../../src/rtp/packet.ts';
import { unwrapRtx } from '../../src/rtp/rtx.ts';
import { BYTE_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, isUint, liesWithin, promise } from '../target.ts';
import { bytesOf } from './corpus.ts';

/** Those of one-byte elements, and of two-byte ones the edges. */
const EXTENSION_IDS = [...Array(17).keys(), 127, 128, 254, 255];

const NAMES: readonly HeaderExtension[] = [
  'mid',
  'rid',
  'transport-wide',
  'orientation',
  'audio-level',
  'capture-time',
];
const reader = new ExtensionReader(NAMES.map((name, at) => [name, at + 1]));

export const rtp: FuzzTarget = {
  name: 'rtp',
  seeds: [
    bytesOf('80600001 00000bb8 00000fa1 10000000'),
    // Two contributing sources, marker.
    bytesOf('82e0ffff ffffffff 89abcdef 00000001 00000002 9080811150'),
    // One-byte extensions: mid, transport-wide number, audio level, padding; the id 15 that ends a block.
    bytesOf('90600001 00000bb8 00000fa1 bede0003 10302130 01230030 ff100000 10000000'),
    bytesOf('90600001 00000bb8 00000fa1 bede0002 f0000000 10300000 10000000'),
    // Two-byte extensions, one of them empty.
    bytesOf('90600001 00000bb8 00000fa1 10000003 01013000 02000303 61626300 10000000'),
    // Each of those that we know, under the ids of the reader.
    bytesOf('90600001 00000bb8 00000fa1 bede0006 10302168 69310007 40015085 67010203 04050607 08000000 10000000'),
    // An extension block of an unknown profile, and an empty one.
    bytesOf('90600001 00000bb8 00000fa1 abcd0001 00000000 10000000'),
    bytesOf('90600001 00000bb8 00000fa1 bede0000 10000000'),
    // Padding, and nothing but padding.
    bytesOf('a0600001 00000bb8 00000fa1 10000000 00000004'),
    bytesOf('a0600001 00000bb8 00000fa1 00000004'),
  ],
  mutations: BYTE_MUTATIONS,
  maxBytes: 1500,
  maxMs: 5,
  check(input) {
    const headerLength = rtpHeaderLength(input);
    const packet = parseRtp(input);
    if (headerLength === undefined) {
      promise(packet === undefined, 'no packet without a header');
      return 'no';
    }
    promise(headerLength >= 12 && headerLength <= input.length, 'a header lies in its packet');
    if (!packet) return 'padding';
    promise(packet.payloadOffset === headerLength, 'the payload follows the header');
    promise(packet.payloadLength >= 0, 'a payload has a length');
    promise(packet.payloadOffset + packet.payloadLength <= input.length, 'a payload lies in its packet');
    promise(packet.extensionLength >= 0, 'an extension block has a length');
    promise(packet.extensionOffset + packet.extensionLength === packet.payloadOffset, 'extensions end the header');
    promise(isUint(packet.payloadType, 7) && isUint(packet.sequence, 16), 'numbers have their bits');
    promise(isUint(packet.timestamp, 32) && isUint(packet.ssrc, 32), 'numbers have their bits');
    promise(liesWithin(rtpPayload(packet), input), 'a payload shares the packet’s memory');
    promise(rtpPayload(packet).length === packet.payloadLength, 'a payload is as long as it says');

    const block = input.subarray(packet.extensionOffset, packet.extensionOffset + packet.extensionLength);
    let found = 0;
    for (const id of EXTENSION_IDS) {
      const value = readExtension(packet, id);
      if (!value) continue;
      found++;
      promise(liesWithin(value, block), 'an extension lies in its block');
    }
    eachExtension(packet, (id, offset, length) => {
      promise(id >= 1 && id <= 255, 'an extension has an id');
      promise(liesWithin(input.subarray(offset, offset + length), block), 'an extension lies in its block');
    });
    const { transportSequence, passed, mid = '' } = reader.read(packet);
    promise(transportSequence === undefined || isUint(transportSequence, 16), 'a transport-wide number has 16 bits');
    promise(mid.length <= 255, 'a text is as long as its extension');
    promise(passed?.orientation === undefined || isUint(passed.orientation, 8), 'an orientation is a byte');
    promise(
      passed?.captureTime === undefined || liesWithin(passed.captureTime, block),
      'a capture time lies in its block',
    );

    const repeated = unwrapRtx(packet);
    if (repeated) {
      promise(isUint(repeated.sequence, 16), 'an original number has 16 bits');
      promise(liesWithin(repeated.payload, rtpPayload(packet)), 'a retransmission shares the packet’s memory');
    }

    const written = new Uint8Array(12 + packet.payloadLength);
    writeRtpHeader(written, packet);
    written.set(rtpPayload(packet), 12);
    const again = parseRtp(written);
    promise(again !== undefined && again.payloadLength === packet.payloadLength, 'what is written can be read');
    for (const name of ['payloadType', 'marker', 'sequence', 'timestamp', 'ssrc'] as const) {
      promise(again[name] === packet[name], `${name} is read as it was written`);
    }
    return `${packet.csrcCount} ${packet.extensionProfile >> 4} ${found} ${packet.payloadLength === 0}`;
  },
};
