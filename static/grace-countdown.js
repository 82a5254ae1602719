// The line that says how long viewers wait for a broadcaster who is gone. It stands outside of what is read aloud:
// a number that changes each second is no news.

import { setLine } from './dom.js';
import { waitingText } from './reason-words.js';
import { ServerClock } from './server-clock.js';

/** @import { SignalingSocket } from './signaling-socket.js' */

export class GraceCountdown {
  #line;
  #clock;
  /** @type {string | null | undefined} */
  #graceEndsAt;

  /**
   * @param {HTMLElement} line
   * @param {SignalingSocket} socket
   */
  constructor(line, socket) {
    this.#line = line;
    this.#clock = new ServerClock(socket);
    socket.on('welcome', () => this.#draw());
    setInterval(() => this.#draw(), 1000);
  }

  /** @param {string | null | undefined} graceEndsAt ISO 8601; null: nothing to wait for */
  show(graceEndsAt) {
    this.#graceEndsAt = graceEndsAt;
    this.#draw();
  }

  #draw() {
    setLine(this.#line, waitingText(this.#graceEndsAt, this.#clock.now()));
  }
}
