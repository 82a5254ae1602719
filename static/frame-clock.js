// How moments on this page's clock and RTP timestamps of the video that it sends belong together. Pure: time is an argument, in
// ms of performance.now(). It must not know connections, workers or video elements.

const TICKS_PER_MS = 90;
/** Frames that were encoded longer ago say nothing of those that are captured now: clocks of sources drift against ours. */
const MEMORY_MS = 2_000;
const MAX_FRAMES = 300;
/** While nothing is known of the frame rate: that of most cameras. */
const USUAL_INTERVAL_MS = 33;
/** How precisely a report can be read: RTP timestamps are whole ms in both engines, page clocks are coarsened. */
const REPORT_ERROR_MS = 2;
/** By how much a report may have been under way longer than the network's round trip, before its clock is not believed. */
const REPORT_PATIENCE_MS = 50;

/**
 * @typedef {object} FrameTime
 * @property {number} rtpTimestamp of the frame; of an estimate, half a frame before it: its frame is the first at or after
 * @property {number} errorMs by how much it may be wrong; 0 for a frame that is known to be sent
 */

/**
 * @param {number} from
 * @param {number} to
 * @returns {number} RTP ticks from one timestamp to the other, also over the wrap-around of 32 bits
 */
export function ticksBetween(from, to) {
  return (to - from) | 0;
}

export class FrameClock {
  /** @type {{ rtpTimestamp: number, encodedAtMs: number }[]} oldest first */
  #frames = [];
  /** @type {{ rtpTimestamp: number, atMs: number, errorMs: number } | undefined} */
  #report;

  /**
   * The encoder has given out a frame.
   * @param {number} rtpTimestamp
   * @param {number} encodedAtMs
   */
  encoded(rtpTimestamp, encodedAtMs) {
    // Layers of simulcast come one after the other.
    if (this.#frames.at(-1)?.rtpTimestamp === rtpTimestamp) return;
    this.#frames.push({ rtpTimestamp, encodedAtMs });
    const isOld = (/** @type {{ encodedAtMs: number }} */ frame) => encodedAtMs - frame.encodedAtMs > MEMORY_MS;
    while (this.#frames.length > MAX_FRAMES || (this.#frames[0] && isOld(this.#frames[0]))) this.#frames.shift();
  }

  /**
   * The server tells what the last sender report said: a moment as RTP timestamp and on the browser's wall clock.
   * @param {object} report
   * @param {number} report.rtpTimestamp
   * @param {number} report.atMs by the wall clock, in this page's time
   * @param {number} report.heardAtMs
   * @param {number} report.roundTripMs of the network
   */
  reported({ rtpTimestamp, atMs, heardAtMs, roundTripMs }) {
    // The way of the report there and back tells the same moment without a wall clock, though less precisely: it bounds
    // the error, and takes over when the wall clock was set since the browser's RTP clock began.
    const byArrivalMs = heardAtMs - roundTripMs;
    const lateMs = byArrivalMs - atMs;
    const isBelieved = lateMs > -REPORT_PATIENCE_MS && lateMs < REPORT_PATIENCE_MS;
    const errorMs = isBelieved ? REPORT_ERROR_MS : REPORT_ERROR_MS + roundTripMs;
    this.#report = { rtpTimestamp, atMs: isBelieved ? atMs : byArrivalMs, errorMs };
  }

  /**
   * The encoded frame that was captured at a moment.
   * @param {number} capturedAtMs
   * @param {number} nowMs
   * @returns {FrameTime | undefined} undefined: it is not encoded, or not yet
   */
  find(capturedAtMs, nowMs) {
    const frames = this.#recent(nowMs);
    const encodedMs = earliestLine(frames);
    if (!encodedMs) return undefined;
    let nearest = frames[0];
    let nearestMs = Number.POSITIVE_INFINITY;
    for (const frame of frames) {
      const laterMs = encodedMs(frame.rtpTimestamp) - capturedAtMs;
      if (Math.abs(laterMs) < Math.abs(nearestMs)) [nearest, nearestMs] = [frame, laterMs];
    }
    // A nearer one may still be in the encoder.
    const isNewest = nearest === frames.at(-1);
    if (!nearest || (isNewest && nearestMs < -shortestIntervalMs(frames) / 2)) return undefined;
    return { rtpTimestamp: nearest.rtpTimestamp, errorMs: 0 };
  }

  /**
   * Reckons the timestamp of a frame of which nothing is known but when it was captured.
   * @param {number} capturedAtMs
   * @param {number} intervalMs between frames
   * @param {number} nowMs
   * @returns {FrameTime | undefined} undefined before the first report and the first encoded frame
   */
  estimate(capturedAtMs, intervalMs = USUAL_INTERVAL_MS, nowMs = capturedAtMs) {
    const known = this.#report ?? this.#lastEncoded(nowMs);
    if (!known) return undefined;
    const ticks = Math.round((capturedAtMs - intervalMs / 2 - known.atMs) * TICKS_PER_MS);
    return { rtpTimestamp: (known.rtpTimestamp + ticks) >>> 0, errorMs: known.errorMs };
  }

  /** @param {number} nowMs */
  #recent(nowMs) {
    return this.#frames.filter(({ encodedAtMs }) => nowMs - encodedAtMs <= MEMORY_MS);
  }

  /** @param {number} nowMs */
  #lastEncoded(nowMs) {
    const frames = this.#recent(nowMs);
    const last = frames.at(-1);
    const encodedMs = earliestLine(frames);
    if (!last || !encodedMs) return undefined;
    return { rtpTimestamp: last.rtpTimestamp, atMs: encodedMs(last.rtpTimestamp), errorMs: USUAL_INTERVAL_MS / 2 };
  }
}

/**
 * When a frame would have left the encoder had it been encoded as fast as the fastest of the last seconds: a few ms
 * after it was captured.
 * @param {readonly { rtpTimestamp: number, encodedAtMs: number }[]} frames
 * @returns {((rtpTimestamp: number) => number) | undefined}
 */
function earliestLine(frames) {
  const [first] = frames;
  if (!first) return undefined;
  const sinceFirstMs = (/** @type {number} */ rtpTimestamp) =>
    ticksBetween(first.rtpTimestamp, rtpTimestamp) / TICKS_PER_MS;
  const fastestMs = Math.min(
    ...frames.map(({ rtpTimestamp, encodedAtMs }) => encodedAtMs - sinceFirstMs(rtpTimestamp)),
  );
  return (rtpTimestamp) => fastestMs + sinceFirstMs(rtpTimestamp);
}

/** @param {readonly { rtpTimestamp: number }[]} frames */
function shortestIntervalMs(frames) {
  let shortest = Number.POSITIVE_INFINITY;
  frames.forEach(({ rtpTimestamp }, index) => {
    const before = frames[index - 1];
    if (before) shortest = Math.min(shortest, ticksBetween(before.rtpTimestamp, rtpTimestamp) / TICKS_PER_MS);
  });
  return Number.isFinite(shortest) ? shortest : USUAL_INTERVAL_MS;
}
