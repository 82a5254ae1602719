// What the chat panel shows and allows, from what the server says. Pure.

/** @typedef {'off' | 'publisher' | 'named' | 'everyone'} ChatRight */

/**
 * @typedef {object} ChatMessage
 * @property {string} id
 * @property {string | null} viewer alias of who wrote it
 * @property {string | null} name
 * @property {'viewer' | 'publisher' | 'program'} role
 * @property {string} text
 * @property {string} at ISO 8601
 */

/**
 * @typedef {object} WritingFacts
 * @property {boolean} isOpen the server can be reached
 * @property {ChatRight} right
 * @property {boolean} isViewer not the publisher
 * @property {boolean} hasSession
 * @property {string} name empty when none was given
 * @property {{ untilMs: number, reason: string } | null} muted
 * @property {number} slowUntilMs when the next message may be written in slow mode
 * @property {number} nowMs by the server's clock, as the times above
 */

/** @typedef {{ may: 'write' | 'wait' | 'name' | 'read', why: string }} Writing `name`: as soon as there is a name */

/** The server deleted or forgot no more than it once told: what was shown before that stays. */
const MAX_SHOWN = 200;

/**
 * @param {WritingFacts} facts
 * @returns {Writing}
 */
export function writing({ isOpen, right, isViewer, hasSession, name, muted, slowUntilMs, nowMs }) {
  if (right === 'off') return { may: 'read', why: 'The chat is off.' };
  if (isViewer && right === 'publisher') return { may: 'read', why: 'Only the broadcaster writes here.' };
  if (!isOpen || (isViewer && !hasSession)) return { may: 'wait', why: 'The chat is connecting…' };
  if (muted && muted.untilMs > nowMs) return { may: 'wait', why: mutedWords(muted, nowMs) };
  if (isViewer && right === 'named' && name === '') return { may: 'name', why: 'Give a name to write.' };
  if (isViewer && slowUntilMs > nowMs) {
    return { may: 'wait', why: `Slow mode: you can write again in ${waitText(slowUntilMs - nowMs)}.` };
  }
  return { may: 'write', why: '' };
}

/**
 * @param {{ untilMs: number, reason: string }} muted
 * @param {number} nowMs
 */
function mutedWords({ untilMs, reason }, nowMs) {
  const words = `The broadcaster muted you for another ${waitText(untilMs - nowMs)}`;
  return reason === '' ? `${words}.` : `${words}: ${reason}`;
}

/**
 * 8 s, 2 min, 3 h: rounded up.
 * @param {number} ms
 */
export function waitText(ms) {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}

/**
 * Who wrote it, for people. Somebody without a name has a few letters that tell them apart.
 * @param {Pick<ChatMessage, 'name' | 'role' | 'viewer'>} message
 */
export function authorText({ name, role, viewer }) {
  if (name) return name;
  if (role === 'publisher') return 'Broadcaster';
  return role === 'program' ? 'Program' : `Viewer ${(viewer ?? '').slice(0, 4)}`;
}

/**
 * What has to change in the list when the server tells the history again: after a reconnect, or a restart.
 * @param {readonly Pick<ChatMessage, 'id' | 'at'>[]} shown
 * @param {readonly ChatMessage[]} history
 * @returns {{ gone: string[], added: ChatMessage[] }}
 */
export function mergeHistory(shown, history) {
  const remembered = new Set(history.map(({ id }) => id));
  const known = new Set(shown.map(({ id }) => id));
  const since = history[0]?.at ?? '';
  return {
    gone: shown.filter(({ id, at }) => at >= since && !remembered.has(id)).map(({ id }) => id),
    added: history.filter(({ id }) => !known.has(id)),
  };
}

/**
 * The ids that are too many, oldest first.
 * @param {readonly string[]} ids
 */
export function surplus(ids) {
  return ids.slice(0, Math.max(0, ids.length - MAX_SHOWN));
}

/**
 * The refusals that the chat panel speaks of.
 * @param {string} code
 */
export function isAboutChat(code) {
  return code.startsWith('chat_') || ['invalid_chat_message', 'invalid_display_name', 'unknown_viewer'].includes(code);
}

/**
 * Of those, the ones that answer a text: the others are about names and moderation.
 * @param {string} code
 */
export function isOfText(code) {
  return code === 'invalid_chat_message' || (code.startsWith('chat_') && code !== 'chat_mutes_full');
}
