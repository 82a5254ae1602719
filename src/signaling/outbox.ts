// What leaves to one WebSocket client, and what a slow reader costs: its own data messages, never memory or anybody else's time.
// It must not know what the messages mean, except that the newest `state` one matters.

import type { WebSocket } from 'ws';
import { isStateLabel } from '../broadcast/ports.ts';
import { serverMessage } from './messages.ts';

export interface OutboxLimits {
  /** Above this much waiting, data messages are not sent. */
  readonly slowBytes: number;
  /** Above this much waiting, the connection ends. */
  readonly terminateBytes: number;
}

export const OUTBOX_LIMITS: OutboxLimits = { slowBytes: 1024 * 1024, terminateBytes: 4 * 1024 * 1024 };

interface Missed {
  messages: number;
  /** `state` labels only: the newest message, which the client still gets. */
  newest: Buffer | undefined;
}

export class Outbox {
  readonly #socket: WebSocket;
  readonly #limits: OutboxLimits;
  readonly #missed = new Map<string, Missed>();

  constructor(socket: WebSocket, limits: OutboxLimits) {
    this.#socket = socket;
    this.#limits = limits;
  }

  /** A message that matters: sent, or the connection ends. */
  send(message: string | Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > this.#limits.terminateBytes) this.#socket.terminate();
    else this.#socket.send(message, { binary: false });
  }

  /** A data message: sent, or lost when the client reads too slowly. `frame` is shared between clients. */
  sendData(label: string, frame: Buffer): void {
    // Once something is missed, all is until the client has read what waits: messages keep their order.
    const isSlow = this.#missed.size > 0 || this.#socket.bufferedAmount > this.#limits.slowBytes;
    if (isSlow) this.#miss(label, frame);
    else this.send(frame);
  }

  /** Nothing waits any more: tells what was lost, and gives the newest of each `state` label. */
  drained(): void {
    if (this.#missed.size === 0 || this.#socket.bufferedAmount > this.#limits.slowBytes) return;
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const [label, { messages }] of missed) if (messages > 0) this.send(serverMessage.lost(label, messages));
    for (const [label, { newest }] of missed) if (newest) this.sendData(label, newest);
  }

  #miss(label: string, frame: Buffer): void {
    const missed = this.#missed.get(label) ?? { messages: 0, newest: undefined };
    this.#missed.set(label, missed);
    if (!isStateLabel(label)) {
      missed.messages += 1;
      return;
    }
    if (missed.newest) missed.messages += 1;
    missed.newest = frame;
  }
}
