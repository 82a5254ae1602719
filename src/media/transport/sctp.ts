// One SCTP association (RFC 8831 over RFC 8261) with its clock, its timer and its random numbers.
// All that SCTP is lies in sctp/. It must not know data channels or labels.

import { randomBytes, randomInt } from 'node:crypto';
import { Association } from './sctp/association.ts';
import { SharedTimer, type Timed } from './sctp/shared-timer.ts';

/** Payload protocol identifiers (RFC 8831 §8). */
export const PPID_DCEP = 50;
export const PPID_TEXT = 51;
export const PPID_BINARY = 53;
export const PPID_TEXT_EMPTY = 56;
export const PPID_BINARY_EMPTY = 57;

export interface SctpOptions {
  readonly remotePort: number;
  /** Sends one packet over DTLS. */
  readonly send: (packet: Buffer) => void;
  readonly onConnected: () => void;
  readonly onMessage: (streamId: number, ppid: number, payload: Buffer) => void;
  /** The peer ended the association, is gone, or broke a limit. */
  readonly onClosed: () => void;
  /** A deadline's work threw. The timer is shared, so that it is told here. */
  readonly onFailed: (error: unknown) => void;
  /** The peer closed these streams. */
  readonly onStreamsReset: (streamIds: readonly number[]) => void;
  /** There may be room for more. */
  readonly onDrain: () => void;
}

/** What our answers say (`a=sctp-port`). */
const LOCAL_PORT = 5000;
const COOKIE_BYTES = 16;

const now = (): number => performance.now();
const timer = new SharedTimer(now);

/** Waits for the peer's INIT, which browsers and libdatachannel always send. */
export class Sctp implements Timed {
  readonly #association: Association;
  readonly #onFailed: (error: unknown) => void;

  constructor({ remotePort, send, onConnected, onMessage, onClosed, onFailed, onStreamsReset, onDrain }: SctpOptions) {
    this.#onFailed = onFailed;
    this.#association = new Association({
      localPort: LOCAL_PORT,
      remotePort,
      tag: randomInt(1, 2 ** 32),
      initialTsn: randomInt(2 ** 32),
      newCookie: () => randomBytes(COOKIE_BYTES),
      send,
      onConnected,
      onMessage,
      onClosed,
      onStreamsReset,
      onDrain,
    });
  }

  /** Whether what is sent now would wait behind something that waits already. */
  get isBlocked(): boolean {
    return this.#association.isBlocked;
  }

  get dueAtMs(): number {
    return this.#association.dueAtMs;
  }

  timedOut(nowMs: number): void {
    try {
      this.#association.timedOut(nowMs);
    } catch (error) {
      this.#onFailed(error);
    }
  }

  /** A packet from the peer. Never throws. */
  receive(packet: Buffer): void {
    this.#association.receive(packet, now());
    this.#watch();
  }

  /** Queues one message, reliable and in order. An empty payload must be sent as one byte under an `_EMPTY` id (RFC 8831 §6.6). */
  send(streamId: number, ppid: number, payload: Buffer): void {
    if (payload.length === 0) return;
    this.#association.send(streamId, ppid, payload, now());
    this.#watch();
  }

  /** Aborts the association. Idempotent. */
  close(): void {
    this.#association.close();
  }

  #watch(): void {
    if (this.#association.dueAtMs !== Number.POSITIVE_INFINITY) timer.watch(this);
  }
}
