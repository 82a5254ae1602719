// What the reconnector is doing, in plain words for people. Pure.

/** @import { Status } from './reconnector.js' */

/**
 * @param {Omit<Status, 'words'>} status
 * @returns {string}
 */
export function wordsFor({ phase, everConnected, retryInMs, error }) {
  switch (phase) {
    case 'opening':
    case 'connecting':
      return everConnected ? 'Reconnecting…' : 'Connecting…';
    case 'unsteady':
      return 'The connection is unsteady. Giving it a moment…';
    case 'restarting':
      return everConnected ? 'Looking for a new path through the network…' : 'Trying another path through the network…';
    case 'waiting':
      return `${waitingFor(error)} Trying again ${inSeconds(retryInMs ?? 0)}.`;
    case 'occupied':
      return 'Somebody else is live under this name. Waiting until they stop…';
    case 'needs-key':
      return error?.code === 'wrong_key' ? 'That key is not right.' : 'A key is needed here.';
    case 'taken-over':
      return 'This session goes on in another window.';
    case 'unsupported':
    case 'refused':
      return error?.message ?? 'The server refused.';
    default:
      return '';
  }
}

/** @param {Status['error']} error */
function waitingFor(error) {
  if (error?.code === 'no_path') return `${error.title} A firewall may be blocking its UDP port.`;
  if (error && (error.status > 0 || error.code === 'no_media')) return error.title;
  if (error?.code === 'network') return 'The server does not answer.';
  return 'The connection was lost.';
}

/** @param {number} ms */
function inSeconds(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds === 0) return 'at once';
  return seconds === 1 ? 'in a second' : `in ${seconds} seconds`;
}
