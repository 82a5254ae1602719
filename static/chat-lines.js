// The lines of the chat as elements: text only, the newest 200, at the end as long as one looks at the end.
// It must not know the socket, nor who may write.

import { authorText, mergeHistory, surplus, waitText } from './chat-rules.js';
import { element, setText } from './dom.js';
import { roleTag } from './presence-list.js';

/** @import { ChatMessage } from './chat-rules.js' */

const MUTE_SECONDS = 600;
const AT_END_PX = 40;

/** @typedef {{ remove: (id: string) => void, mute: (viewer: string, seconds: number) => void }} Moderation */
/** @typedef {{ viewer: string, name: string | null, until: string, reason: string }} MutedPerson */

export class ChatLines {
  /** Those who are muted stand below it. */
  list = element('div', { className: 'chat-lines-box' });
  /** @type {string | null} */
  #own = null;
  #moderation;
  /** @type {Map<string, { message: ChatMessage, line: HTMLLIElement }>} */
  #lines = new Map();
  #log = element('ol', { className: 'chat-lines', role: 'log', ariaLabel: 'Chat', tabIndex: 0 });
  /** @type {Map<string, { mute: MutedPerson, line: HTMLLIElement, words: HTMLElement }>} by alias */
  #mutes = new Map();
  #muted = element('ul', { className: 'chat-muted', ariaLabel: 'Muted' });

  /** @param {Moderation} [moderation] without it there are no buttons */
  constructor(moderation) {
    this.#moderation = moderation;
    this.list.append(this.#log, this.#muted);
  }

  get isEmpty() {
    return this.#lines.size === 0 && this.#mutes.size === 0;
  }

  /** @param {string | null} viewer alias of this page's own session, whose lines are marked */
  set own(viewer) {
    if (viewer === this.#own) return;
    this.#own = viewer;
    for (const { message, line } of this.#lines.values()) this.#mark(message, line);
  }

  /** @param {ChatMessage} message */
  add(message) {
    this.#keepAtEnd(() => this.#add(message));
  }

  /**
   * @param {readonly ChatMessage[]} messages what the server remembers
   * @returns {readonly ChatMessage[]} those of them that were not shown before
   */
  restore(messages) {
    const shown = [...this.#lines.values()].map(({ message }) => message);
    const { gone, added } = mergeHistory(shown, messages);
    this.#keepAtEnd(() => {
      this.remove(gone);
      for (const message of added) this.#add(message);
    });
    return added;
  }

  /** @param {readonly string[]} ids */
  remove(ids) {
    for (const id of ids) {
      const line = this.#lines.get(id)?.line;
      // The focus must not fall back to the top of the page.
      if (line?.contains(document.activeElement)) this.#log.focus();
      line?.remove();
      this.#lines.delete(id);
    }
  }

  /**
   * @param {readonly MutedPerson[]} mutes
   * @param {number} nowMs as for `tick`
   */
  showMutes(mutes, nowMs) {
    for (const { line } of this.#mutes.values()) line.remove();
    this.#mutes = new Map(mutes.map((mute) => [mute.viewer, this.#mutedLine(mute)]));
    this.#muted.append(...[...this.#mutes.values()].map(({ line }) => line));
    this.tick(nowMs);
  }

  /**
   * Time passes: mutes end by themselves.
   * @param {number} nowMs by the server's clock
   */
  tick(nowMs) {
    for (const [viewer, { mute, line, words }] of this.#mutes) {
      const leftMs = Date.parse(mute.until) - nowMs;
      setText(words, ` is muted for ${waitText(leftMs)}. `);
      if (leftMs > 0) continue;
      line.remove();
      this.#mutes.delete(viewer);
    }
  }

  /**
   * @param {ChatMessage} message
   * @param {HTMLLIElement} line
   */
  #mark({ viewer }, line) {
    line.classList.toggle('own', viewer !== null && viewer === this.#own);
  }

  /** @param {ChatMessage} message */
  #add(message) {
    if (this.#lines.has(message.id)) return;
    const line = this.#line(message);
    this.#lines.set(message.id, { message, line });
    this.#log.append(line);
    this.remove(surplus([...this.#lines.keys()]));
  }

  /** @param {() => void} change */
  #keepAtEnd(change) {
    const log = this.#log;
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < AT_END_PX;
    change();
    if (!isAtEnd) return;
    log.scrollTop = log.scrollHeight;
    // The first line comes into a list that was hidden until now.
    requestAnimationFrame(() => {
      log.scrollTop = log.scrollHeight;
    });
  }

  /** @param {ChatMessage} message */
  #line(message) {
    const { name, role } = message;
    const author = element('bdi', { className: 'chat-author' }, authorText(message));
    const at = new Date(message.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    const time = element('time', { dateTime: message.at }, at);
    // Anybody may call themselves so: the tag says who it really is.
    const who = role === 'publisher' ? [...(name ? [author] : []), roleTag()] : [author];
    const head = element('p', { className: 'chat-head' }, ...who, time);
    const line = element('li', {}, head, element('p', { className: 'chat-text', dir: 'auto' }, message.text));
    this.#mark(message, line);
    head.append(...this.#buttons(message));
    return line;
  }

  /**
   * @param {ChatMessage} message
   * @returns {HTMLElement[]}
   */
  #buttons({ id, viewer, role, ...message }) {
    const moderation = this.#moderation;
    if (!moderation) return [];
    const who = authorText({ ...message, role, viewer });
    const buttons = [button('Delete', `Delete this message of ${who}`, () => moderation.remove(id))];
    if (role === 'viewer' && viewer !== null) {
      const mute = () => moderation.mute(viewer, MUTE_SECONDS);
      const made = button('Mute', `Mute ${who} for 10 minutes`, mute);
      // A mute is the session's, and a page that is loaded anew has a new one.
      made.title = 'For 10 minutes, or until they reload the page';
      buttons.push(made);
    }
    return [element('span', { className: 'chat-buttons' }, ...buttons)];
  }

  /** @param {MutedPerson} mute */
  #mutedLine(mute) {
    const { viewer, name } = mute;
    const who = authorText({ name, role: 'viewer', viewer });
    const words = element('span');
    const back = button('Let write', `Let ${who} write again`, () => this.#moderation?.mute(viewer, 0));
    return { mute, line: element('li', {}, element('bdi', {}, who), words, back), words };
  }
}

/**
 * @param {string} text
 * @param {string} label for those who do not see where it stands
 * @param {() => void} act
 */
function button(text, label, act) {
  const made = element('button', { type: 'button', className: 'link-button', ariaLabel: label }, text);
  made.addEventListener('click', act);
  return made;
}
