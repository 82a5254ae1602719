// The one state of the join page, from what the connection, the server and the video say. Pure.

/** @import { Phase } from './reconnector.js' */

/** @typedef {'connecting' | 'waiting' | 'live' | 'interrupted' | 'reconnecting' | 'ended' | 'unsupported' | 'needs-key' | 'stopped'} JoinState */

/**
 * @typedef {object} JoinFacts
 * @property {Phase} phase of the reconnector
 * @property {boolean} everConnected
 * @property {boolean} isCarried a connection works, whatever is made beside it
 * @property {'idle' | 'live' | 'interrupted' | undefined} broadcast undefined: the server has not said yet
 * @property {boolean} wasSeen there was a picture or sound since the page was opened
 * @property {boolean} hasPicture there is one from this connection
 * @property {boolean} hasOldPicture the one of the connection before still runs
 * @property {boolean} isStill nothing comes over it any more, and the server does not answer
 * @property {string | null} unsupportedCodec
 */

/**
 * @param {JoinFacts} facts
 * @returns {JoinState}
 */
export function joinState(facts) {
  const { phase, everConnected, isCarried, broadcast, wasSeen, hasPicture, hasOldPicture } = facts;
  const { isStill, unsupportedCodec } = facts;
  if (phase === 'needs-key') return 'needs-key';
  if (phase === 'unsupported') return 'unsupported';
  // Another offer may have that codec: until that is known there is hope.
  if (unsupportedCodec !== null) return phase === 'connected' ? 'unsupported' : 'reconnecting';
  if (phase === 'refused' || phase === 'taken-over' || phase === 'ended' || phase === 'stopped') return 'stopped';
  // Whatever another server says, to which the publisher may still be on the way.
  if (hasOldPicture) return 'live';
  const isCalm = phase === 'connected' || phase === 'unsteady' || (isCarried && hasPicture);
  if (!isCalm) return everConnected ? 'reconnecting' : 'connecting';
  if (broadcast === 'interrupted') return 'interrupted';
  if (broadcast === 'idle') return wasSeen ? 'ended' : 'waiting';
  if (phase === 'unsteady' || isStill) return 'reconnecting';
  if (hasPicture) return 'live';
  // Connected, but nothing to see yet: without word from the server that may be a broadcaster who is not there.
  if (broadcast !== 'live') return 'waiting';
  return wasSeen ? 'reconnecting' : 'connecting';
}

/** @type {Record<JoinState, { headline: string, detail: string, word: string }>} */
export const JOIN_WORDS = {
  connecting: { headline: 'Connecting…', detail: '', word: 'Connecting' },
  waiting: {
    headline: 'Waiting for the broadcaster',
    detail: 'The picture starts by itself as soon as they go live.',
    word: 'Not live yet',
  },
  live: { headline: 'Live', detail: '', word: 'Live' },
  interrupted: {
    headline: 'The broadcaster lost the connection',
    detail: 'They are reconnecting. Stay here: it goes on by itself.',
    word: 'Interrupted',
  },
  reconnecting: { headline: 'You are reconnecting…', detail: '', word: 'Reconnecting' },
  ended: {
    headline: 'The broadcast has ended',
    detail: 'If it starts again, the picture comes back here by itself.',
    word: 'Ended',
  },
  unsupported: { headline: 'This browser cannot play the broadcast', detail: '', word: 'Cannot play' },
  'needs-key': { headline: 'This broadcast needs a key', detail: 'Enter the view key below.', word: 'Needs a key' },
  stopped: { headline: 'Not connected', detail: '', word: 'Not connected' },
};
