import { describe, expect, it } from 'vitest';
import { ntpFromUnixMs, ntpMiddle32, unixMsFromNtp } from './ntp.ts';

describe('NTP time', () => {
  it.each([
    [0, 2_208_988_800, 0],
    [500, 2_208_988_800, 0x8000_0000],
    [-1000, 2_208_988_799, 0],
    [999.9999999999, 2_208_988_801, 0],
    // RFC 4330 §3: the first second of era 1 is 06:28:16 UTC on 7 February 2036.
    [Date.UTC(2036, 1, 7, 6, 28, 15), 0xffff_ffff, 0],
    [Date.UTC(2036, 1, 7, 6, 28, 16), 0, 0],
  ])('of Unix %f ms is %i s and %i', (unixMs, seconds, fraction) => {
    expect(ntpFromUnixMs(unixMs)).toEqual({ seconds, fraction });
  });

  it.each([0, 1, 999, 1_790_000_000_123, 1_790_000_000_123.25, Date.UTC(2040, 0, 1)])(
    'comes back to %f ms',
    (unixMs) => {
      expect(unixMsFromNtp(ntpFromUnixMs(unixMs))).toBeCloseTo(unixMs, 3);
    },
  );

  it('has the middle 32 bits of the example in RFC 3550 §6.4.1', () => {
    expect(ntpMiddle32({ seconds: 0xb44db705, fraction: 0x20000000 })).toBe(0xb7052000);
  });
});
