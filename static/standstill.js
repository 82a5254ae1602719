// Notices that the server is gone before ICE does: its WebSocket is lost, and nothing comes over the connection any more.
// It only tells: what is done about the connection is decided elsewhere.

import { systemClock } from './back-off.js';
import { Emitter } from './emitter.js';

/** @import { Clock } from './back-off.js' */

const LOOK_MS = 250;
/** A publisher that says nothing is heard of more often: reports, silence, a picture that stands still. */
const STILL_MS = 2_000;

/** @extends {Emitter<{ changed: boolean } & Record<string, unknown>>} */
export class Standstill extends Emitter {
  #isHeard;
  #arrived;
  #clock;
  #isStill = false;
  #isLooking = false;
  /** @type {number | undefined} */
  #last;
  #lastAt = 0;

  /**
   * @param {object} setup
   * @param {() => boolean} setup.isHeard the server answers over its WebSocket
   * @param {() => Promise<number>} setup.arrived a figure that is another one when something came since
   * @param {Clock} [setup.clock]
   */
  constructor({ isHeard, arrived, clock = systemClock }) {
    super();
    this.#isHeard = isHeard;
    this.#arrived = arrived;
    this.#clock = clock;
  }

  get isStill() {
    return this.#isStill;
  }

  /** To be called when the WebSocket is lost; it looks by itself until there is no more doubt. */
  doubt() {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#last = undefined;
    void this.#look();
  }

  async #look() {
    const arrived = await this.#arrived();
    const now = this.#clock.now();
    if (arrived !== this.#last) {
      this.#last = arrived;
      this.#lastAt = now;
    }
    this.#tell(now - this.#lastAt >= STILL_MS);
    // Who answers again does not send yet.
    this.#isLooking = this.#isStill || !this.#isHeard();
    if (this.#isLooking) this.#clock.schedule(LOOK_MS, () => void this.#look());
  }

  /** @param {boolean} isStill */
  #tell(isStill) {
    if (isStill === this.#isStill) return;
    this.#isStill = isStill;
    this.emit('changed', isStill);
  }
}
