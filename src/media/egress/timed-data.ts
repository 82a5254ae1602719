// Messages that belong to video frames, on their way to one broadcast's viewers on this worker: from the publisher's numbers into
// those that the viewers see. Keeps those whose source has not begun yet. It must not know viewers, sockets or labels.

import type { DataMessage } from '../../broadcast/ports.ts';
import { CLOCK_RATE } from '../../rtp/codec.ts';
import { readTimedMessage, type TimedMessage, writeTimedMessage } from '../../rtp/timed-message.ts';
import { TimestampMap } from '../../rtp/timestamp-map.ts';

export interface TimedDataOptions {
  readonly now: () => number;
  /** Takes a message with the numbers that viewers see. */
  readonly send: (message: DataMessage) => void;
  /** A message was given up: its frame is not, and was not, among those that viewers get. */
  readonly onDropped: () => void;
}

interface Held {
  readonly message: DataMessage;
  readonly timed: TimedMessage;
  readonly sourceId: string;
  readonly sinceMs: number;
}

/** A source's first key frame comes within this, or its messages are too old for anybody. */
const HOLD_MS = 2_000;
const MAX_HELD = 256;
const MAX_HELD_BYTES = 1024 * 1024;

export class TimedData {
  readonly #options: TimedDataOptions;
  readonly #map = new TimestampMap({ clockRate: CLOCK_RATE.video });
  /** Oldest first. */
  #held: Held[] = [];
  #heldBytes = 0;

  constructor(options: TimedDataOptions) {
    this.#options = options;
  }

  /** A packet of video went out to viewers with another timestamp. */
  forwarded(sourceId: string, incoming: number, outgoing: number): void {
    if (this.#map.mapped(sourceId, incoming, outgoing, this.#options.now())) this.#tryHeld();
  }

  /** @param sourceId whose numbers the message has; undefined when nobody publishes */
  accept(message: DataMessage, sourceId: string | undefined): void {
    const timed = sourceId === undefined ? undefined : readTimedMessage(message.payload);
    if (!timed || sourceId === undefined) {
      this.#options.onDropped();
      return;
    }
    const held = { message, timed, sourceId, sinceMs: this.#options.now() };
    if (!this.#trySend(held)) this.#hold(held);
  }

  #trySend({ message, timed, sourceId }: Held): boolean {
    const rtpTimestamp = this.#map.translate(sourceId, timed.rtpTimestamp);
    if (rtpTimestamp === undefined) return false;
    this.#options.send({ ...message, payload: writeTimedMessage(timed, rtpTimestamp) });
    return true;
  }

  #hold(held: Held): void {
    this.#held.push(held);
    this.#heldBytes += held.message.payload.length;
    this.#dropHeld();
  }

  #dropHeld(): void {
    for (let [oldest] = this.#held; oldest && this.#isTooMuch(oldest); [oldest] = this.#held) {
      this.#held.shift();
      this.#heldBytes -= oldest.message.payload.length;
      this.#options.onDropped();
    }
  }

  #isTooMuch({ sinceMs }: Held): boolean {
    if (this.#held.length > MAX_HELD || this.#heldBytes > MAX_HELD_BYTES) return true;
    return this.#options.now() - sinceMs > HOLD_MS;
  }

  #tryHeld(): void {
    this.#dropHeld();
    this.#held = this.#held.filter((each) => !this.#trySend(each));
    this.#heldBytes = this.#held.reduce((bytes, { message }) => bytes + message.payload.length, 0);
  }
}
