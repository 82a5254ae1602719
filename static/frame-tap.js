// Hears of every frame that a sender's encoder gives out, by an encoded transform in a worker. What is sent goes on whatever
// becomes of the worker. It must not know what the timestamps are for.

const WORKER = new URL('./frame-tap-worker.js', import.meta.url);
const ASK_EVERY_MS = 1000;
/** A worker that leaves so many questions open holds the frames up. */
const MAX_UNANSWERED = 3;
/** A worker starts within some 50 ms; on a busy machine it is not worth waiting for longer. */
const START_MS = 500;

/**
 * @typedef {object} EncodedFrameNews
 * @property {number} rtpTimestamp as it is on the wire
 * @property {number | undefined} ssrc
 * @property {number} atUnixMs when it left the encoder
 * @property {number | undefined} generation of the attachment whose frame it is
 */

export class FrameTap {
  #onFrame;
  #onBroken;
  /** @type {Worker | undefined} it has answered: a transform without a living worker would swallow all frames */
  #worker;
  /** @type {RTCRtpSender | undefined} whose frames go through the worker */
  #sender;
  /** Counts attachments: the connection before goes on through the same worker until the new one is up, with other numbers. */
  #generation = 0;
  #unanswered = 0;
  #settle = () => {};
  /** Resolves when it is known whether frames can be heard of; soon. @type {Promise<void>} */
  ready = new Promise((resolve) => {
    this.#settle = resolve;
  });

  /** Whether this browser has encoded transforms: Chromium 141, Firefox 117, Safari 15.4. */
  static get isSupported() {
    return typeof RTCRtpScriptTransform === 'function' && 'transform' in RTCRtpSender.prototype;
  }

  /**
   * @param {(frame: EncodedFrameNews) => void} onFrame
   * @param {() => void} onBroken frames are held up, and only a new connection helps
   */
  constructor(onFrame, onBroken) {
    this.#onFrame = onFrame;
    this.#onBroken = onBroken;
    if (FrameTap.isSupported) this.#start();
    setTimeout(this.#settle, FrameTap.isSupported ? START_MS : 0);
  }

  /**
   * @param {RTCRtpSender} sender of video, of a connection without local description: Chromium ignores a first transform that
   *   comes later. The sender before is left as it is, since its connection ends
   * @returns {boolean} false: nothing was changed, and nothing will be heard
   */
  attach(sender) {
    this.#sender = undefined;
    if (!this.#worker) return false;
    try {
      sender.transform = new RTCRtpScriptTransform(this.#worker, { generation: ++this.#generation });
    } catch {
      return false;
    }
    this.#sender = sender;
    return true;
  }

  #start() {
    /** @type {Worker} */
    let worker;
    try {
      worker = new Worker(WORKER);
    } catch {
      // Modules of another site: their workers may not run here.
      return;
    }
    this.#unanswered = 0;
    const timer = setInterval(() => {
      if (this.#unanswered >= MAX_UNANSWERED) end();
      else ask();
    }, ASK_EVERY_MS);
    const ask = () => {
      this.#unanswered++;
      worker.postMessage({ type: 'alive?' });
    };
    const end = () => {
      clearInterval(timer);
      worker.terminate();
      this.#ended(worker);
    };
    worker.onerror = end;
    worker.onmessage = ({ data }) => {
      this.#unanswered = 0;
      if (this.#worker !== worker) this.#begun(worker);
      if (data.type === 'frame' && data.generation === this.#generation) this.#onFrame(data);
    };
    ask();
  }

  /** @param {Worker} worker */
  #begun(worker) {
    this.#worker = worker;
    this.#settle();
    // In the place of one that died. Taking the transform away instead would not let frames pass again (Chromium 156,
    // Firefox 153).
    if (this.#sender && !this.attach(this.#sender)) this.#onBroken();
  }

  /** @param {Worker} worker that died, or never lived */
  #ended(worker) {
    const hadLived = this.#worker === worker;
    this.#worker = undefined;
    this.#settle();
    if (hadLived) this.#start();
    else if (this.#sender) this.#onBroken();
  }
}
