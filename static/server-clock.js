// What time it is for the server: the clocks of people may be minutes off. It must not know what ends when.

/** @import { SignalingSocket } from './signaling-socket.js' */

export class ServerClock {
  /** The server's clock less ours. */
  #offsetMs = 0;

  /** @param {SignalingSocket} socket */
  constructor(socket) {
    socket.on('welcome', ({ serverTime }) => {
      this.#offsetMs = Date.parse(serverTime) - Date.now();
    });
  }

  /** @returns {number} Unix ms */
  now() {
    return Date.now() + this.#offsetMs;
  }
}
