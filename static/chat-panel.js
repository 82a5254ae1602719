// The chat beside the picture: what is written, who writes as whom, and why one may not. Text only.
// It must not know media or pages; what the rules are is in chat-rules.js.

import { ChatLines } from './chat-lines.js';
import { isAboutChat, isOfText, writing } from './chat-rules.js';
import { UnansweredTexts } from './chat-unanswered.js';
import { MAX_NAME_CHARACTERS, rememberedName, rememberName } from './display-name.js';
import { element, setLine, setText } from './dom.js';
import { ServerClock } from './server-clock.js';

/** @import { ChatMessage } from './chat-rules.js' */
/** @import { BroadcastView, SessionView, SignalingSocket } from './signaling-socket.js' */

const MAX_TEXT = 500;
const TICK_MS = 500;

/** @typedef {{ untilMs: number, reason: string }} Muted */

export class ChatPanel {
  #socket;
  #clock;
  #isViewer;
  /** @type {BroadcastView | undefined} */
  #broadcast;
  /** @type {SessionView | null} */
  #session = null;
  #name = rememberedName();
  #slowUntilMs = 0;
  /** Given back when they are refused or lost. */
  #unanswered = new UnansweredTexts();
  #isNaming = false;
  /** The person gave a name, and the server has not said what it thinks of it. */
  #isAsking = false;
  #lines;
  #empty = element('p', { className: 'empty' }, 'Nobody has written yet.');
  #why = element('p', { className: 'hint', id: 'chat-why' });
  #problem = element('p', { className: 'error-text', role: 'alert', hidden: true });
  #text = element('input', { type: 'text', maxLength: MAX_TEXT, autocomplete: 'off', id: 'chat-text' });
  #send = element('button', { type: 'submit', className: 'button primary', id: 'chat-send' }, 'Send');
  #form = element('form', { className: 'chat-form' });
  #nameField = element('input', { type: 'text', maxLength: MAX_NAME_CHARACTERS, id: 'chat-name' });
  #nameForm = element('form', { className: 'chat-name-form' });
  #as = element('p', { className: 'chat-as' });
  #asName = element('bdi');

  /**
   * @param {HTMLElement} root
   * @param {SignalingSocket} socket whose hello asks for `chat`
   * @param {{ role: 'viewer' | 'publisher' }} options the publisher moderates
   */
  constructor(root, socket, { role }) {
    this.#socket = socket;
    this.#clock = new ServerClock(socket);
    this.#isViewer = role === 'viewer';
    this.#lines = new ChatLines(this.#isViewer ? undefined : this.#moderation());
    this.#build(root);
    this.#listen();
    setInterval(() => {
      this.#lines.tick(this.#clock.now());
      this.#render();
    }, TICK_MS);
    this.#render();
  }

  #moderation() {
    return {
      remove: (/** @type {string} */ id) => void this.#socket.send({ type: 'chat-delete', id }),
      mute: (/** @type {string} */ viewer, /** @type {number} */ seconds) =>
        void this.#socket.send({ type: 'chat-mute', viewer, seconds }),
    };
  }

  /** @param {HTMLElement} root */
  #build(root) {
    this.#text.setAttribute('aria-label', 'Message');
    this.#text.setAttribute('aria-describedby', this.#why.id);
    this.#text.placeholder = 'Write a message';
    this.#form.append(this.#text, this.#send);
    this.#nameField.setAttribute('autocomplete', 'nickname');
    const save = element('button', { type: 'submit', className: 'button', id: 'chat-name-save' }, 'Save');
    const label = element('label', { htmlFor: this.#nameField.id }, 'Your name, as others see it');
    this.#nameForm.append(label, element('div', { className: 'row' }, this.#nameField, save));
    const change = element('button', { type: 'button', className: 'link-button', id: 'chat-name-change' }, 'Change');
    change.setAttribute('aria-label', 'Change your name');
    this.#as.append('You write as ', this.#asName, ' ', change);
    root.append(this.#empty, this.#lines.list, this.#why, this.#problem, this.#form, this.#as, this.#nameForm);
    this.#form.addEventListener('submit', (event) => this.#submit(event));
    this.#nameForm.addEventListener('submit', (event) => this.#saveName(event));
    change.addEventListener('click', () => this.#startNaming(this.#name, true));
  }

  #listen() {
    const socket = this.#socket;
    socket.on('welcome', ({ broadcast, session }) => {
      this.#broadcast = broadcast;
      this.#useSession(session);
      this.#tellName();
      this.#render();
    });
    socket.on('broadcast', (broadcast) => {
      this.#broadcast = broadcast;
      this.#render();
    });
    socket.on('session', (session) => {
      const isRenamed = session.name !== this.#session?.name;
      this.#useSession(session.state === 'ended' ? null : session);
      if (isRenamed && session.name) this.#nameTaken(session.name);
      this.#render();
    });
    socket.on('state', (state) => {
      if (state === 'connecting') this.#unanswered.socketLost();
      this.#render();
    });
    socket.on('chat-history', ({ messages }) => {
      this.#giveBack(this.#unanswered.settle(this.#lines.restore(messages)));
      this.#render();
    });
    socket.on('chat', (message) => this.#heard(message));
    socket.on('chat-deleted', ({ ids }) => {
      this.#lines.remove(ids);
      this.#render();
    });
    socket.on('chat-mutes', ({ mutes }) => this.#lines.showMutes(mutes, this.#clock.now()));
    socket.on('error', (error) => isAboutChat(error.code) && this.#refused(error));
  }

  /** @param {SessionView | null} session */
  #useSession(session) {
    this.#session = session;
    this.#lines.own = session?.viewer ?? null;
  }

  /** As the server has it. @param {string} name */
  #nameTaken(name) {
    this.#name = name;
    this.#isAsking = false;
    rememberName(name);
  }

  /** It must not be asked for again at each reconnect, nor interrupt somebody who has not just given it. */
  #nameRefused() {
    const refused = this.#name;
    if (refused === rememberedName()) rememberName('');
    this.#name = this.#session?.name ?? '';
    this.#startNaming(refused, this.#isAsking);
    this.#isAsking = false;
  }

  /** The session keeps the name; a new one has to hear it. */
  #tellName() {
    const known = this.#session?.name ?? '';
    const hasWhereTo = this.#session !== null || !this.#isViewer;
    if (hasWhereTo && this.#name !== '' && this.#name !== known) this.#socket.send({ type: 'name', name: this.#name });
  }

  /** @param {ChatMessage} message */
  #heard(message) {
    this.#lines.add(message);
    this.#unanswered.heard(message);
    if (message.viewer !== null && message.viewer === this.#session?.viewer) {
      this.#slowUntilMs = this.#clock.now() + (this.#broadcast?.slowModeSeconds ?? 0) * 1000;
    }
    this.#render();
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const text = this.#text.value.trim();
    if (text === '' || this.#writing().may !== 'write') return;
    if (!this.#socket.send({ type: 'chat', text })) return;
    this.#unanswered.sent(text, this.#session?.viewer ?? null);
    this.#text.value = '';
    setLine(this.#problem, '');
  }

  /** @param {{ code: string, title: string, detail?: string, retryAfterSeconds?: number }} refusal */
  #refused({ code, title, detail, retryAfterSeconds = 0 }) {
    if (code === 'chat_slow_mode') this.#slowUntilMs = this.#clock.now() + retryAfterSeconds * 1000;
    if (code === 'invalid_display_name') this.#nameRefused();
    const refused = isOfText(code) ? this.#unanswered.refused() : '';
    if (this.#text.value === '') this.#text.value = refused;
    // What the line below the list says with the time that is left need not be said twice.
    const isSaid = (code === 'chat_slow_mode' || code === 'chat_muted') && this.#writing().why !== '';
    setLine(this.#problem, isSaid ? '' : [title, detail].filter(Boolean).join(' '));
    this.#render();
  }

  /** @param {readonly string[]} lost sent into a connection that was dead already */
  #giveBack(lost) {
    if (lost.length === 0) return;
    const text = lost.join(' ');
    const isFree = this.#text.value === '' && text.length <= MAX_TEXT;
    if (isFree) this.#text.value = text;
    setLine(this.#problem, `The connection was lost before this was sent${isFree ? '.' : `: ${text}`}`);
  }

  /**
   * @param {string} suggestion
   * @param {boolean} isOwnWish the focus may go where the person wants to write
   */
  #startNaming(suggestion, isOwnWish) {
    this.#isNaming = true;
    this.#nameField.value = suggestion;
    this.#render();
    if (isOwnWish) this.#nameField.focus();
  }

  /** @param {Event} event */
  #saveName(event) {
    event.preventDefault();
    this.#name = this.#nameField.value.trim();
    // Where there is no session, nobody says that it is taken.
    if (this.#session === null || this.#name === '') rememberName(this.#name);
    setLine(this.#problem, '');
    this.#isNaming = false;
    this.#isAsking = true;
    this.#socket.send({ type: 'name', name: this.#name });
    this.#render();
    if (!this.#text.disabled) this.#text.focus();
  }

  #writing() {
    const muted = this.#session?.muted ?? null;
    return writing({
      isOpen: this.#socket.isOpen && this.#broadcast !== undefined,
      right: this.#broadcast?.chat ?? 'named',
      isViewer: this.#isViewer,
      hasSession: this.#session !== null,
      name: this.#name,
      muted: muted && { untilMs: Date.parse(muted.until), reason: muted.reason },
      slowUntilMs: this.#slowUntilMs,
      nowMs: this.#clock.now(),
    });
  }

  #render() {
    const { may, why } = this.#writing();
    const isNaming = this.#isNaming || may === 'name';
    this.#empty.hidden = !this.#lines.isEmpty;
    this.#lines.list.hidden = this.#lines.isEmpty;
    setLine(this.#why, why);
    this.#form.hidden = may === 'read' || may === 'name';
    // Somebody who waits may go on typing.
    this.#send.disabled = may !== 'write';
    this.#nameForm.hidden = may === 'read' || !isNaming;
    this.#as.hidden = may === 'read' || isNaming;
    setText(this.#asName, this.#name || (this.#isViewer ? 'somebody without a name' : 'the broadcaster'));
  }
}
