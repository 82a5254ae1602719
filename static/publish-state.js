// The one state of the publish page and its words, from what the connection and the devices say. Pure.

/** @import { Status } from './reconnector.js' */
/** @import { Reason } from './signaling-socket.js' */

/** @typedef {'idle' | 'preview' | 'connecting' | 'live' | 'reconnecting' | 'stopped' | 'blocked'} PublishState */

/** @type {Record<PublishState, string>} */
export const PUBLISH_BADGES = {
  idle: 'Not live',
  preview: 'Preview',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  stopped: 'Not live',
  blocked: 'Not live',
};

/**
 * @param {Status | undefined} status
 * @param {boolean} hasMedia
 * @param {boolean} isInsecure the page may not open devices
 * @returns {PublishState}
 */
export function publishState(status, hasMedia, isInsecure) {
  if (isInsecure) return 'blocked';
  switch (status?.phase ?? 'idle') {
    case 'idle':
      return hasMedia ? 'preview' : 'idle';
    case 'connected':
      return 'live';
    case 'opening':
    case 'connecting':
    case 'waiting':
    case 'unsteady':
    case 'restarting':
      return status?.everConnected ? 'reconnecting' : 'connecting';
    case 'stopped':
    case 'ended':
      return 'stopped';
    default:
      return 'blocked';
  }
}

/**
 * @param {PublishState} state
 * @param {Status | undefined} status
 * @param {{ audio: unknown, video: unknown }} media
 * @param {boolean} isTaken somebody is live under this name
 * @param {Reason | null} [reason] why the broadcast is not live
 */
export function publishWords(state, status, { audio, video }, isTaken, reason) {
  switch (state) {
    case 'idle':
      return 'Allow camera and microphone, or share your screen.';
    case 'preview':
      if (isTaken) return 'Somebody is live under this name already: another tab, or your OBS.';
      return video ? 'Only you see this. Press Go live when you are ready.' : 'Ready to go live with sound only.';
    case 'live':
      if (!audio && !video) return 'You are live, but nothing is sent. Choose a camera or share your screen.';
      return 'You are live.';
    case 'stopped':
      if (reason === 'removed') return 'The operator of this server ended your broadcast.';
      return 'The broadcast has ended. Go live again whenever you like.';
    default:
      return status?.words ?? 'Publishing from this page needs HTTPS.';
  }
}
