// How long to wait before the next try, and the clock that waiting uses. Pure, so that tests can hold time still.

const DELAYS_MS = [0, 300, 1200, 2700, 4800, 7000];
const JITTER_MS = 1000;
/** The WebSocket tells when a name is free: these are for when it does not. */
const OCCUPIED_RETRIES_MS = [3_000, 5_000, 10_000, 20_000, 30_000];

/** A server that is being restarted is found within a second of its return. */
const PROBE_SHORTEST_MS = 500;
const PROBE_LONGEST_MS = 10_000;
/** After two minutes up to 1.5 s, after half an hour the longest. */
const PROBE_PATIENCE = 160;

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
 * Milliseconds before try number `attempt` (0 is the first) of an offer. The jitter keeps a thousand clients from
 * coming back in the same moment.
 * @param {number} attempt
 * @param {() => number} [random] 0 to 1
 */
export function backOffMs(attempt, random = Math.random) {
  const delay = DELAYS_MS[Math.min(Math.max(attempt, 0), DELAYS_MS.length - 1)] ?? 0;
  return Math.round(delay + random() * JITTER_MS);
}

/**
 * Milliseconds before asking again for a name that is taken.
 * @param {number} refusals how often it was refused since something changed about it
 */
export function occupiedRetryMs(refusals) {
  return OCCUPIED_RETRIES_MS[Math.min(refusals, OCCUPIED_RETRIES_MS.length - 1)] ?? 0;
}

/**
 * Milliseconds before the next look whether the server is there, which costs next to nothing.
 * @param {number} goneMs for how long it has not been
 * @param {() => number} random 0 to 1
 */
export function probeDelayMs(goneMs, random) {
  const shortest = Math.min(PROBE_LONGEST_MS, Math.max(PROBE_SHORTEST_MS, goneMs / PROBE_PATIENCE));
  return Math.round(shortest * (1 + random()));
}
