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

/**
 * The same for who only asks by HTTP, to the second.
 * @param {string | null} date the header `Date` of an answer that has just come
 * @param {number} nowMs by our clock, where there is no such header
 * @returns {number} Unix ms
 */
export function timeOfAnswer(date, nowMs) {
  const told = Date.parse(date ?? '');
  return Number.isNaN(told) ? nowMs : told;
}
