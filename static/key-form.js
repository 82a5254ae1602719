// The small form that asks for a key, and keeps it for this tab.

import { byId, hideFor, setLine } from './dom.js';
import { storeKey } from './page.js';

export class KeyForm {
  #form = byId('key-form', HTMLFormElement);
  #field = byId('key', HTMLInputElement);
  #error = byId('key-error', HTMLElement);
  #successor;

  /**
   * @param {import('./page.js').Right} right
   * @param {(key: string) => void} onKey
   * @param {HTMLElement} [successor] tells what comes of the key, and stays
   */
  constructor(right, onKey, successor = byId('status', HTMLElement)) {
    this.#successor = successor;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const key = this.#field.value.trim();
      if (key === '') return;
      this.#field.value = '';
      storeKey(right, key);
      this.hide();
      onKey(key);
    });
  }

  /** @param {string} [error] why it asks again */
  show(error = '') {
    setLine(this.#error, error);
    if (!this.#form.hidden) return;
    this.#form.hidden = false;
    this.#field.focus();
  }

  hide() {
    hideFor(this.#form, this.#successor);
  }
}
