// How long to wait before the next try, and the clock that waiting uses. Pure, so that tests can hold time still.

const DELAYS_MS = [0, 300, 1200, 2700, 4800, 7000];
const JITTER_MS = 1000;

/**
 * @typedef {object} Clock
 * @property {() => number} now Unix ms
 * @property {(delayMs: number, callback: () => void) => () => void} schedule calls back once; returns a cancel function
 */

/** @type {Clock} */
export const systemClock = {
  now: () => Date.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * Milliseconds before try number `attempt` (0 is the first). The jitter keeps a thousand clients of a restarted
 * server from coming back in the same moment.
 * @param {number} attempt
 * @param {() => number} [random] 0 to 1
 */
export function backOffMs(attempt, random = Math.random) {
  const delay = DELAYS_MS[Math.min(Math.max(attempt, 0), DELAYS_MS.length - 1)] ?? 0;
  return Math.round(delay + random() * JITTER_MS);
}
