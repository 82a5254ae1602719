// Data for many viewers in turns: a message to a thousand of them takes 20 ms, in which no packet would come in or leave.
// Keeps the order of what is given to it. It must not know messages, labels or sockets.

import type { ViewerPeer } from './viewer-peer.ts';

/** Viewers that are served before the sockets have their turn: a few ms. */
const VIEWERS_PER_TURN = 100;

interface Round<Viewer> {
  readonly viewers: Iterator<Viewer>;
  readonly serve: (viewer: Viewer) => void;
}

export class DataRounds<Viewer = ViewerPeer> {
  readonly #waiting: Round<Viewer>[] = [];
  #isUnderWay = false;

  /** Serves each of the viewers, behind all that was given before. Those that leave meanwhile are left out. */
  add(viewers: Iterable<Viewer>, serve: (viewer: Viewer) => void): void {
    this.#waiting.push({ viewers: viewers[Symbol.iterator](), serve });
    if (!this.#isUnderWay) this.#turn();
  }

  /** Forgets what was not served yet. */
  stop(): void {
    this.#waiting.length = 0;
  }

  #turn(): void {
    let left = VIEWERS_PER_TURN;
    for (let [round] = this.#waiting; round && left > 0; [round] = this.#waiting) {
      const { done, value } = round.viewers.next();
      if (done) {
        this.#waiting.shift();
        continue;
      }
      round.serve(value);
      left--;
    }
    this.#isUnderWay = this.#waiting.length > 0;
    if (this.#isUnderWay) setImmediate(() => this.#turn());
  }
}
