// Buttons that take turns at one place: tells whether a click was meant for the one that stands there now.
// It must not know what the buttons do. Pure: time is an argument.

/** Nobody reads a new button and decides sooner; the slowest double-click that systems allow takes 0.9 s. */
const SETTLE_MS = 1_000;

export class SharedPlace {
  /** @type {string | undefined} */
  #shown;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /**
   * The first one took nobody's place.
   * @param {string} name of the button that stands there from now on
   * @param {number} nowMs
   */
  show(name, nowMs) {
    if (this.#shown !== undefined && name !== this.#shown) this.#sinceMs = nowMs;
    this.#shown = name;
  }

  /**
   * False: the click is the second half of one on the button that stood there before.
   * @param {number} nowMs
   */
  isMeant(nowMs) {
    return nowMs - this.#sinceMs >= SETTLE_MS;
  }
}
