// Codec descriptors, of which the first byte of an input chooses the codec: what a payload says of itself.

import { isDeepStrictEqual } from 'node:util';
import type { CodecName } from '../../src/rtp/codec.ts';
import { readCodecFacts } from '../../src/rtp/codec-facts.ts';
import { readFrameSize } from '../../src/rtp/frame-size.ts';
import { BYTE_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, isUint, promise } from '../target.ts';
import { bytesOf } from './corpus.ts';

const CODECS: readonly CodecName[] = ['VP8', 'VP9', 'H264', 'AV1', 'opus'];

export const codecFacts: FuzzTarget = {
  name: 'codec-facts',
  seeds: [
    bytesOf('00 10 50 01 00 9d 01 2a'),
    bytesOf('00 90 f0 81 11 07 20 50 01 00'),
    bytesOf('01 88 81 11 82 49'),
    bytesOf('01 a8 81 11 00 07 82 49'),
    bytesOf('01 ba 81 11 10 18 82 49'),
    bytesOf('00 10 500100 9d012a 8002 e001'),
    bytesOf('02 67 42 e0 1f'),
    bytesOf('02 67640028acd940780227e5c044000003000400000300f03c60c658'),
    bytesOf('02 78 0002 09f0 0004 6742e01f 0003 68ce3c'),
    bytesOf('02 7c 85 88 84'),
    bytesOf('03 18 0a 0b'),
    bytesOf('04 fc ff fe'),
  ],
  mutations: BYTE_MUTATIONS,
  maxBytes: 1500,
  maxMs: 5,
  check(input) {
    const codec = CODECS[(input[0] ?? 0) % CODECS.length] ?? 'VP8';
    const payload = input.subarray(1);
    const facts = readCodecFacts(codec, payload);
    const { startsDecoding, pictureId, temporalLayer, spatialLayer } = facts;
    promise(!startsDecoding || payload.length > 0, 'nothing begins no key frame');
    promise(pictureId === undefined || isUint(pictureId, 15), 'a picture id has 15 bits');
    promise(temporalLayer === undefined || isUint(temporalLayer, 3), 'a temporal layer has 3 bits');
    promise(spatialLayer === undefined || isUint(spatialLayer, 3), 'a spatial layer has 3 bits');
    const { width = 1, height = 1 } = readFrameSize(codec, payload) ?? {};
    promise(width > 0 && height > 0 && isUint(width, 16) && isUint(height, 16), 'a picture has a size');
    // It lies inside a packet: what follows there belongs to another and says nothing.
    const neighboured = Uint8Array.from([...payload, 0xff, 0x65, 0x67, 0x10]).subarray(0, payload.length);
    promise(isDeepStrictEqual(readCodecFacts(codec, neighboured), facts), 'only the payload is looked at');
    const layers = `${temporalLayer} ${spatialLayer}`;
    return `${codec} ${width > 1} ${startsDecoding} ${pictureId === undefined} ${layers} ${Math.min(payload.length, 4)}`;
  },
};
