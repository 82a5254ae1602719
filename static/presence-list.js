// The list of those who are here and gave a name. Text only.

import { element, setText } from './dom.js';
import { follow, inOrder, NOBODY } from './presence-roll.js';

/** @import { SignalingSocket } from './signaling-socket.js' */

/** More would be a wall; the number says the rest. */
const SHOWN = 100;

export class PresenceList {
  #root;
  #roll = NOBODY;
  #isScheduled = false;

  /**
   * @param {HTMLElement} root with a `.people-count` and a `.people` list inside
   * @param {SignalingSocket} socket whose hello asks for `presence`
   */
  constructor(root, socket) {
    this.#root = root;
    socket.on('presence', (message) => {
      this.#roll = follow(this.#roll, message);
      this.#schedule();
    });
    this.#draw();
  }

  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      this.#draw();
    }, 0);
  }

  #draw() {
    const { total } = this.#roll;
    const shown = inOrder(this.#roll).slice(0, SHOWN);
    const items = shown.map(({ name, role }) =>
      element('li', {}, element('bdi', {}, name), ...(role === 'publisher' ? [roleTag()] : [])),
    );
    const more = total - shown.length;
    if (more > 0) items.push(element('li', { className: 'people-more' }, `and ${more} more`));
    this.#root.querySelector('.people')?.replaceChildren(...items);
    const count = this.#root.querySelector('.people-count');
    if (count) setText(count, total === 0 ? 'Nobody has given a name yet.' : `${total} with a name`);
  }
}

/** Beside the name of the broadcaster. */
export function roleTag() {
  return element('span', { className: 'role-tag' }, 'Broadcaster');
}
