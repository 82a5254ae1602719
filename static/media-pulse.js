// Whether anything still arrives over a connection. Its state tells that only some seconds later.

/** Answers of STUN come every 2.5 s at the least; media and its reports far more often. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 200;
/** What waited in the machine's buffers while it slept is no sign of life. */
const STALE_MS = 500;

/**
 * @param {RTCPeerConnection | undefined} connection
 * @returns {Promise<boolean>} false: nothing came for 3 s, or it is closed
 */
export async function hasPulse(connection) {
  if (!connection || connection.connectionState === 'closed') return false;
  await new Promise((resolve) => setTimeout(resolve, STALE_MS));
  const before = await arrivedOver(connection);
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if ((await arrivedOver(connection)) > before) return true;
  }
  return false;
}

/**
 * Bytes, and answers to our checks: a figure that grows.
 * @param {RTCPeerConnection | undefined} connection
 */
export async function arrivedOver(connection) {
  let arrived = 0;
  if (!connection) return arrived;
  for (const entry of (await connection.getStats()).values()) {
    if (entry.type === 'candidate-pair') arrived += (entry.bytesReceived ?? 0) + (entry.responsesReceived ?? 0);
  }
  return arrived;
}
