// Decides when a connection is opened, gets an ICE restart, is resumed, or is given up, and says so in words.
// It must not know peer connections, pages or HTTP: it is told what happened and calls actions.

import { backOffMs, systemClock } from './back-off.js';
import { Emitter } from './emitter.js';
import { asProblem, ProblemError } from './problem.js';
import { wordsFor } from './reconnector-words.js';

/** @import { Clock } from './back-off.js' */

/** `disconnected` often heals by itself; after this long we look for another path. */
const UNSTEADY_MS = 2_000;
/** An ICE restart that has not connected by then will not. */
const RESTART_TIMEOUT_MS = 8_000;
/** The same for a new connection. */
const CONNECT_TIMEOUT_MS = 10_000;
/** When the answer named TURN servers that the offer could not use: how long the direct path may try first. */
const DIRECT_PATH_MS = 2_000;
/** How often to ask again whether the name is free. */
const OCCUPIED_RETRY_MS = 3_000;
/** A connection that held this long was a good one: the next back-off starts anew. */
const STABLE_MS = 10_000;

/**
 * @typedef {'idle' | 'opening' | 'connecting' | 'connected' | 'unsteady' | 'restarting' | 'waiting' | 'occupied' |
 *   'needs-key' | 'unsupported' | 'refused' | 'taken-over' | 'ended' | 'stopped'} Phase
 *   `needs-key` to `stopped` stay until `start()` is called again.
 */

/**
 * @typedef {object} Status
 * @property {Phase} phase
 * @property {string} words what is happening, for a person; empty when there is nothing to say
 * @property {boolean} everConnected since `start()`
 * @property {number | null} retryInMs when `waiting` or `occupied`: until the next try
 * @property {ProblemError | null} error what the last try met
 */

/**
 * @typedef {object} Actions
 * @property {() => Promise<unknown>} open makes a new connection; resumes the session when there is one
 * @property {() => Promise<unknown>} restartIce
 * @property {() => void} forget gives up the session; the next `open` makes a new one
 * @property {() => RTCPeerConnectionState} connectionState of the connection in use
 * @property {() => boolean} wantsIceRestart the answer named ICE servers that only a restart brings into play
 */

/** @extends {Emitter<{ status: Status } & Record<string, unknown>>} */
export class Reconnector extends Emitter {
  #actions;
  #clock;
  #random;
  /** @type {Phase} */
  #phase = 'idle';
  /** @type {ProblemError | null} */
  #error = null;
  #everConnected = false;
  #attempt = 0;
  #connectedAt = 0;
  /** Counts steps, so that the end of an overtaken one is ignored. */
  #step = 0;
  #cancelTimer = () => {};

  /**
   * @param {Actions} actions
   * @param {{ clock?: Clock, random?: () => number }} [options]
   */
  constructor(actions, { clock = systemClock, random = Math.random } = {}) {
    super();
    this.#actions = actions;
    this.#clock = clock;
    this.#random = random;
  }

  get phase() {
    return this.#phase;
  }

  /** Opens at once. Also after a final phase: there is a key now, or somebody pressed "try again". */
  start() {
    this.#attempt = 0;
    this.#everConnected = false;
    this.#open();
  }

  /** Makes a new connection at once, of the same session: what is sent has changed. */
  resume() {
    if (!isFinal(this.#phase)) this.#open();
  }

  stop() {
    this.#enter('stopped');
  }

  /** @param {RTCPeerConnectionState} state of the connection in use */
  connectionStateChanged(state) {
    // While opening, the connection in use is still the old one.
    if (this.#phase === 'opening' || this.#phase === 'occupied' || isFinal(this.#phase)) return;
    if (state === 'connected') this.#connected();
    else if (state === 'disconnected' && this.#phase === 'connected') this.#unsteady();
    else if ((state === 'failed' || state === 'closed') && this.#phase !== 'waiting') this.#resumeSoon(null);
  }

  /** The network came back or changed: no timer is worth waiting for. */
  networkChanged() {
    if (this.#phase === 'waiting' || this.#phase === 'occupied') this.#open();
    else if (this.#phase === 'connected' || this.#phase === 'unsteady') this.#restart();
  }

  /**
   * What the server says about the session.
   * @param {{ state: string, endReason: string | null } | null} session null: the server does not know it
   */
  sessionChanged(session) {
    if (isFinal(this.#phase)) return;
    if (session?.state === 'ended' && session.endReason === 'taken-over') return this.#giveUp('taken-over', null);
    if (session?.state === 'ended' && session.endReason === 'stopped') return this.#giveUp('ended', null);
    const lost = session === null || session.state === 'away' || session.state === 'ended';
    if (lost && (this.#phase === 'connected' || this.#phase === 'unsteady')) this.#resumeSoon(null);
  }

  #open() {
    const occupied = this.#phase === 'occupied';
    const step = this.#begin(occupied ? 'occupied' : 'opening');
    this.#actions.open().then(
      () => step === this.#step && this.#opened(),
      (error) => step === this.#step && this.#openFailed(asProblem(error)),
    );
  }

  #opened() {
    this.#begin('connecting');
    this.#error = null;
    if (this.#actions.connectionState() === 'connected') return this.#connected();
    if (this.#actions.wantsIceRestart()) this.#after(DIRECT_PATH_MS, () => this.#restart());
    else this.#after(CONNECT_TIMEOUT_MS, () => this.#resumeSoon(noPath()));
  }

  #connected() {
    if (this.#phase === 'connected') return;
    this.#everConnected = true;
    this.#connectedAt = this.#clock.now();
    this.#error = null;
    this.#begin('connected');
  }

  #unsteady() {
    this.#begin('unsteady');
    this.#after(UNSTEADY_MS, () => this.#restart());
  }

  #restart() {
    const step = this.#begin('restarting');
    this.#after(RESTART_TIMEOUT_MS, () => this.#resumeSoon(this.#everConnected ? null : noPath()));
    this.#actions.restartIce().then(
      () => step === this.#step && this.#actions.connectionState() === 'connected' && this.#connected(),
      (error) => step === this.#step && this.#resumeSoon(asProblem(error)),
    );
  }

  /** @param {ProblemError | null} error */
  #resumeSoon(error) {
    this.#error = error;
    if (this.#phase === 'connected' && this.#clock.now() - this.#connectedAt >= STABLE_MS) this.#attempt = 0;
    if (this.#attempt === 0) {
      this.#attempt = 1;
      this.#open();
    } else {
      this.#wait(0);
    }
  }

  /** @param {ProblemError} error */
  #openFailed(error) {
    this.#error = error;
    if (error.status === 401) this.#giveUp('needs-key', error);
    else if (error.code === 'wrong_resume_token') this.#openAnew();
    else if (error.status === 409) this.#occupied();
    else if (error.status === 422) this.#giveUp('unsupported', error);
    else if (isPassing(error)) this.#wait((error.retryAfterSeconds ?? 0) * 1000);
    else this.#giveUp('refused', error);
  }

  /** The server has the session under another secret: it is not ours any more. */
  #openAnew() {
    this.#actions.forget();
    this.#wait(0);
  }

  #occupied() {
    this.#begin('occupied', OCCUPIED_RETRY_MS);
    this.#after(OCCUPIED_RETRY_MS, () => this.#open());
  }

  /** @param {number} atLeastMs */
  #wait(atLeastMs) {
    const delayMs = Math.max(atLeastMs, backOffMs(this.#attempt++, this.#random));
    this.#begin('waiting', delayMs);
    this.#after(delayMs, () => this.#open());
  }

  /**
   * @param {Phase} phase
   * @param {ProblemError | null} error
   */
  #giveUp(phase, error) {
    this.#error = error;
    this.#enter(phase);
  }

  /** @param {Phase} phase one that waits for nothing */
  #enter(phase) {
    this.#begin(phase);
  }

  /**
   * Enters a phase: timers and endings of the one before no longer count.
   * @param {Phase} phase
   * @param {number | null} [retryInMs]
   */
  #begin(phase, retryInMs = null) {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    this.#phase = phase;
    const step = ++this.#step;
    const status = { phase, everConnected: this.#everConnected, retryInMs, error: this.#error };
    this.emit('status', { ...status, words: wordsFor(status) });
    return step;
  }

  /**
   * @param {number} delayMs
   * @param {() => void} callback
   */
  #after(delayMs, callback) {
    this.#cancelTimer = this.#clock.schedule(delayMs, callback);
  }
}

/** @param {Phase} phase */
function isFinal(phase) {
  return ['idle', 'needs-key', 'unsupported', 'refused', 'taken-over', 'ended', 'stopped'].includes(phase);
}

/**
 * Worth trying again: no answer, too busy, or broken for the moment.
 * @param {ProblemError} error
 */
function isPassing({ status, code }) {
  return (status === 0 && code !== 'browser') || status === 408 || status === 429 || status >= 500;
}

function noPath() {
  return new ProblemError({ code: 'no_path', title: 'The server answers, but no media gets through.', status: 0 });
}
