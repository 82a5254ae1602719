// Decides when a connection is opened, gets an ICE restart, is resumed, moved, or given up, and says so in words.
// It must not know peer connections, pages or HTTP: it is told what happened and calls actions.

import { backOffMs, occupiedRetryMs, systemClock } from './back-off.js';
import { Emitter } from './emitter.js';
import { asProblem } from './problem.js';
import { isAbsence, isFinal, isOpen, isPassing, noPath } from './reconnector-rules.js';
import { TIMES } from './reconnector-times.js';
import { wordsFor } from './reconnector-words.js';

/** @import { Clock } from './back-off.js' */
/** @import { ProblemError } from './problem.js' */
/** @import { Actions } from './reconnector-rules.js' */

/** @typedef {import('./reconnector-rules.js').Phase} Phase */
/** @typedef {import('./reconnector-rules.js').Status} Status */

/** @extends {Emitter<{ status: Status } & Record<string, unknown>>} */
export class Reconnector extends Emitter {
  #actions;
  #clock;
  #random;
  #spreadMs;
  /** @type {Phase} */
  #phase = 'idle';
  /** @type {ProblemError | null} */
  #error = null;
  #everConnected = false;
  #attempt = 0;
  #connectedAt = 0;
  /** The server lost the session, and the time of coming back has not come. */
  #isReturning = false;
  /** An offer is under way; in `occupied` that does not show. */
  #isAsking = false;
  /** The server is there again, whatever becomes of the request under way. */
  #isAwaited = false;
  /** Refusals of a taken name since something changed about it. */
  #refusals = 0;
  /** @type {number | null} Unix ms of the move that the server asked for, until there is a connection or a refusal */
  #moveAt = null;
  /** When the phase began. */
  #begunAt = 0;
  /** Counts steps, so that the end of an overtaken one is ignored. */
  #step = 0;
  #cancelTimer = () => {};

  /**
   * @param {Actions} actions
   * @param {{ clock?: Clock, random?: () => number, spreadMs?: number }} [options] `spreadMs`: less for those who come first
   */
  constructor(actions, { clock = systemClock, random = Math.random, spreadMs = TIMES.spreadMs } = {}) {
    super();
    this.#actions = actions;
    this.#clock = clock;
    this.#random = random;
    this.#spreadMs = spreadMs;
  }

  get phase() {
    return this.#phase;
  }

  /** Opens at once. Also after a final phase: there is a key now, or somebody pressed "try again". */
  start() {
    this.#attempt = this.#refusals = 0;
    this.#moveAt = null;
    this.#everConnected = false;
    this.#open();
  }

  /** Makes a new connection at once, of the same session: what is sent has changed. */
  resume() {
    if (!isFinal(this.#phase)) this.#open();
  }

  stop() {
    this.#begin('stopped');
  }

  /** @param {RTCPeerConnectionState} state of the connection in use */
  connectionStateChanged(state) {
    // While opening, the connection in use is still the old one.
    if (this.#phase === 'opening' || this.#phase === 'occupied' || isFinal(this.#phase)) return;
    if (state === 'connected') this.#healed();
    else if (state === 'disconnected' && (this.#phase === 'connected' || this.#phase === 'moving')) this.#unsteady();
    else if ((state === 'failed' || state === 'closed') && this.#phase !== 'waiting') this.#resumeSoon(null);
  }

  /** The network came back or changed: no timer is worth waiting for. */
  networkChanged() {
    if (this.#phase === 'connected' || this.#phase === 'unsteady') return this.#restart();
    // What is under way left by the old path. One change is often told twice, though.
    const isUnderWay = this.#clock.now() - this.#begunAt >= TIMES.sameChangeMs;
    if (isUnderWay && ['restarting', 'connecting'].includes(this.#phase)) this.#restart();
    else if (isUnderWay && this.#phase === 'opening' && this.#everConnected) this.#open();
    else this.#hurry();
  }

  /** The machine slept, or the page was frozen: nothing that was known is sure. */
  woke() {
    if (this.#phase !== 'connected' && this.#phase !== 'unsteady') return this.#hurry();
    const step = this.#step;
    this.#actions.hasPulse().then((isAlive) => {
      if (!isAlive && step === this.#step) this.#restart();
    });
  }

  /** The server answers (over the WebSocket): whoever waited for that need not wait longer. */
  serverAnswers() {
    if (this.#phase === 'waiting' && !this.#isReturning && isAbsence(this.#error)) this.#return(0);
    else if (this.#phase === 'opening') this.#isAwaited = true;
  }

  /** Nobody is live under the name any more. */
  nameIsFree() {
    this.#refusals = 0;
    if (this.#phase === 'occupied') this.#hurry();
  }

  /**
   * The server asks for another connection; the one in use goes on until the new one has its first frame.
   * @param {number} afterMs
   */
  move(afterMs) {
    if (!isOpen(this.#phase)) return;
    this.#moveAt = this.#clock.now() + afterMs;
    this.#begin('moving', afterMs);
    this.#after(afterMs, () => this.#openAside());
  }

  /**
   * What the server says about the session.
   * @param {{ state: string, endReason: string | null } | null} session null: the server does not know it
   */
  sessionChanged(session) {
    if (isFinal(this.#phase)) return;
    if (session?.state === 'ended' && session.endReason === 'taken-over') return this.#giveUp('taken-over', null);
    if (session?.state === 'ended' && session.endReason === 'stopped') return this.#giveUp('ended', null);
    if (session?.state === 'connected' && this.#isReturning) return this.#healed();
    const lost = session === null || session.state === 'away' || session.state === 'ended';
    if (lost && isOpen(this.#phase)) this.#return(session?.state === 'away' ? TIMES.secondThoughtMs : 0);
  }

  /** Whoever waits for a time does not wait any longer. */
  #hurry() {
    if (this.#phase === 'waiting' || (this.#phase === 'occupied' && !this.#isAsking)) this.#open();
  }

  /** @param {number} atLeastMs */
  #return(atLeastMs) {
    this.#attempt = Math.max(1, this.#attempt);
    const delayMs = atLeastMs + this.#random() * this.#spreadMs;
    this.#begin('waiting', delayMs);
    this.#isReturning = true;
    this.#after(delayMs, () => this.#open());
  }

  /** Opens a connection beside the one in use. */
  #openAside() {
    const step = this.#step;
    this.#actions.open().then(
      () => step === this.#step && this.#opened(),
      (error) => step === this.#step && this.#moveFailed(asProblem(error)),
    );
  }

  /** What works is kept, whatever the server says about another one. @param {ProblemError} error */
  #moveFailed(error) {
    if (this.#actions.connectionState() !== 'connected') return this.#openFailed(error);
    if (!isPassing(error)) {
      this.#moveAt = null;
      return void this.#begin('connected');
    }
    this.move(TIMES.moveAgainMs + this.#random() * this.#spreadMs);
  }

  #open() {
    const occupied = this.#phase === 'occupied';
    const step = this.#begin(occupied ? 'occupied' : 'opening');
    this.#isAsking = true;
    this.#actions.open().then(
      () => step === this.#step && this.#opened(),
      (error) => step === this.#step && this.#openFailed(asProblem(error)),
    );
  }

  #opened() {
    this.#error = this.#moveAt = null;
    this.#refusals = 0;
    this.#begin('connecting');
    if (this.#actions.connectionState() === 'connected') return this.#connected();
    if (this.#actions.wantsIceRestart()) this.#after(TIMES.directPathMs, () => this.#restart());
    else this.#after(TIMES.connectTimeoutMs, () => this.#resumeSoon(noPath()));
  }

  /** The connection in use works: also when the server thought that it was gone. */
  #healed() {
    const isGone = this.#isReturning && this.#actions.connectionState() !== 'connected';
    if (this.#phase !== 'moving' && !isGone) this.#connected();
  }

  #connected() {
    if (this.#phase === 'connected') return;
    this.#everConnected = true;
    this.#connectedAt = this.#clock.now();
    this.#error = null;
    this.#begin('connected');
    if (this.#moveAt !== null) this.move(Math.max(0, this.#moveAt - this.#clock.now()));
  }

  #unsteady() {
    this.#begin('unsteady');
    this.#after(TIMES.unsteadyMs, () => this.#restart());
  }

  #restart() {
    const step = this.#begin('restarting');
    this.#after(TIMES.restartTimeoutMs, () => this.#resumeSoon(this.#everConnected ? null : noPath()));
    this.#actions.restartIce().then(
      () => step === this.#step && this.#actions.connectionState() === 'connected' && this.#connected(),
      (error) => step === this.#step && this.#resumeSoon(asProblem(error)),
    );
  }

  /** @param {ProblemError | null} error */
  #resumeSoon(error) {
    this.#error = error;
    if (this.#phase === 'connected' && this.#clock.now() - this.#connectedAt >= TIMES.stableMs) this.#attempt = 0;
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
    else if (this.#isAwaited && isAbsence(error)) this.#return(0);
    else if (isPassing(error)) this.#wait((error.retryAfterSeconds ?? 0) * 1000);
    else this.#giveUp('refused', error);
  }

  /** The server has the session under another secret: it is not ours any more. */
  #openAnew() {
    this.#actions.forget();
    this.#wait(0);
  }

  #occupied() {
    const delayMs = occupiedRetryMs(this.#refusals++);
    this.#begin('occupied', delayMs);
    this.#after(delayMs, () => this.#open());
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
    this.#begunAt = this.#clock.now();
    this.#isReturning = this.#isAwaited = this.#isAsking = false;
    const step = ++this.#step;
    const isCarried = this.#actions.isCarried();
    const status = { phase, everConnected: this.#everConnected, isCarried, retryInMs, error: this.#error };
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
