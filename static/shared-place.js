// Buttons that take turns at one place: tells whether a click was meant for the one that stands there now.
// It must not know what the buttons do. Pure: time is an argument.

/** Nobody reads a new button and decides sooner; the slowest double-click that systems allow takes 0.9 s. */
const SETTLE_MS = 1_000;

export class SharedPlace {
  /** @type {string | undefined} the button that was clicked last */
  #clicked;
  #clickedAtMs = Number.NEGATIVE_INFINITY;

  /**
   * A button was clicked. False: it is the second half of a double-click on the one that stood there before.
   * @param {string} name of the button
   * @param {number} nowMs
   */
  isMeant(name, nowMs) {
    if (name !== this.#clicked && nowMs - this.#clickedAtMs < SETTLE_MS) return false;
    this.#clicked = name;
    this.#clickedAtMs = nowMs;
    return true;
  }
}
