// What the reconnector tells and what it needs from outside; what it concludes from a phase or an error. Pure.

import { ProblemError } from './problem.js';

/**
 * @typedef {'idle' | 'opening' | 'connecting' | 'connected' | 'unsteady' | 'restarting' | 'moving' | 'waiting' | 'occupied' |
 *   'needs-key' | 'unsupported' | 'refused' | 'taken-over' | 'ended' | 'stopped'} Phase
 *   `moving`: connected, and about to replace the connection because the server asked for it.
 *   `needs-key` to `stopped` stay until `start()` is called again.
 */

/**
 * @typedef {object} Status
 * @property {Phase} phase
 * @property {string} words what is happening, for a person; empty when there is nothing to say
 * @property {boolean} everConnected since `start()`
 * @property {boolean} isCarried there is a connection that works all the same
 * @property {number | null} retryInMs when `waiting` or `occupied`: until the next try
 * @property {ProblemError | null} error what the last try met
 */

/**
 * @typedef {object} Actions
 * @property {() => Promise<unknown>} open makes a new connection; resumes the session when there is one
 * @property {() => Promise<unknown>} restartIce
 * @property {() => void} forget gives up the session; the next `open` makes a new one
 * @property {() => RTCPeerConnectionState} connectionState of the connection in use
 * @property {() => boolean} isCarried a connection works: the one in use, or the one that it replaces
 * @property {() => Promise<boolean>} hasPulse whether anything arrives over the connection in use; takes a while
 * @property {() => boolean} wantsIceRestart the answer named ICE servers that only a restart brings into play
 */

/**
 * It stays like that until somebody starts again.
 * @param {Phase} phase
 */
export function isFinal(phase) {
  return ['idle', 'needs-key', 'unsupported', 'refused', 'taken-over', 'ended', 'stopped'].includes(phase);
}

/**
 * There is a connection that works, or did until a moment ago.
 * @param {Phase} phase
 */
export function isOpen(phase) {
  return ['connected', 'unsteady', 'restarting', 'moving'].includes(phase);
}

/**
 * Worth trying again: no answer, too busy, broken for the moment, or the answer of somebody else (a proxy whose server is
 * being replaced): ours come with a code of their own.
 * @param {ProblemError} error
 */
export function isPassing({ status, code }) {
  if (status === 0) return code !== 'browser';
  return status === 408 || status === 429 || status >= 500 || code === `http_${status}`;
}

/**
 * The server is not there, or going: as soon as it is back, trying makes sense.
 * @param {ProblemError | null} error
 */
export function isAbsence(error) {
  return error !== null && (error.code === 'network' || error.code === 'shutting_down' || isOfProxy(error));
}

/** Media does not get through, although the server answers. */
export function noPath() {
  return new ProblemError({ code: 'no_path', title: 'The server answers, but no media gets through.', status: 0 });
}

/** @param {ProblemError} error in place of a server that does not answer, so without a code of its */
function isOfProxy({ status, code }) {
  return [502, 503, 504].includes(status) && code === `http_${status}`;
}
