// What the reconnector needs from outside, and what it concludes from a phase or an error. Pure.

import { ProblemError } from './problem.js';

/** @import { Phase } from './reconnector.js' */

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
 * Worth trying again: no answer, too busy, or broken for the moment.
 * @param {ProblemError} error
 */
export function isPassing({ status, code }) {
  return (status === 0 && code !== 'browser') || status === 408 || status === 429 || status >= 500;
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
