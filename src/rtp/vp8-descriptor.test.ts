import { describe, expect, it } from 'vitest';
import { randomBytes, seededRandom } from './seeded-network.ts';
import { readPictureId, readVp8Descriptor, Vp8Continuity } from './vp8-descriptor.ts';

/** A packet with picture ID (15 bits), TL0PICIDX, TID and KEYIDX, as Chromium sends it. */
function payload({ pictureId = 0, baseLayer = 0, layer = 0, key = 0 }): Uint8Array {
  return Uint8Array.from([
    0x90,
    0xf0,
    0x80 | (pictureId >> 8),
    pictureId & 0xff,
    baseLayer,
    (layer << 6) | key,
    0x50,
    1,
  ]);
}

function fields(bytes: Uint8Array) {
  const { pictureIdAt = 0, isPictureIdLong, baseLayerIndexAt = 0, keyIndexAt = 0 } = readVp8Descriptor(bytes);
  return {
    pictureId: readPictureId(bytes, pictureIdAt, isPictureIdLong),
    baseLayer: bytes[baseLayerIndexAt],
    key: (bytes[keyIndexAt] ?? 0) & 0x1f,
  };
}

describe('picture IDs that viewers see', () => {
  it('are those of the first source, in the same bytes', () => {
    const continuity = new Vp8Continuity();
    const first = payload({ pictureId: 500, baseLayer: 20, key: 3 });
    expect(continuity.map(first, true)).toBe(first);
    const second = payload({ pictureId: 501, baseLayer: 21, key: 3 });
    expect(continuity.map(second, false)).toBe(second);
  });

  it.each([
    [0, 0, 0],
    [20_000, 200, 30],
    [32_767, 255, 31],
    [500, 20, 3],
  ])('go on by one when another source takes over at %i, %i, %i', (pictureId, baseLayer, key) => {
    const continuity = new Vp8Continuity();
    continuity.map(payload({ pictureId: 32_766, baseLayer: 254, key: 30 }), true);
    continuity.map(payload({ pictureId: 32_767, baseLayer: 255, key: 31 }), false);
    const begins = payload({ pictureId, baseLayer, key, layer: 1 });
    const before = Uint8Array.from(begins);
    const mapped = continuity.map(begins, true);
    expect(fields(mapped)).toEqual({ pictureId: 0, baseLayer: 0, key: 0 });
    expect([mapped[0], mapped[1], (mapped[5] ?? 0) >> 6, mapped[6], mapped[7]]).toEqual([0x90, 0xf0, 1, 0x50, 1]);
    expect(begins).toEqual(before);
    const goesOn = payload({ pictureId: (pictureId + 2) & 0x7fff, baseLayer: (baseLayer + 1) & 0xff, key });
    expect(fields(continuity.map(goesOn, false))).toEqual({ pictureId: 2, baseLayer: 1, key: 0 });
  });

  it('go on after the newest, not after what came late', () => {
    const continuity = new Vp8Continuity();
    for (const pictureId of [100, 103, 101]) continuity.map(payload({ pictureId }), pictureId === 100);
    expect(fields(continuity.map(payload({ pictureId: 7 }), true)).pictureId).toBe(104);
  });

  it('of 7 bits go on in 7 bits', () => {
    const continuity = new Vp8Continuity();
    const short = (pictureId: number) => Uint8Array.from([0x90, 0x80, pictureId, 0x50]);
    continuity.map(short(126), true);
    continuity.map(short(127), false);
    expect([...continuity.map(short(60), true)]).toEqual([0x90, 0x80, 0, 0x50]);
    expect([...continuity.map(short(61), false)]).toEqual([0x90, 0x80, 1, 0x50]);
  });

  it('are left alone where there are none, and any bytes keep their length', () => {
    const continuity = new Vp8Continuity();
    continuity.map(payload({ pictureId: 5, baseLayer: 5, key: 5 }), true);
    const bare = Uint8Array.from([0x10, 0x50]);
    expect(continuity.map(bare, true)).toBe(bare);
    const random = seededRandom(7741);
    for (let round = 0; round < 20_000; round++) {
      const bytes = randomBytes(random, 10);
      const mapped = continuity.map(bytes, round % 7 === 0);
      expect(mapped.length).toBe(bytes.length);
      expect(readVp8Descriptor(mapped)).toEqual(readVp8Descriptor(bytes));
    }
  });
});
