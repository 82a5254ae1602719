import { describe, expect, it } from 'vitest';
import { parseRtp } from './packet.ts';
import { RoundTrip } from './round-trip.ts';
import { unwrapRtx } from './rtx.ts';

const unwrap = (hex: string) => {
  const packet = parseRtp(Buffer.from(`${hex}`.replaceAll(' ', ''), 'hex'));
  if (!packet) throw new Error('not a packet');
  return unwrapRtx(packet);
};
const HEADER = '61 0001 00000002 00000003';

describe('a retransmission', () => {
  it('has the original number before the payload', () => {
    const again = unwrap(`80 ${HEADER} fffe aabb`);
    expect(again?.sequence).toBe(65_534);
    expect([...(again?.payload ?? [])]).toEqual([0xaa, 0xbb]);
  });

  it('may be one of padding', () => {
    expect(unwrap(`80 ${HEADER} 0001`)?.payload).toHaveLength(0);
  });

  it.each([
    ['nothing', '80', ''],
    ['padding alone', 'a0', '00 00 03'],
    ['one byte', '80', '01'],
    ['one byte and padding', 'a0', '01 00 02'],
  ])('is not %s', (_name, first, rest) => {
    expect(unwrap(`${first} ${HEADER} ${rest}`)).toBeUndefined();
  });
});

describe('the round trip', () => {
  it('is 100 ms until it was measured, then what was measured, smoothed', () => {
    const roundTrip = new RoundTrip();
    expect(roundTrip.ms).toBe(100);
    roundTrip.measured(40);
    expect(roundTrip.ms).toBe(40);
    roundTrip.measured(120);
    expect(roundTrip.ms).toBe(50);
    for (let count = 0; count < 100; count++) roundTrip.measured(200);
    expect(roundTrip.ms).toBeCloseTo(200, 0);
  });

  it('stays between 5 ms and a second', () => {
    const roundTrip = new RoundTrip();
    roundTrip.measured(0);
    expect(roundTrip.ms).toBe(5);
    for (let count = 0; count < 200; count++) roundTrip.measured(60_000);
    expect(roundTrip.ms).toBeLessThanOrEqual(1000);
  });
});
