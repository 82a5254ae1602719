// The list of data messages on the join page: text only, the newest 200, drawn at most once a frame.

const MAX_MESSAGES = 200;
const MAX_TEXT = 2000;

export class MessageList {
  #list;
  #empty;
  /** @type {HTMLLIElement[]} not drawn yet */
  #pending = [];
  /** @type {Map<string, string>} the last message of each `state` label: sent again at each resume */
  #remembered = new Map();

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} empty shown until there is a message
   */
  constructor(list, empty) {
    this.#list = list;
    this.#empty = empty;
  }

  /**
   * @param {string} label
   * @param {string} text
   */
  add(label, text) {
    if (this.#isRepeated(label, text)) return;
    this.#queue(messageElement(label, text));
  }

  /** @param {string} text something about the list, not from the publisher */
  note(text) {
    const item = document.createElement('li');
    item.className = 'message-note';
    item.textContent = text;
    this.#queue(item);
  }

  /**
   * @param {string} label
   * @param {string} text
   */
  #isRepeated(label, text) {
    if (label !== 'state' && !label.startsWith('state/')) return false;
    const repeated = this.#remembered.get(label) === text;
    this.#remembered.set(label, text);
    return repeated;
  }

  /** @param {HTMLLIElement} item */
  #queue(item) {
    if (this.#pending.length === 0) schedule(() => this.#draw());
    this.#pending.push(item);
    if (this.#pending.length > MAX_MESSAGES) this.#pending.shift();
  }

  #draw() {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...this.#pending);
    this.#pending = [];
    while (list.children.length > MAX_MESSAGES) list.firstElementChild?.remove();
    this.#empty.hidden = true;
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}

/**
 * A hidden page gets no animation frames.
 * @param {() => void} draw
 */
function schedule(draw) {
  if (document.visibilityState === 'hidden') setTimeout(draw, 250);
  else requestAnimationFrame(draw);
}

/**
 * @param {string} label
 * @param {string} text
 */
function messageElement(label, text) {
  const item = document.createElement('li');
  const meta = document.createElement('span');
  meta.className = 'message-meta';
  const time = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  meta.textContent = label === 'message' ? time : `${time} · ${label}`;
  const body = document.createElement('span');
  body.className = 'message-text';
  body.textContent = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  item.append(meta, body);
  return item;
}
