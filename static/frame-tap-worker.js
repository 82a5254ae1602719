// The worker of frame-tap.js: encoded frames pass untouched, and the page is told the RTP timestamp of each.

/**
 * @typedef {object} EncodedFrame what of RTCEncodedVideoFrame matters here
 * @property {number} timestamp
 * @property {() => { rtpTimestamp?: number, synchronizationSource?: number }} getMetadata
 */

/**
 * @typedef {object} Transformer
 * @property {ReadableStream<EncodedFrame>} readable
 * @property {WritableStream<EncodedFrame>} writable
 * @property {{ generation?: number } | undefined} options
 */

addEventListener('rtctransform', (event) => {
  const { transformer } = /** @type {Event & { transformer: Transformer }} */ (event);
  const generation = transformer.options?.generation;
  transformer.readable
    .pipeThrough(
      new TransformStream({
        transform(frame, controller) {
          // First of all: whoever receives it owns it from then on, so what is told is read before.
          const told = { ...describe(frame), generation };
          controller.enqueue(frame);
          postMessage(told);
        },
      }),
    )
    .pipeTo(transformer.writable)
    // The connection ended.
    .catch(() => {});
});

addEventListener('message', () => postMessage({ type: 'alive' }));

/** @param {EncodedFrame} frame */
function describe(frame) {
  const { rtpTimestamp, synchronizationSource } = frame.getMetadata();
  return {
    type: 'frame',
    // Safari has it under the older name alone.
    rtpTimestamp: rtpTimestamp ?? frame.timestamp,
    ssrc: synchronizationSource,
    // Workers and pages have origins of their own on one clock.
    atUnixMs: performance.timeOrigin + performance.now(),
  };
}
