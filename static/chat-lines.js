// The lines of the chat as elements: text only, the newest 200, at the end as long as one looks at the end.
// It must not know the socket, nor who may write.

import { authorText, mergeHistory, surplus, waitText } from './chat-rules.js';
import { element } from './dom.js';
import { roleTag } from './presence-list.js';

/** @import { ChatMessage } from './chat-rules.js' */

const MUTE_SECONDS = 600;
const AT_END_PX = 40;

/** @typedef {{ remove: (id: string) => void, mute: (viewer: string, seconds: number) => void }} Moderation */
/** @typedef {{ viewer: string, name: string | null, until: string, reason: string }} MutedPerson */

export class ChatLines {
  /** Those who are muted stand below it. */
  list = element('div', { className: 'chat-lines-box' });
  /** @type {string | null} alias of this page's own session */
  own = null;
  #moderation;
  /** @type {Map<string, { message: ChatMessage, line: HTMLLIElement }>} */
  #lines = new Map();
  #log = element('ol', { className: 'chat-lines', role: 'log', ariaLabel: 'Chat', tabIndex: 0 });
  #muted = element('ul', { className: 'chat-muted', ariaLabel: 'Muted' });

  /** @param {Moderation} [moderation] without it there are no buttons */
  constructor(moderation) {
    this.#moderation = moderation;
    this.list.append(this.#log, this.#muted);
  }

  get isEmpty() {
    return this.#lines.size === 0 && this.#muted.childElementCount === 0;
  }

  /** @param {ChatMessage} message */
  add(message) {
    this.#keepAtEnd(() => this.#add(message));
  }

  /** @param {readonly ChatMessage[]} messages what the server remembers */
  restore(messages) {
    const shown = [...this.#lines.values()].map(({ message }) => message);
    const { gone, added } = mergeHistory(shown, messages);
    this.#keepAtEnd(() => {
      this.remove(gone);
      for (const message of added) this.#add(message);
    });
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

  /** @param {readonly MutedPerson[]} mutes */
  showMutes(mutes) {
    this.#muted.replaceChildren(...mutes.map((mute) => this.#mutedLine(mute)));
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
    const author = element('bdi', { className: 'chat-author' }, authorText(message));
    const at = new Date(message.at);
    const time = element(
      'time',
      { dateTime: message.at },
      at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
    );
    const head = element(
      'p',
      { className: 'chat-head' },
      author,
      ...(message.role === 'publisher' && message.name ? [roleTag()] : []),
      time,
    );
    const line = element('li', {}, head, element('p', { className: 'chat-text', dir: 'auto' }, message.text));
    if (message.viewer !== null && message.viewer === this.own) line.classList.add('own');
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
      buttons.push(button('Mute', `Mute ${who} for 10 minutes`, mute));
    }
    return [element('span', { className: 'chat-buttons' }, ...buttons)];
  }

  /** @param {MutedPerson} mute */
  #mutedLine({ viewer, name, until }) {
    const who = authorText({ name, role: 'viewer', viewer });
    const left = waitText(Date.parse(until) - Date.now());
    const back = button('Let write', `Let ${who} write again`, () => this.#moderation?.mute(viewer, 0));
    return element('li', {}, element('bdi', {}, who), ` is muted for ${left}. `, back);
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
