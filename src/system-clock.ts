// The domain's clock in production. Tests have a fake one.

import type { Clock } from './broadcast/ports.ts';

/** setTimeout's longest delay; a later deadline is looked at again by the one who asked. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
