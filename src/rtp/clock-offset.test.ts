import { describe, expect, it } from 'vitest';
import { ClockOffset } from './clock-offset.ts';

describe('ClockOffset', () => {
  it('is the offset of the report that came fastest', () => {
    const offset = new ClockOffset();
    expect([offset.observe(120, 0), offset.observe(100, 1000), offset.observe(180, 2000)]).toEqual([120, 100, 100]);
  });

  it('follows a publisher whose clock was set, after two windows', () => {
    const offset = new ClockOffset();
    offset.observe(100, 0);
    expect(offset.observe(5000, 20_000)).toBe(100);
    expect(offset.observe(5001, 40_000)).toBe(5000);
  });

  it('does not keep one wild value for ever', () => {
    const offset = new ClockOffset();
    offset.observe(-1e12, 0);
    offset.observe(50, 20_000);
    expect(offset.observe(60, 40_000)).toBe(50);
  });
});
