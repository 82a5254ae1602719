import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ClockOrigin, clockOrigin, fineMonotonicClock, monotonicClock } from './monotonic-clock.ts';

afterEach(() => vi.restoreAllMocks());

/** Both clocks of the host stand still, at these times. */
function hostSays({ unixMs, monotonicMs }: ClockOrigin): void {
  vi.spyOn(Date, 'now').mockReturnValue(unixMs);
  vi.spyOn(process.hrtime, 'bigint').mockReturnValue(BigInt(monotonicMs * 1e6));
}

describe('the monotonic clock', () => {
  it('does not notice that the host’s clock was set', () => {
    hostSays({ unixMs: 10_000_000, monotonicMs: 500 });
    const now = monotonicClock(clockOrigin());
    expect(now()).toBe(10_000_000);
    hostSays({ unixMs: 10_000_000 - 3_600_000, monotonicMs: 750 });
    expect(now()).toBe(10_000_250);
  });

  it('is the same for everybody who has the same origin, in whole ms', () => {
    hostSays({ unixMs: 10_000_000, monotonicMs: 500.25 });
    const origin = clockOrigin();
    const clocks = [1, 2].map(() => monotonicClock(origin));
    hostSays({ unixMs: 10_000_100, monotonicMs: 600 });
    expect(clocks.map((now) => now())).toEqual([10_000_099, 10_000_099]);
    expect(fineMonotonicClock(origin)()).toBe(10_000_099.75);
  });
});
