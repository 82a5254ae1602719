// The domain's clock in production: it only goes forward. Tests have a fake one.

import type { Clock } from './broadcast/ports.ts';
import { type ClockOrigin, monotonicClock } from './monotonic-clock.ts';

/** setTimeout's longest delay; a later deadline is looked at again by the one who asked. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export function systemClock(origin: ClockOrigin): Clock {
  return {
    now: monotonicClock(origin),
    schedule(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}
