// Test overlays of the publish page: boxes that are made for single frames of the video, so that one sees at the viewer whether
// data and picture are together. It must not know how messages are sent, or how frames get their numbers.

/** Ten a second show every movement, and leave room for other messages. */
const INTERVAL_MS = 100;
/** In a page that nobody sees the preview stands still, but what it sends does not. */
const HIDDEN_INTERVAL_MS = 1000;
/** Boxes for one turn around the picture. */
const STEPS = 60;

/** @typedef {VideoFrameCallbackMetadata | number} Frame */

export class OverlayGenerator {
  #preview;
  #send;
  #isOn = false;
  /** Counts starts and stops, so that callbacks of before can tell. */
  #run = 0;
  #count = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {HTMLVideoElement} preview shows what is sent
   * @param {(message: object, frame: Frame) => Promise<boolean>} send with a frame of the preview; false: it could not be sent
   */
  constructor(preview, send) {
    this.#preview = preview;
    this.#send = send;
  }

  /** @param {(isSent: boolean) => void} onResult of each box */
  start(onResult) {
    this.#isOn = true;
    const run = ++this.#run;
    const step = (/** @type {Frame} */ frame) => {
      const nowMs = performance.now();
      // A camera's frames do not come on the millisecond.
      if (!this.#isOn || nowMs - this.#sentAtMs < INTERVAL_MS - 5) return;
      this.#sentAtMs = nowMs;
      void this.#send({ boxes: boxesOf(this.#count++, new Date()) }, frame).then((isSent) => {
        if (run === this.#run) onResult(isSent);
      });
    };
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      if (performance.now() - this.#sentAtMs >= HIDDEN_INTERVAL_MS) step(performance.now());
    }, HIDDEN_INTERVAL_MS);
    this.#follow(run, step);
  }

  /** Takes the boxes away. */
  stop() {
    this.#isOn = false;
    this.#run++;
    clearInterval(this.#timer);
    void this.#send({ boxes: [] }, performance.now());
  }

  /**
   * @param {number} run
   * @param {(frame: Frame) => void} step
   */
  #follow(run, step) {
    if (!('requestVideoFrameCallback' in this.#preview)) return;
    this.#preview.requestVideoFrameCallback((_nowMs, frame) => {
      if (run !== this.#run) return;
      step(frame);
      this.#follow(run, step);
    });
  }
}

/**
 * @param {number} count
 * @param {Date} now
 */
function boxesOf(count, now) {
  const angle = (count * 2 * Math.PI) / STEPS;
  const time = now.toTimeString().slice(0, 8);
  return [
    {
      text: `Box ${count}`,
      x: round(0.38 + 0.3 * Math.cos(angle)),
      y: round(0.36 + 0.26 * Math.sin(angle)),
      width: 0.24,
      height: 0.28,
    },
    { text: `${time}.${Math.floor(now.getMilliseconds() / 100)}`, x: 0.68, y: 0.02, width: 0.3, height: 0.08 },
  ];
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 1000) / 1000;
}
