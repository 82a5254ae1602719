// Learns the RTP timestamps of the frames that a page sends, so that messages can name the frame that they belong to: exactly
// where the browser has encoded transforms, else from sender reports. It must not know messages, labels or the server.

import { Emitter } from './emitter.js';
import { FrameClock } from './frame-clock.js';
import { FrameTap } from './frame-tap.js';

/** @import { FrameTime } from './frame-clock.js' */

/** A frame that is not out of the encoder by then was most likely left out by it. */
const ENCODING_TIMEOUT_MS = 250;
/** In a page that nobody sees the preview stands still. */
const PREVIEW_TIMEOUT_MS = 1000;
const MAX_WAITING = 100;
/** Of most screens, at 60 Hz. */
const REFRESH_MS = 16;

/**
 * @typedef {object} FrameTimestampsEvents
 * @property {null} broken frames are held up, and only a new connection helps
 */

/**
 * ```js
 * const frames = new FrameTimestamps(previewVideo);
 * await frames.ready;
 * client.on('opening', (connection) => frames.attach(connection));
 * // {"type":"clock"} of the control channel `fanlight`
 * frames.heard(message);
 * previewVideo.requestVideoFrameCallback(async (_now, frame) => {
 *   const { rtpTimestamp, errorMs } = (await frames.annotate(frame)) ?? {};
 * });
 * ```
 * @extends {Emitter<FrameTimestampsEvents & Record<string, unknown>>}
 */
export class FrameTimestamps extends Emitter {
  #preview;
  #clock = new FrameClock();
  #tap = new FrameTap(
    (frame) => this.#encoded(frame),
    () => this.emit('broken', null),
  );
  /** @type {RTCPeerConnection | undefined} */
  #connection;
  /** Each encoded frame is heard of. */
  #isTapped = false;
  #isWatching = false;
  /** @type {number | undefined} SSRC of the layer that the server forwards, once it said */
  #ssrc;
  /** @type {{ capturedAtMs: number, shownAtMs: number } | undefined} */
  #newest;
  #intervalMs = 33;
  /** @type {{ capturedAtMs: number, resolve: (time: FrameTime | undefined) => void, timer: ReturnType<typeof setTimeout> }[]} */
  #waiting = [];

  /** @param {HTMLVideoElement} preview shows the track that is sent */
  constructor(preview) {
    super();
    this.#preview = preview;
  }

  /** Resolves when it is known whether encoded frames can be heard of: a connection that is opened before is not heard of. */
  get ready() {
    return this.#tap.ready;
  }

  /** How timestamps are learned: from each encoded frame, from sender reports, or (still) not at all. */
  get method() {
    return this.#isTapped ? 'encoded' : this.#connection ? 'reports' : 'none';
  }

  /**
   * @param {RTCPeerConnection} connection that is going to send the video: its numbers are new. It has the track, and no local
   *   description yet: encoded transforms come too late afterwards
   */
  attach(connection) {
    const sender = connection.getSenders().find(({ track }) => track?.kind === 'video');
    this.#connection = connection;
    this.#isTapped = sender !== undefined && this.#tap.attach(sender);
    this.#ssrc = undefined;
    this.#clock = new FrameClock();
    for (const { timer, resolve } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      resolve(undefined);
    }
  }

  /**
   * @param {unknown} message a message of the control channel, as read from JSON; other ones than `clock` are ignored
   */
  heard(message) {
    const { type, ssrc, rtpTimestamp, atMs } = /** @type {Record<string, unknown>} */ (message ?? {});
    if (type !== 'clock' || typeof rtpTimestamp !== 'number' || typeof atMs !== 'number') return;
    if (typeof ssrc === 'number') this.#ssrc = ssrc;
    const heardAtMs = performance.now();
    const clock = this.#clock;
    void roundTripMs(this.#connection).then((networkMs) =>
      clock.reported({ rtpTimestamp, atMs: atMs - performance.timeOrigin, heardAtMs, roundTripMs: networkMs }),
    );
  }

  /**
   * The RTP timestamp of a frame, as soon as it is encoded: a few ms after it was captured.
   * @param {VideoFrameCallbackMetadata | number} [frame] of requestVideoFrameCallback on the preview, or the moment of
   *   capture (performance.now()); without it the frame that the preview shows now
   * @returns {Promise<FrameTime | undefined>} undefined: nothing is sent yet, or nothing is known of it
   */
  async annotate(frame) {
    this.#watchPreview();
    const capturedAtMs = frame === undefined ? this.#shownNow() : momentOf(frame);
    const estimate = () => this.#clock.estimate(capturedAtMs, this.#intervalMs, performance.now());
    if (!this.#isTapped || this.#waiting.length >= MAX_WAITING) return estimate();
    const found = this.#clock.find(capturedAtMs, performance.now());
    if (found) return found;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((each) => each.resolve !== resolve);
        resolve(estimate());
      }, ENCODING_TIMEOUT_MS);
      this.#waiting.push({ capturedAtMs, resolve, timer });
    });
  }

  /** @param {import('./frame-tap.js').EncodedFrameNews} frame */
  #encoded({ rtpTimestamp, ssrc, atUnixMs }) {
    if (this.#ssrc !== undefined && ssrc !== undefined && ssrc !== this.#ssrc) return;
    this.#clock.encoded(rtpTimestamp, atUnixMs - performance.timeOrigin);
    const nowMs = performance.now();
    this.#waiting = this.#waiting.filter(({ capturedAtMs, resolve, timer }) => {
      const found = this.#clock.find(capturedAtMs, nowMs);
      if (!found) return true;
      clearTimeout(timer);
      resolve(found);
      return false;
    });
  }

  /** The moment at which the frame was captured that the person sees. */
  #shownNow() {
    const nowMs = performance.now();
    const isFresh = this.#newest && nowMs - this.#newest.shownAtMs < PREVIEW_TIMEOUT_MS;
    return isFresh && this.#newest ? this.#newest.capturedAtMs : nowMs;
  }

  #watchPreview() {
    if (this.#isWatching || !('requestVideoFrameCallback' in this.#preview)) return;
    this.#isWatching = true;
    this.#preview.requestVideoFrameCallback((_nowMs, frame) => {
      const capturedAtMs = momentOf(frame);
      const sinceLastMs = capturedAtMs - (this.#newest?.capturedAtMs ?? Number.NEGATIVE_INFINITY);
      // Slowly: one late frame is not another frame rate.
      if (sinceLastMs > 0 && sinceLastMs < 500) this.#intervalMs += (sinceLastMs - this.#intervalMs) / 8;
      this.#isWatching = false;
      this.#newest = { capturedAtMs, shownAtMs: performance.now() };
      this.#watchPreview();
    });
  }
}

/**
 * Chromium tells when a camera captured a frame; of what a page draws itself, when the preview got it, which is the same moment.
 * Firefox tells when the preview shows it, one refresh of the screen later.
 * @param {VideoFrameCallbackMetadata | number} frame
 */
function momentOf(frame) {
  if (typeof frame === 'number') return frame;
  const { captureTime, presentationTime, expectedDisplayTime } = frame;
  return captureTime ?? (presentationTime < expectedDisplayTime ? presentationTime : presentationTime - REFRESH_MS);
}

/** @param {RTCPeerConnection | undefined} connection */
async function roundTripMs(connection) {
  const report = await connection?.getStats().catch(() => undefined);
  for (const entry of report?.values() ?? []) {
    if (entry.type === 'candidate-pair' && entry.nominated && typeof entry.currentRoundTripTime === 'number') {
      return entry.currentRoundTripTime * 1000;
    }
  }
  return 0;
}
