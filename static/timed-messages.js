// Releases messages of the label `timed` with the video frames that they belong to, as the video shows them.
// It must not know what messages say, or how connections come about.

import { TimedDelay } from './timed-delay.js';
import { TimedQueue } from './timed-queue.js';

/** @import { Due } from './timed-queue.js' */

/** How often is looked for messages that wait too long, and for the frame where the video does not tell. */
const LOOK_EVERY_MS = 100;

/**
 * ```js
 * const timed = new TimedMessages(video, ({ message, meeting }) => draw(JSON.parse(message)));
 * client.on('connection', (connection) => timed.restart(connection));
 * channel.onmessage = ({ data }) => timed.take(data); // of the label `timed`
 * ```
 */
export class TimedMessages {
  #video;
  #release;
  #queue = new TimedQueue();
  #delay = new TimedDelay();
  /** @type {RTCPeerConnection | undefined} */
  #connection;
  #isStarted = false;
  /**
   * Whether the video tells the RTP timestamps of the frames that it shows; not known before the first.
   * @type {boolean | undefined}
   */
  #isTold;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {HTMLVideoElement} video
   * @param {(due: Due) => void} release is called in the frame's callback: what it draws is on the screen with the frame
   */
  constructor(video, release) {
    this.#video = video;
    this.#release = release;
    if (!('requestVideoFrameCallback' in video)) this.#isTold = false;
  }

  /**
   * By what frames are known. `frames`: the video tells of each. `playout`: the receiver tells what it plays, which is about
   * a frame. `none`: nothing tells, and messages are released as they come. Undefined before the first frame.
   * @returns {'frames' | 'playout' | 'none' | undefined}
   */
  get precision() {
    if (this.#isTold === undefined) return undefined;
    if (this.#isTold) return 'frames';
    return this.#playedOut() === undefined ? 'none' : 'playout';
  }

  /** @param {RTCPeerConnection} connection from which messages and video come from now on: its numbers are new */
  restart(connection) {
    this.#connection = connection;
    this.#delay = new TimedDelay();
    this.#releaseAll(this.#queue.restart());
  }

  /**
   * @param {string} message
   * @returns {boolean} false: it names no frame
   */
  take(message) {
    const rtpTimestamp = frameOf(message);
    if (rtpTimestamp === undefined) return false;
    this.#start();
    if (this.precision === 'none') {
      this.#release({ message, rtpTimestamp, meeting: 'unknown', lateMs: 0 });
      return true;
    }
    const due = this.#queue.add(message, rtpTimestamp, performance.now());
    this.#holdBack(due.find((each) => each.message === message)?.lateMs ?? 0);
    this.#releaseAll(due);
    if (!this.#queue.isEmpty) this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
    return true;
  }

  #start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    if (this.#isTold !== false) this.#watch();
  }

  #watch() {
    this.#video.requestVideoFrameCallback((_nowMs, { rtpTimestamp }) => {
      this.#isTold = rtpTimestamp !== undefined;
      this.#watch();
      if (rtpTimestamp !== undefined) this.#releaseAll(this.#queue.show(rtpTimestamp, performance.now()));
    });
  }

  #look() {
    const playedOut = this.#isTold === false ? this.#playedOut() : undefined;
    if (playedOut !== undefined) this.#releaseAll(this.#queue.show(playedOut, performance.now()));
    this.#releaseAll(this.#queue.overdue(performance.now()));
    if (!this.#queue.isEmpty) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** @param {number} lateMs of the message that came */
  #holdBack(lateMs) {
    const delayMs = this.#delay.came(lateMs, performance.now());
    const receiver = this.#videoReceiver();
    // Sound follows by itself.
    if (delayMs !== undefined && receiver && 'jitterBufferTarget' in receiver) receiver.jitterBufferTarget = delayMs;
  }

  /** RTP timestamp of the video that the receiver has given out last. */
  #playedOut() {
    return this.#videoReceiver()?.getSynchronizationSources()[0]?.rtpTimestamp;
  }

  #videoReceiver() {
    return this.#connection?.getReceivers().find(({ track }) => track.kind === 'video');
  }

  /** @param {readonly Due[]} due */
  #releaseAll(due) {
    for (const each of due) this.#release(each);
  }
}

/**
 * @param {string} message
 * @returns {number | undefined}
 */
function frameOf(message) {
  try {
    const { rtpTimestamp } = JSON.parse(message);
    return typeof rtpTimestamp === 'number' ? rtpTimestamp : undefined;
  } catch {
    return undefined;
  }
}
