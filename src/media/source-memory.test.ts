import { describe, expect, it } from 'vitest';
import { sourcePacket } from '../test/media-fixtures.ts';
import { deltaFrame, keyFrame, OPUS, opusPacket, paddingOnly, VP8 } from '../test/rtp-fixtures.ts';
import { SourceMemory } from './source-memory.ts';
import type { SourceItem, SourcePause } from './worker-protocol.ts';

const LIMITS = { maxBytes: 100_000, maxMs: 15_000 };
const key = (sequence: number, ssrc = 1) => sourcePacket(keyFrame({ sequence, ssrc }), VP8);
const delta = (sequence: number, ssrc = 1) => sourcePacket(deltaFrame({ sequence, ssrc }), VP8);
const sound = (sequence: number) => sourcePacket(opusPacket({ sequence, ssrc: 2 }), OPUS);
const report = (kind: 'audio' | 'video', ssrc: number): SourceItem => ({
  type: 'sender-report',
  kind,
  ssrc,
  rtpTimestamp: 0,
  capturedAtMs: 0,
});

const PAUSE: SourcePause = { type: 'pause', kind: 'video' };

function told(items: readonly SourceItem[], limits = LIMITS): string[] {
  const memory = new SourceMemory(limits);
  for (const item of items) memory.add(item);
  return memory.items.map((item) => (item.type === 'packet' ? `${item.kind} ${item.sequence}` : `${item.kind} clock`));
}

describe('SourceMemory', () => {
  it.each<[string, SourceItem[], string[]]>([
    ['nothing before a key frame', [delta(1)], []],
    [
      'video since the last key frame, by number',
      [key(1), key(5), delta(7), delta(6)],
      ['video 5', 'video 6', 'video 7'],
    ],
    ['numbers that wrap around', [key(65_535), delta(0), delta(1)], ['video 65535', 'video 0', 'video 1']],
    ['the newest packet of sound, which says where its numbers are', [sound(1), sound(2)], ['audio 2']],
    [
      'the clocks of both behind them',
      [report('video', 1), report('audio', 2), key(1), sound(1)],
      ['video 1', 'audio 1', 'video clock', 'audio clock'],
    ],
    ['no clock of a source that was replaced', [key(1), report('video', 1), key(1, 9)], ['video 1']],
    ['no video from before a pause', [key(1), sound(1), PAUSE, delta(2)], ['audio 1']],
    ['video since the key frame after a pause', [key(1), PAUSE, delta(2), key(3)], ['video 3']],
    ['nothing of a source that was replaced', [key(1), delta(2), delta(3, 9)], []],
    [
      'one with lower numbers than the one before',
      [key(40_000), key(100, 9), delta(101, 9)],
      ['video 100', 'video 101'],
    ],
    [
      'padding, which fills its place in the numbers',
      [key(1), sourcePacket(paddingOnly({ sequence: 2 }), VP8), delta(3)],
      ['video 1', 'video 2', 'video 3'],
    ],
  ])('tells %s', (_what, items, expected) => expect(told(items)).toEqual(expected));

  it('keeps sound and clocks only, when it may have no bytes', () => {
    expect(told([key(1), sound(1)], { maxBytes: 0, maxMs: 0 })).toEqual(['audio 1']);
  });
});
