// What the browser remembers of a running broadcast, so that a page that is reloaded goes on with it, and which of
// two tabs may.

import { localStore } from './storage.js';

/** The server keeps an interrupted broadcast for as long. */
export const GRACE_MS = 60_000;
/** A page that is being reloaded lets go of its claim a moment after the new one asks. */
const CLAIM_TIMEOUT_MS = 1500;

/**
 * @typedef {object} LiveMemory
 * @property {string} resume `<session>.<token>`
 * @property {'camera' | 'screen'} source
 * @property {boolean} isMuted what was off stays off
 * @property {boolean} isCameraOff
 * @property {number} at Unix ms
 */

/**
 * @param {string} broadcast
 * @param {Omit<LiveMemory, 'at'>} live
 */
export function rememberLive(broadcast, live) {
  localStore.set(storageName(broadcast), JSON.stringify({ ...live, at: Date.now() }));
}

/** @param {string} broadcast */
export function forgetLive(broadcast) {
  localStore.remove(storageName(broadcast));
}

/**
 * @param {string} broadcast
 * @returns {LiveMemory | undefined} undefined when there was none, or it is too old to go on by itself
 */
export function recallLive(broadcast) {
  try {
    const memory = JSON.parse(localStore.get(storageName(broadcast)) ?? 'null');
    const isFresh = typeof memory?.resume === 'string' && Date.now() - memory.at < GRACE_MS;
    return isFresh ? memory : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Claims the broadcast for this tab among those of this browser.
 * @param {string} broadcast
 * @param {{ steal: boolean, onLost: () => void }} options `steal`: also when another tab has it
 * @returns {Promise<(() => void) | null>} lets go of it; null: another tab has it
 */
export function claimLive(broadcast, { steal, onLost }) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve) => {
    let isHeld = false;
    const hold = () =>
      new Promise((release) => {
        isHeld = true;
        resolve(() => {
          isHeld = false;
          release(undefined);
        });
      });
    const options = steal ? { steal } : { signal: AbortSignal.timeout(CLAIM_TIMEOUT_MS) };
    navigator.locks.request(storageName(broadcast), options, hold).catch(() => {
      if (isHeld) onLost();
      else resolve(null);
    });
  });
}

/** @param {string} broadcast */
function storageName(broadcast) {
  return `fanlight:live:${broadcast}`;
}
