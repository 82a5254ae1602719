// Sizes of pictures, from payloads as encoders write them and from made ones.

import { describe, expect, it } from 'vitest';
import type { CodecName } from './codec.ts';
import { readFrameSize } from './frame-size.ts';
import { randomBytes, seededRandom } from './seeded-network.ts';

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** Unsigned Exp-Golomb. */
function ue(value: number): string {
  const binary = (value + 1).toString(2);
  return '0'.repeat(binary.length - 1) + binary;
}

/** An SPS from its bits after profile, flags and level, with a stop bit and the escapes of a NAL unit. */
function sps(profile: number, ...bits: string[]): Uint8Array {
  const text = `${bits.join('')}1`;
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '0');
  const body = (padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  const escaped: number[] = [];
  for (const byte of [profile, 0, 31, ...body]) {
    if (byte <= 3 && escaped.at(-1) === 0 && escaped.at(-2) === 0) escaped.push(3);
    escaped.push(byte);
  }
  return Uint8Array.from([0x67, ...escaped]);
}

const HD = [ue(79), ue(44)];
/** id, frame numbers, order count of kind 2, references, no gaps. */
const BASICS = [ue(0), ue(0), ue(2), ue(1), '0'];
const PROGRESSIVE = '1';
const DIRECT = '1';
const UNCROPPED = '0';

describe('the size of a key frame', () => {
  it.each<[CodecName, string, string, number, number]>([
    ['VP8', 'alone', '10 500100 9d012a 8002 e001', 640, 480],
    ['VP8', 'as Chromium sends it', '90f081110720 10a300 9d012a 0005 d002', 1280, 720],
    ['VP8', 'with scaling, which is left to the viewer', '10 500100 9d012a 8042 e081', 640, 480],
    ['H264', 'by x264, high', '6764001facd9405005bb01100000030010000003 03c0f1831960', 1280, 720],
    ['H264', 'by x264, high, cropped', '67640028acd940780227e5c044000003000400000300f03c60c658', 1920, 1080],
    [
      'H264',
      'in an aggregate',
      '78 0002 09f0 0019 6764001facd9405005bb0110000003001000000303c0f183 0003 68ce3c',
      1280,
      720,
    ],
  ])('%s %s', (codec, _, hex, width, height) => {
    expect(readFrameSize(codec, bytesOf(hex))).toEqual({ width, height });
  });

  it.each<[string, Uint8Array, number, number]>([
    ['baseline', sps(66, ...BASICS, ...HD, PROGRESSIVE, DIRECT, UNCROPPED), 1280, 720],
    [
      'order count of kind 0',
      sps(66, ue(0), ue(0), ue(0), ue(4), ue(1), '0', ...HD, PROGRESSIVE, DIRECT, UNCROPPED),
      1280,
      720,
    ],
    [
      'order count of kind 1',
      sps(
        66,
        ue(0),
        ue(0),
        ue(1),
        '1',
        ue(3),
        ue(4),
        ue(2),
        ue(5),
        ue(6),
        ue(1),
        '0',
        ...HD,
        PROGRESSIVE,
        DIRECT,
        UNCROPPED,
      ),
      1280,
      720,
    ],
    [
      'interlaced and cropped',
      sps(77, ...BASICS, ue(119), ue(33), '00', DIRECT, '1', ue(0), ue(0), ue(0), ue(2)),
      1920,
      1080,
    ],
    [
      'high with a scaling list',
      sps(
        100,
        ue(0),
        ue(1),
        ue(0),
        ue(0),
        '0',
        '1',
        '1',
        ue(16),
        '0000000',
        ...BASICS.slice(1),
        ...HD,
        PROGRESSIVE,
        DIRECT,
        UNCROPPED,
      ),
      1280,
      720,
    ],
    [
      'high 4:4:4, cropped by single pixels',
      sps(
        244,
        ue(0),
        ue(3),
        '0',
        ue(0),
        ue(0),
        '0',
        '0',
        ...BASICS.slice(1),
        ...HD,
        PROGRESSIVE,
        DIRECT,
        '1',
        ue(1),
        ue(2),
        ue(0),
        ue(3),
      ),
      1277,
      717,
    ],
  ])('H264 %s', (_, payload, width, height) => {
    expect(readFrameSize('H264', payload)).toEqual({ width, height });
  });

  it.each<[CodecName, string, string]>([
    ['VP8', 'of an inter frame', '10 510100 9d012a 8002 e001'],
    ['VP8', 'of a later packet', '00 500100 9d012a 8002 e001'],
    ['VP8', 'cut off', '10 500100 9d012a 8002 e0'],
    ['VP8', 'without the start code', '10 500100 9d012b 8002 e001'],
    ['VP8', 'of nothing', '10 500100 9d012a 0000 e001'],
    ['H264', 'of a picture', '65 888400'],
    ['H264', 'cut off', '6764001f ac'],
    ['H264', 'in a broken aggregate', '78 0040 6764001facd94050'],
    ['H264', 'of nothing', ''],
    ['VP9', 'ever', '88 11 82 49 83 42'],
    ['AV1', 'ever', '18 0a 0b'],
    ['opus', 'ever', 'fc ff fe'],
  ])('is not known: %s %s', (codec, _, hex) => {
    expect(readFrameSize(codec, bytesOf(hex))).toBeUndefined();
  });

  it('is absurd for nobody: an SPS of billions of macroblocks is none', () => {
    const huge = ue(2 ** 31 - 1);
    expect(readFrameSize('H264', sps(66, ...BASICS, huge, huge, PROGRESSIVE, DIRECT, UNCROPPED))).toBeUndefined();
  });

  it('is read out of any bytes without harm', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 2_000; round++) {
      const payload = randomBytes(random, round % 64);
      payload[0] = round % 2 === 0 ? 0x67 : 0x10;
      for (const codec of ['VP8', 'H264'] as const) {
        const size = readFrameSize(codec, payload);
        if (size) expect(Math.max(size.width, size.height)).toBeLessThan(0x8000 * 2);
      }
    }
  });
});
