// What viewers are told about a broadcaster who is not there: why, and for how long one waits. Pure.

/** @import { JoinState } from './join-state.js' */
/** @import { Reason } from './signaling-socket.js' */

/** @typedef {{ headline: string, detail: string }} Words */

/** @type {Partial<Record<Reason, Words>>} */
const INTERRUPTED = {
  left: {
    headline: 'The broadcaster will be right back',
    detail: 'Their page was reloaded or closed. Stay here: it goes on by itself.',
  },
  'connection-lost': {
    headline: 'The broadcaster lost the connection',
    detail: 'They are reconnecting. Stay here: it goes on by itself.',
  },
  'server-restarted': {
    headline: 'The server was restarted',
    detail: 'The broadcaster is coming back. Stay here: it goes on by itself.',
  },
  replaced: {
    headline: 'The broadcaster is changing over',
    detail: 'The picture comes from a new connection in a moment. It goes on by itself.',
  },
};

const AGAIN = 'If it starts again, the picture comes back here by itself.';

/** @type {Partial<Record<Reason, Words>>} */
const ENDED = {
  stopped: { headline: 'The broadcaster ended the broadcast', detail: AGAIN },
  removed: { headline: 'The broadcast was ended by the server’s operator', detail: AGAIN },
  'grace-over': { headline: 'The broadcaster did not come back', detail: AGAIN },
};

/**
 * Better words for a state of the join page, where the reason has some.
 * @param {JoinState} state
 * @param {Reason | null | undefined} reason
 * @returns {Words | undefined}
 */
export function reasonWords(state, reason) {
  if (!reason) return undefined;
  if (state === 'interrupted') return INTERRUPTED[reason];
  return state === 'ended' ? ENDED[reason] : undefined;
}

/**
 * @param {string | null | undefined} graceEndsAt ISO 8601, by the server's clock
 * @param {number} serverNowMs
 * @returns {string} empty when there is nothing to wait for
 */
export function waitingText(graceEndsAt, serverNowMs) {
  const seconds = graceEndsAt ? Math.ceil((Date.parse(graceEndsAt) - serverNowMs) / 1000) : 0;
  if (!(seconds > 0)) return '';
  return `Waiting for ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} more`;
}
