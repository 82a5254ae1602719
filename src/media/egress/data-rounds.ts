// Data for many viewers in turns: a message to a thousand of them takes 20 ms, in which no packet would come in or leave.
// Keeps the order within a broadcast, and lets none wait for a busy one. It must not know messages, labels or sockets.

import type { ViewerPeer } from './viewer-peer.ts';

/** Viewers that are served before the sockets have their turn: a few ms. */
const VIEWERS_PER_TURN = 100;
/** Viewers of one broadcast that are served before the next broadcast has its turn. */
const VIEWERS_IN_A_ROW = 20;
/** What may wait of one broadcast. */
const MAX_ROUNDS = 512;
const MAX_BYTES = 4 * 1024 * 1024;

interface Round<Viewer> {
  readonly viewers: Iterator<Viewer>;
  readonly serve: (viewer: Viewer) => void;
  readonly bytes: number;
}

interface Queue<Viewer> {
  readonly rounds: Round<Viewer>[];
  bytes: number;
}

export class DataRounds<Viewer = ViewerPeer> {
  readonly #onTrouble: (viewer: Viewer, error: unknown) => void;
  /** By broadcast, in the order of their turns. */
  readonly #queues = new Map<string, Queue<Viewer>>();
  #isUnderWay = false;

  /** @param onTrouble what serving a viewer threw; the others are served all the same */
  constructor(onTrouble: (viewer: Viewer, error: unknown) => void) {
    this.#onTrouble = onTrouble;
  }

  /** Whether a message for this broadcast has to be lost. */
  isFull(broadcast: string): boolean {
    const queue = this.#queues.get(broadcast);
    return queue !== undefined && (queue.rounds.length >= MAX_ROUNDS || queue.bytes >= MAX_BYTES);
  }

  /** Serves each of the viewers, behind all that was given before. Those that leave meanwhile are left out. */
  add(broadcast: string, viewers: Iterable<Viewer>, serve: (viewer: Viewer) => void, bytes = 0): void {
    const queue = this.#queues.get(broadcast) ?? { rounds: [], bytes: 0 };
    this.#queues.set(broadcast, queue);
    queue.rounds.push({ viewers: viewers[Symbol.iterator](), serve, bytes });
    queue.bytes += bytes;
    if (!this.#isUnderWay) this.#turn();
  }

  /** Forgets what was not served yet. */
  stop(): void {
    this.#queues.clear();
  }

  #turn(): void {
    this.#isUnderWay = true;
    let left = VIEWERS_PER_TURN;
    for (let [next] = this.#queues; next && left > 0; [next] = this.#queues) {
      const [broadcast, queue] = next;
      left -= this.#serve(queue, Math.min(left, VIEWERS_IN_A_ROW));
      if (this.#queues.get(broadcast) !== queue) continue;
      this.#queues.delete(broadcast);
      if (queue.rounds.length > 0) this.#queues.set(broadcast, queue);
    }
    this.#isUnderWay = this.#queues.size > 0;
    if (this.#isUnderWay) setImmediate(() => this.#turn());
  }

  /** @returns how many were served */
  #serve(queue: Queue<Viewer>, limit: number): number {
    let served = 0;
    for (let [round] = queue.rounds; round && served < limit; [round] = queue.rounds) {
      const { done, value } = round.viewers.next();
      if (done) {
        queue.rounds.shift();
        queue.bytes -= round.bytes;
        continue;
      }
      try {
        round.serve(value);
      } catch (error) {
        this.#onTrouble(value, error);
      }
      served++;
    }
    return served;
  }
}
