import { describe, expect, it } from 'vitest';
import { bestDecoder, type Codec, codecLabel, decodeFitness, h264Profile } from './codec.ts';

const video = (name: Codec['name'], parameters: Codec['parameters'] = {}): Codec => ({
  kind: 'video',
  name,
  clockRate: 90_000,
  parameters,
});
const h264 = (profileLevelId?: string, packetizationMode?: string): Codec =>
  video('H264', {
    ...(profileLevelId ? { 'profile-level-id': profileLevelId } : {}),
    ...(packetizationMode ? { 'packetization-mode': packetizationMode } : {}),
  });
const opus: Codec = { kind: 'audio', name: 'opus', clockRate: 48_000, channels: 2, parameters: {} };

const BASELINE = h264('42e01f', '1');
const MAIN = h264('4d001f', '1');
const HIGH = h264('640c1f', '1');
const HIGH_444 = h264('f4001f', '1');

describe('a decoder', () => {
  it.each<[string, Codec, Codec, number | undefined]>([
    ['of VP8 decodes VP8', video('VP8'), video('VP8'), 0],
    ['of VP8 does not decode VP9', video('VP8'), video('VP9'), undefined],
    ['of Opus decodes Opus', opus, { ...opus, parameters: { useinbandfec: '1' } }, 0],
    ['of another clock rate does not', { ...opus, clockRate: 16_000 }, opus, undefined],
    ['of VP9 profile 0 decodes VP9 that names none', video('VP9', { 'profile-id': '0' }), video('VP9'), 0],
    ['of VP9 profile 2 does not', video('VP9', { 'profile-id': '2' }), video('VP9'), undefined],
    ['of AV1 that names no profile decodes profile 0', video('AV1'), video('AV1', { profile: '0' }), 0],
    ['of AV1 profile 1 does not', video('AV1', { profile: '1' }), video('AV1'), undefined],
    ['of H264 baseline decodes baseline of another level', h264('42001f', '1'), h264('42e034', '1'), 0],
    ['of H264 in upper case is the same', h264('42E01F', '1'), BASELINE, 0],
    ['of H264 that names no profile is baseline', h264(undefined, '1'), BASELINE, 0],
    ['of H264 main decodes baseline', MAIN, BASELINE, 1],
    ['of H264 high decodes baseline', HIGH, BASELINE, 2],
    ['of H264 high decodes main', HIGH, MAIN, 1],
    ['of H264 baseline does not decode high', BASELINE, HIGH, undefined],
    ['of H264 high 4:4:4 decodes high', HIGH_444, HIGH, 1],
    ['of H264 high 4:4:4 decodes baseline', HIGH_444, BASELINE, 3],
    ['of H264 high does not decode high 4:4:4', HIGH, HIGH_444, undefined],
    ['of H264 of an unknown profile decodes nothing', h264('6e001f', '1'), BASELINE, undefined],
    ['of H264 does not decode an unknown profile', HIGH, h264('6e001f', '1'), undefined],
    ['of H264 mode 0 does not decode mode 1', h264('42e01f', '0'), BASELINE, undefined],
    ['of H264 that names no mode has mode 0', h264('42e01f'), h264('42e01f', '0'), 0],
    ['of H264 mode 1 decodes mode 0, which is a part of it', BASELINE, h264('42e01f'), 0.5],
  ])('%s', (_, offered, source, fitness) => {
    expect(decodeFitness(offered, source)).toBe(fitness);
  });

  it.each<[string, Codec[], Codec, Codec | undefined]>([
    ['the exact one before a more general one', [HIGH, BASELINE, MAIN], BASELINE, BASELINE],
    ['the least general one that can', [BASELINE, HIGH, MAIN], MAIN, MAIN],
    ['the first of equals', [h264('42001f', '1'), BASELINE], BASELINE, h264('42001f', '1')],
    ['the same mode before the larger one', [BASELINE, h264('42e01f', '0')], h264('42e01f'), h264('42e01f', '0')],
    ['the same profile before the same mode', [h264('4d001f', '0'), BASELINE], h264('42e01f'), BASELINE],
    ['none when there is none', [video('VP8'), BASELINE], HIGH, undefined],
    ['none of none', [], HIGH, undefined],
  ])('is chosen: %s', (_, offered, source, best) => {
    expect(bestDecoder(offered, source)).toEqual(best);
  });
});

describe('a codec', () => {
  it.each([
    ['42e01f', 'baseline'],
    ['4D001F', 'main'],
    ['640c1f', 'high'],
    ['f4001f', 'high 4:4:4'],
    ['6e001f', undefined],
    ['', 'baseline'],
  ])('with profile-level-id "%s" is %s', (id, profile) => {
    expect(h264Profile(h264(id))).toBe(profile);
  });

  it.each([
    [HIGH, 'H264 (high)'],
    [h264('6e001f'), 'H264 (unknown profile)'],
    [video('VP9'), 'VP9'],
    [opus, 'opus'],
  ])('has a label for people: %#', (codec, label) => {
    expect(codecLabel(codec)).toBe(label);
  });
});
