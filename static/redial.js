// Decides when a WebSocket that was lost is dialled again: as soon as the server answers. It looks by plain requests, since
// browsers hold WebSockets back that failed often. Pure, but for its clock; it must not know sockets or requests.

import { probeDelayMs, systemClock } from './back-off.js';

/** @import { Clock } from './back-off.js' */

/** When many lose their sockets in one moment, they do not ask in one moment. */
const FIRST_LOOK_MS = 500;
/** The server answers and the WebSocket fails: something in between does not let it through. */
const DIAL_AGAIN_MS = 500;
const DIAL_LONGEST_MS = 15_000;

export class Redial {
  #actions;
  #clock;
  #random;
  /** @type {number | undefined} Unix ms */
  #lostAt;
  #failedDials = 0;
  /** Counts looks, so that the end of one that was given up is ignored. */
  #look = 0;
  #cancelTimer = () => {};

  /**
   * @param {{ probe: () => Promise<boolean>, dial: () => void }} actions `probe`: whether the server takes clients now
   * @param {{ clock?: Clock, random?: () => number }} [options]
   */
  constructor(actions, { clock = systemClock, random = Math.random } = {}) {
    this.#actions = actions;
    this.#clock = clock;
    this.#random = random;
  }

  /** The socket is gone, or could not be opened. */
  lost() {
    const now = this.#clock.now();
    const isFirst = this.#lostAt === undefined;
    this.#lostAt ??= now;
    this.#lookAfter(isFirst ? this.#random() * FIRST_LOOK_MS : this.#delayMs(now - this.#lostAt));
  }

  /** The socket works. */
  connected() {
    this.stop();
    this.#lostAt = undefined;
    this.#failedDials = 0;
  }

  /** No use to try before that. */
  rest(/** @type {number} */ ms) {
    this.#lookAfter(ms);
  }

  /** Looks now. */
  hurry() {
    this.stop();
    const look = this.#look;
    this.#actions.probe().then((isThere) => {
      if (look !== this.#look) return;
      this.#failedDials = isThere ? this.#failedDials + 1 : 0;
      if (isThere) this.#actions.dial();
      else this.lost();
    });
  }

  stop() {
    this.#look++;
    this.#cancelTimer();
    this.#cancelTimer = () => {};
  }

  /** @param {number} goneMs */
  #delayMs(goneMs) {
    const again = this.#failedDials < 2 ? 0 : Math.min(DIAL_LONGEST_MS, DIAL_AGAIN_MS * 2 ** this.#failedDials);
    return Math.max(probeDelayMs(goneMs, this.#random), again * (1 + this.#random()));
  }

  /** @param {number} ms */
  #lookAfter(ms) {
    this.stop();
    this.#cancelTimer = this.#clock.schedule(ms, () => this.hurry());
  }
}
