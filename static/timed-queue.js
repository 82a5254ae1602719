// Messages that wait for their video frame: which are due when a frame is shown, and which have waited too long. Pure: time is
// an argument, in ms. It must not know what messages say, videos or connections.

const TICKS_PER_MS = 90;
/** Nothing waits longer for a frame. */
const MAX_WAIT_MS = 5_000;
/** A frame that far away has other numbers: of another connection, or of none. */
const REACH_TICKS = 10_000 * TICKS_PER_MS;
const MAX_MESSAGES = 1_000;
const MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * How a message met its frame. `exact`: that frame is shown. `next`: it was not shown, and this is the next one. `late`: the
 * message came after it. `overdue`: the frame has not come within 5 s, or too many messages wait. `unknown`: nothing tells
 * which frame is shown.
 * @typedef {'exact' | 'next' | 'late' | 'overdue' | 'unknown'} Meeting
 */

/**
 * @typedef {object} Due
 * @property {string} message
 * @property {number} rtpTimestamp
 * @property {Meeting} meeting
 * @property {number} lateMs how long its frame had been on the screen when the message came; 0 when it was not shown yet
 */

export class TimedQueue {
  /** @type {{ message: string, rtpTimestamp: number, sinceMs: number }[]} in the order in which they came */
  #waiting = [];
  #characters = 0;
  /** @type {{ rtpTimestamp: number, sinceMs: number } | undefined} the frame that is shown */
  #shown;

  get isEmpty() {
    return this.#waiting.length === 0;
  }

  /**
   * @param {string} message
   * @param {number} rtpTimestamp of its frame
   * @param {number} nowMs
   * @returns {Due[]} what is due at once: the message itself when its frame is on the screen or was, others when there are too many
   */
  add(message, rtpTimestamp, nowMs) {
    const shown = this.#shown;
    if (shown && isAtOrAfter(rtpTimestamp, shown.rtpTimestamp)) {
      const lateMs = ((shown.rtpTimestamp - rtpTimestamp) | 0) / TICKS_PER_MS + nowMs - shown.sinceMs;
      return [{ message, rtpTimestamp, meeting: shown.rtpTimestamp === rtpTimestamp ? 'exact' : 'late', lateMs }];
    }
    this.#waiting.push({ message, rtpTimestamp, sinceMs: nowMs });
    this.#characters += message.length;
    return this.#takeFirst(() => this.#waiting.length > MAX_MESSAGES || this.#characters > MAX_CHARACTERS);
  }

  /**
   * A frame is shown.
   * @param {number} rtpTimestamp
   * @param {number} nowMs
   * @returns {Due[]} messages of this frame and of those before it, in the order of their frames
   */
  show(rtpTimestamp, nowMs) {
    this.#shown = { rtpTimestamp, sinceMs: nowMs };
    const due = this.#waiting.filter((each) => isAtOrAfter(each.rtpTimestamp, rtpTimestamp));
    if (due.length === 0) return [];
    this.#waiting = this.#waiting.filter((each) => !isAtOrAfter(each.rtpTimestamp, rtpTimestamp));
    this.#characters = this.#waiting.reduce((sum, { message }) => sum + message.length, 0);
    return due
      .toSorted((a, b) => (a.rtpTimestamp - b.rtpTimestamp) | 0)
      .map((each) => ({
        message: each.message,
        rtpTimestamp: each.rtpTimestamp,
        meeting: each.rtpTimestamp === rtpTimestamp ? 'exact' : 'next',
        lateMs: 0,
      }));
  }

  /**
   * @param {number} nowMs
   * @returns {Due[]} what has waited too long, oldest first
   */
  overdue(nowMs) {
    return this.#takeFirst(({ sinceMs }) => nowMs - sinceMs >= MAX_WAIT_MS);
  }

  /** @returns {Due[]} all that waits: frames have other numbers from now on */
  restart() {
    this.#shown = undefined;
    return this.#takeFirst(() => true);
  }

  /** @param {(first: { sinceMs: number }) => boolean} isDue */
  #takeFirst(isDue) {
    /** @type {Due[]} */
    const due = [];
    for (let [first] = this.#waiting; first && isDue(first); [first] = this.#waiting) {
      this.#waiting.shift();
      this.#characters -= first.message.length;
      due.push({ message: first.message, rtpTimestamp: first.rtpTimestamp, meeting: 'overdue', lateMs: 0 });
    }
    return due;
  }
}

/**
 * Whether the shown frame is a message's frame or a later one, also over the wrap-around of 32 bits.
 * @param {number} rtpTimestamp of the message
 * @param {number} shown
 */
function isAtOrAfter(rtpTimestamp, shown) {
  const ticks = (shown - rtpTimestamp) | 0;
  return ticks >= 0 && ticks <= REACH_TICKS;
}
