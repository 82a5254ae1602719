// Whose doing the pause of a live picture is. The system's (a call, another app, leaving full screen) is to be undone; a person's is
// not: they wanted silence, and get a button. It must not know the video element. Pure: time is an argument.

/** Systems tell of the pause and of what they paused for in either order. */
const NEAR_MS = 1_000;

export class Pauses {
  /** @type {number | undefined} undefined: it plays */
  #pausedAtMs;
  #movedAtMs = Number.NEGATIVE_INFINITY;
  /** Nobody can press Pause where nobody sees the picture. */
  #isUnseen = false;

  /**
   * @param {{ isVisible: boolean, isInPictureInPicture: boolean }} page
   * @param {number} nowMs
   */
  paused({ isVisible, isInPictureInPicture }, nowMs) {
    this.#pausedAtMs = nowMs;
    this.#isUnseen = !isVisible && !isInPictureInPicture;
  }

  /**
   * The page was hidden or shown, or the video left full screen or its own window.
   * @param {number} nowMs
   */
  moved(nowMs) {
    // What was the system's pause at one such moment stays so until the next.
    if (this.isSystems) this.#isUnseen = true;
    this.#movedAtMs = nowMs;
  }

  playing() {
    this.#pausedAtMs = undefined;
  }

  /** It is paused, and no person wanted that. */
  get isSystems() {
    if (this.#pausedAtMs === undefined) return false;
    return this.#isUnseen || Math.abs(this.#pausedAtMs - this.#movedAtMs) <= NEAR_MS;
  }
}
