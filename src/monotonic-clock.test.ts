import { afterEach, describe, expect, it, vi } from 'vitest';
import { clockOrigin, monotonicClock } from './monotonic-clock.ts';

afterEach(() => vi.restoreAllMocks());

describe('the monotonic clock', () => {
  it('does not notice that the host’s clock was set', () => {
    const now = monotonicClock(clockOrigin());
    const before = now();
    const real = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(real - 3_600_000);
    expect(now()).toBeGreaterThanOrEqual(before);
    expect(now() - before).toBeLessThan(1_000);
  });

  it('is the same for everybody who has the same origin', () => {
    const origin = clockOrigin();
    expect(Math.abs(monotonicClock(origin)() - monotonicClock(origin)())).toBeLessThan(100);
    expect(Math.abs(monotonicClock(origin)() - Date.now())).toBeLessThan(1_000);
    expect(Number.isInteger(monotonicClock(origin)())).toBe(true);
  });
});
