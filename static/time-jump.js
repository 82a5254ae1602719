// Notices that the machine slept, or the page was frozen: a timer that comes much too late. It must not know what follows.

const LOOK_MS = 1_000;
/** Timers of pages in the background come up to a second late. */
const LATE_MS = 3_000;

export class TimeJump {
  #expectedAt;

  /** @param {number} nowMs Unix ms, which go on while the machine sleeps */
  constructor(nowMs) {
    this.#expectedAt = nowMs + LOOK_MS;
  }

  /**
   * To be asked each second.
   * @param {number} nowMs
   * @returns {boolean} there was a jump since the last time
   */
  passed(nowMs) {
    const lateMs = nowMs - this.#expectedAt;
    this.#expectedAt = nowMs + LOOK_MS;
    return lateMs > LATE_MS;
  }
}

/** @param {() => void} callback called after each jump */
export function onTimeJump(callback) {
  const jump = new TimeJump(Date.now());
  setInterval(() => jump.passed(Date.now()) && callback(), LOOK_MS);
}
