import { describe, expect, it } from 'vitest';
import { BitReader } from './bit-reader.ts';

const reader = (bits: string) => {
  const padded = bits.replaceAll(' ', '').padEnd(Math.ceil(bits.replaceAll(' ', '').length / 8) * 8, '0');
  return new BitReader(Uint8Array.from(padded.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2)));
};

describe('bits', () => {
  it('are read from the front, across bytes', () => {
    const bits = reader('101 00000 11110000 1');
    expect([bits.read(3), bits.read(7), bits.read(6), bits.read(1)]).toEqual([5, 3, 0b110000, 1]);
    expect(bits.isOver).toBe(false);
  });

  it('are zeros beyond the end, which is told', () => {
    const bits = reader('11111111');
    expect([bits.read(32), bits.isOver]).toEqual([0xff00_0000, true]);
  });
});

describe('an Exp-Golomb number', () => {
  it.each([
    ['1', 0, 0],
    ['010', 1, 1],
    ['011', 2, -1],
    ['00100', 3, 2],
    ['00111', 6, -3],
    ['000010000', 15, 8],
  ])('%s is %i, or %i with a sign', (bits, unsigned, signed) => {
    expect(reader(bits).exponential()).toBe(unsigned);
    expect(reader(bits).signedExponential() + 0).toBe(signed);
  });

  it.each(['0000', '00000000 00000000 00000000 00000000 00000000 1', ''])('that is %j is none', (bits) => {
    const broken = reader(bits);
    expect(broken.exponential()).toBe(0);
    expect(broken.isOver).toBe(true);
  });
});
