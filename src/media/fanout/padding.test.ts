import { describe, expect, it } from 'vitest';
import type { MediaKind } from '../../rtp/codec.ts';
import { type FanoutPacket, NOT_SENT } from './engine.ts';
import { evenOut } from './padding.ts';

function packet(size: number, kind: MediaKind = 'video'): FanoutPacket {
  const payload = new Uint8Array(size);
  return {
    kind,
    marker: false,
    index: 0,
    timestamp: 0,
    payload,
    extensions: undefined,
    sendTime: NOT_SENT,
    padding: 0,
  };
}

function paddings(sizes: readonly number[]): number[] {
  const packets = sizes.map((size) => packet(size));
  evenOut(packets);
  return packets.map(({ padding }) => padding);
}

describe('padding', () => {
  it.each([
    ['one size', [1000, 1000, 1000], [0, 0, 0]],
    ['one byte more at the end of a frame', [1043, 1043, 1044, 1044], [1, 1, 0, 0]],
    ['up to three bytes apart', [1000, 1003, 1001], [3, 0, 2]],
    ['four bytes apart', [1000, 1004], [0, 0]],
    ['a frame and the next', [1000, 1001, 300, 302, 301], [1, 0, 2, 0, 1]],
    ['nothing', [], []],
    ['a slope', [1000, 1002, 1004, 1006], [2, 0, 2, 0]],
  ])('of %s: %j gets %j', (_what, sizes, expected) => {
    expect(paddings(sizes)).toEqual(expected);
  });

  it('does not join media', () => {
    const packets = [packet(80), packet(81, 'audio'), packet(82)];
    evenOut(packets);
    expect(packets.map(({ padding }) => padding)).toEqual([0, 0, 0]);
  });
});
