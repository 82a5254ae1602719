import { describe, expect, it } from 'vitest';
import type { CodecName } from './codec.ts';
import { type CodecFacts, readCodecFacts } from './codec-facts.ts';
import { randomBytes, seededRandom } from './seeded-network.ts';

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('a key frame begins', () => {
  it.each<[CodecName, string, string]>([
    ['VP8', 'without extensions', '10 50 01 00 9d 01 2a'],
    ['VP8', 'with a 7-bit picture ID', '90 80 11 50 01 00'],
    ['VP8', 'with a 15-bit picture ID', '90 80 81 11 50 01 00'],
    ['VP8', 'with all extensions, as Chromium sends it', '90 f0 81 11 07 20 50 01 00'],
    ['VP8', 'with TL0PICIDX and KEYIDX only', '90 50 07 05 50 01 00'],
    ['VP8', 'in a non-reference frame header', '30 50 01 00'],
    ['VP9', 'without picture ID or layers', '08 82 49'],
    ['VP9', 'with a 7-bit picture ID', '88 11 82 49'],
    ['VP9', 'with a 15-bit picture ID', '88 81 11 82 49'],
    ['VP9', 'non-flexible with layers', 'a8 81 11 00 07 82 49'],
    ['VP9', 'flexible with layers', 'b8 81 11 00 82 49'],
    ['VP9', 'flexible with a scalability structure', 'ba 81 11 10 18 82 49'],
    ['H264', 'with an SPS', '67 42 e0 1f'],
    ['H264', 'with an aggregate of SPS, PPS', '78 0004 6742e01f 0003 68ce3c'],
    ['H264', 'with an aggregate where a delimiter comes first', '78 0002 09f0 0004 6742e01f'],
    ['H264', 'with the first fragment of an SPS', '7c 87 42 e0'],
    ['AV1', 'with a new coded video sequence', '18 0a 0b'],
    ['AV1', 'with one that goes on in the next packet', '58 0a 0b'],
    ['opus', 'with every packet', 'fc ff fe'],
  ])('%s %s', (codec, _, hex) => {
    expect(readCodecFacts(codec, bytesOf(hex)).startsDecoding).toBe(true);
  });

  it.each<[CodecName, string, string]>([
    ['VP8', 'an inter frame', '90 80 81 11 51 01 00'],
    ['VP8', 'an inter frame without extensions', '10 51 01 00'],
    ['VP8', 'the middle of a key frame', '00 50 01 00'],
    ['VP8', 'a later partition', '11 50 01 00'],
    ['VP8', 'a descriptor without payload', '90 80 81 11'],
    ['VP8', 'a cut descriptor', '90'],
    ['VP9', 'an inter frame', 'c8 81 11 82'],
    ['VP9', 'the middle of a key frame', '80 81 11 82'],
    ['VP9', 'the upper spatial layer of a key picture', 'a8 81 11 03 07 82'],
    ['VP9', 'an inter frame in flexible mode', 'f8 81 11 00 02 82'],
    ['VP9', 'a descriptor without payload', 'a8 81 11 00 07'],
    ['H264', 'a picture that is not IDR', '41 9a 24'],
    ['H264', 'an IDR picture without its parameter sets', '65 88 84'],
    ['H264', 'an aggregate of an IDR picture alone', '78 0003 658884'],
    ['H264', 'the first fragment of an IDR picture', '7c 85 88 84'],
    ['H264', 'a later slice of an IDR picture', '65 08 84'],
    ['H264', 'a PPS alone', '68 ce 3c'],
    ['H264', 'a fragment of a picture that is not IDR', '7c 81 9a'],
    ['H264', 'the middle of an IDR picture', '7c 05 88'],
    ['H264', 'the end of an IDR picture', '7c 45 88'],
    ['H264', 'an aggregate without SPS or IDR', '78 0002 09f0 0003 68ce3c'],
    ['H264', 'an aggregate whose unit is cut off', '78 0005 6742e01f'],
    ['H264', 'an aggregate with an empty unit', '78 0000 0002 6742'],
    ['H264', 'an SPS header without SPS', '67'],
    ['H264', 'a fragment without bytes', '7c 85'],
    ['AV1', 'a frame inside a sequence', '10 32 0b'],
    ['AV1', 'a continued unit', '98 0a 0b'],
    ['AV1', 'an aggregation header alone', '18'],
    ['opus', 'nothing', ''],
  ])('not in %s: %s', (codec, _, hex) => {
    expect(readCodecFacts(codec, bytesOf(hex)).startsDecoding).toBe(false);
  });

  it.each<CodecName>(['VP8', 'VP9', 'H264', 'AV1', 'opus'])('%s: any bytes of any length are an answer', (codec) => {
    const random = seededRandom(6);
    const answers = { true: 0, false: 0 };
    for (let round = 0; round < 20_000; round++) {
      answers[`${readCodecFacts(codec, randomBytes(random, 12)).startsDecoding}`]++;
    }
    expect(answers.true).toBeGreaterThan(100);
    expect(answers.false).toBeGreaterThan(100);
  });
});

describe('what a payload says of itself besides', () => {
  it.each<[CodecName, string, string, Omit<CodecFacts, 'startsDecoding'>]>([
    ['VP8', 'a picture ID of 7 bits', '90 80 11 50 01 00', { pictureId: 0x11 }],
    ['VP8', 'a picture ID of 15 bits', '90 80 81 11 51 01 00', { pictureId: 0x111 }],
    ['VP8', 'a temporal layer', '90 f0 81 11 07 a0 51 01 00', { pictureId: 0x111, temporalLayer: 2 }],
    ['VP8', 'KEYIDX without a temporal layer', '90 10 c5 50 01', {}],
    ['VP8', 'nothing', '10 51', {}],
    ['VP8', 'a picture ID that is cut off', '90 80 81', {}],
    ['VP9', 'a picture ID', 'c8 81 11 82', { pictureId: 0x111 }],
    ['VP9', 'layers', 'a8 05 4b 07 82', { pictureId: 5, temporalLayer: 2, spatialLayer: 5 }],
    ['VP9', 'layers that are cut off', 'a8 05', { pictureId: 5 }],
    ['H264', 'nothing', '65 88 84', {}],
    ['AV1', 'nothing', '18 0a 0b', {}],
  ])('%s: %s', (codec, _, hex, facts) => {
    const { startsDecoding, ...others } = readCodecFacts(codec, bytesOf(hex));
    expect(others).toEqual(facts);
  });
});
