// How an association begins (RFC 9260 §5.1, §5.2): INIT, its ACK, COOKIE ECHO, its ACK, asked for by either side or by both.
// Pure: time is an argument. It must not know what comes after.

import { type Introduction, readIntroduction, writeIntroduction } from './introduction.ts';
import { COOKIE_ACK, COOKIE_ECHO, INIT, INIT_ACK } from './packet.ts';
import { RetransmissionTimeout } from './retransmission-timeout.ts';

/** Of INIT and COOKIE ECHO each; RFC 9260 §16 says 8. */
const MAX_ATTEMPTS = 8;

export interface HandshakeOptions {
  /** Ours: random, not 0. */
  readonly tag: number;
  readonly initialTsn: number;
  /** Random bytes that nobody else knows, new for each call. */
  readonly newCookie: () => Buffer;
  /** Sends a chunk to the peer, under its tag if that is known. */
  readonly transmit: (type: number, body: Buffer) => void;
  /** Both sides know each other; once. */
  readonly onDone: (peer: Introduction) => void;
}

const NOTHING = Buffer.alloc(0);

export class Handshake {
  readonly #options: HandshakeOptions;
  #state: 'idle' | 'cookie-wait' | 'cookie-echoed' | 'done' = 'idle';
  #peer: Introduction | undefined;
  /** Ours, which the peer has to bring back. */
  #issuedCookie: Buffer | undefined;
  #attempts = 0;
  #timeout: RetransmissionTimeout | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** What the peer said last; 0 before. */
  get peerTag(): number {
    return this.#peer?.tag ?? 0;
  }

  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** Asks the peer. Not needed when the peer asks. */
  start(nowMs: number): void {
    if (this.#state !== 'idle') return;
    this.#state = 'cookie-wait';
    this.#timeout = new RetransmissionTimeout();
    this.#ask(nowMs);
  }

  /** @returns false when the peer does not answer */
  timedOut(nowMs: number): boolean {
    if (this.#attempts >= MAX_ATTEMPTS) return false;
    this.#timeout?.expired();
    this.#ask(nowMs);
    return true;
  }

  receiveInit(body: Buffer): void {
    const peer = readIntroduction(body);
    // A peer that wants to start anew does so with a new transport; a late repetition is of no use.
    if (!peer || this.#state === 'done') return;
    const isKnown = this.#peer?.tag === peer.tag && this.#peer.initialTsn === peer.initialTsn;
    if (this.#state === 'cookie-echoed' && !isKnown) return;
    // The same INIT again gets the same cookie, so that the one on its way stays good.
    const cookie = (isKnown && this.#issuedCookie) || this.#options.newCookie();
    this.#issuedCookie = cookie;
    if (!isKnown) this.#peer = peer;
    this.#options.transmit(INIT_ACK, writeIntroduction(this.#options.tag, this.#options.initialTsn, cookie));
  }

  receiveInitAck(body: Buffer, nowMs: number): void {
    const peer = readIntroduction(body);
    if (this.#state !== 'cookie-wait' || !peer?.cookie) return;
    this.#state = 'cookie-echoed';
    this.#peer = { ...peer, cookie: Buffer.from(peer.cookie) };
    this.#attempts = 0;
    this.#ask(nowMs);
  }

  /** @returns false when it is not ours: what follows in the packet is not to be believed */
  receiveCookieEcho(body: Buffer): boolean {
    if (!this.#issuedCookie?.equals(body)) return false;
    // Also when it is said again, since our answer was lost.
    this.#options.transmit(COOKIE_ACK, NOTHING);
    this.#finish();
    return true;
  }

  receiveCookieAck(): void {
    if (this.#state === 'cookie-echoed') this.#finish();
  }

  #ask(nowMs: number): void {
    this.#attempts++;
    this.#dueAtMs = nowMs + (this.#timeout?.currentMs ?? 0);
    if (this.#state === 'cookie-echoed') this.#options.transmit(COOKIE_ECHO, this.#peer?.cookie ?? NOTHING);
    else this.#options.transmit(INIT, writeIntroduction(this.#options.tag, this.#options.initialTsn, undefined));
  }

  #finish(): void {
    if (this.#state === 'done' || !this.#peer) return;
    this.#state = 'done';
    this.#timeout = undefined;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    this.#peer = { ...this.#peer, cookie: undefined };
    this.#options.onDone(this.#peer);
  }
}
