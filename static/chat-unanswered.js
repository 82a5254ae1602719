// What was written into the chat and the server has not answered yet. It answers each text in the order of sending, by the message
// or by a refusal, unless the socket dies first. It must not know sockets or fields. Pure.

/** @import { ChatMessage } from './chat-rules.js' */

/** @typedef {{ text: string, viewer: string | null }} Written `viewer`: the writer's alias at that time */

/** More than the server takes from one person before it notices that they are gone. */
const MAX_KEPT = 20;

export class UnansweredTexts {
  /** @type {Written[]} sent over the socket that is open now */
  #waiting = [];
  /** @type {Written[]} sent over one that was lost: they may have arrived or not */
  #doubtful = [];

  /**
   * @param {string} text
   * @param {string | null} viewer
   */
  sent(text, viewer) {
    this.#waiting = [...this.#waiting, { text, viewer }].slice(-MAX_KEPT);
  }

  /** Somebody wrote, maybe this page. @param {Pick<ChatMessage, 'text' | 'viewer'>} message */
  heard(message) {
    if (!take(this.#doubtful, message)) take(this.#waiting, message);
  }

  /** @returns {string} what the server refused; empty when nothing waited */
  refused() {
    return this.#waiting.shift()?.text ?? '';
  }

  /** What waits will get no answer any more. */
  socketLost() {
    this.#doubtful = [...this.#doubtful, ...this.#waiting].slice(-MAX_KEPT);
    this.#waiting = [];
  }

  /**
   * The server tells what was written.
   * @param {readonly Pick<ChatMessage, 'text' | 'viewer'>[]} added what this page had not seen of it
   * @returns {string[]} what never arrived
   */
  settle(added) {
    for (const message of added) take(this.#doubtful, message);
    const lost = this.#doubtful.map(({ text }) => text);
    this.#doubtful = [];
    return lost;
  }
}

/**
 * @param {Written[]} texts
 * @param {Pick<ChatMessage, 'text' | 'viewer'>} message
 * @returns {boolean} it was one of them
 */
function take(texts, { text, viewer }) {
  const own = texts.filter((each) => each.viewer === viewer);
  // The server tidies texts, but it keeps their order. Without an alias only the text tells whose it is.
  const found = own.find((each) => each.text === text) ?? (viewer === null ? undefined : own[0]);
  if (found) texts.splice(texts.indexOf(found), 1);
  return found !== undefined;
}
