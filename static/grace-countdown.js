// The line that says how long viewers wait for a broadcaster who is gone. It stands outside of what is read aloud:
// a number that changes each second is no news.

import { setLine } from './dom.js';
import { waitingText } from './reason-words.js';

/** @import { SignalingSocket } from './signaling-socket.js' */

export class GraceCountdown {
  #line;
  /** The server's clock less ours. */
  #offsetMs = 0;
  /** @type {string | null | undefined} */
  #graceEndsAt;

  /**
   * @param {HTMLElement} line
   * @param {SignalingSocket} socket
   */
  constructor(line, socket) {
    this.#line = line;
    socket.on('welcome', ({ serverTime }) => {
      this.#offsetMs = Date.parse(serverTime) - Date.now();
      this.#draw();
    });
    setInterval(() => this.#draw(), 1000);
  }

  /** @param {string | null | undefined} graceEndsAt ISO 8601; null: nothing to wait for */
  show(graceEndsAt) {
    this.#graceEndsAt = graceEndsAt;
    this.#draw();
  }

  #draw() {
    setLine(this.#line, waitingText(this.#graceEndsAt, Date.now() + this.#offsetMs));
  }
}
