// Who may write in the chat, and how often: the two pickers of the publish page.

import { waitText } from './chat-rules.js';
import { byId } from './dom.js';

/** @import { BroadcastView } from './signaling-socket.js' */

export class ChatSettings {
  #right = byId('chat-right', HTMLSelectElement);
  #slowMode = byId('slow-mode', HTMLSelectElement);

  /** @param {(settings: { chat?: string, slowModeSeconds?: number }) => void} change tells the server */
  constructor(change) {
    this.#right.addEventListener('change', () => change({ chat: this.#right.value }));
    this.#slowMode.addEventListener('change', () => change({ slowModeSeconds: Number(this.#slowMode.value) }));
  }

  /** @param {BroadcastView} broadcast as the server has it */
  show({ chat, slowModeSeconds }) {
    if (document.activeElement !== this.#right) this.#right.value = chat;
    if (document.activeElement === this.#slowMode) return;
    const value = String(slowModeSeconds);
    const isKnown = [...this.#slowMode.options].some((option) => option.value === value);
    // A program may have chosen another time.
    if (!isKnown) this.#slowMode.add(new Option(waitText(slowModeSeconds * 1000), value));
    this.#slowMode.value = value;
  }
}
