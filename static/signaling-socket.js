// The WebSocket to the server: says hello, tells what it hears, and comes back by itself when it is lost.
// It must not know peer connections: media goes on without it.

import { Emitter } from './emitter.js';
import { ProblemError, request } from './problem.js';
import { Redial } from './redial.js';

const PING_INTERVAL_MS = 15_000;
const PONG_TIMEOUT_MS = 8_000;
/** The same when there is reason to doubt. */
const QUICK_PONG_MS = 2_000;
/** A network that swallows everything would keep a socket opening for minutes. */
const OPEN_TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 2_000;
/** After the server closed for policy (wrong key, flood): trying often would not help. */
const REFUSED_DELAY_MS = 30_000;
const CLOSED_FOR_POLICY = 1008;

/**
 * @typedef {object} TrackView
 * @property {'audio' | 'video'} kind
 * @property {string | { name: string }} codec
 * @property {readonly unknown[]} [layers]
 */

/** @import { ChatMessage, ChatRight } from './chat-rules.js' */
/** @import { PresenceMessage } from './presence-roll.js' */
/** @import { MutedPerson } from './chat-lines.js' */

/**
 * Why a broadcast is not live.
 * @typedef {'left' | 'connection-lost' | 'server-restarted' | 'replaced' | 'stopped' | 'removed' | 'grace-over'} Reason
 */

/**
 * @typedef {object} BroadcastView
 * @property {string} name
 * @property {'idle' | 'live' | 'interrupted'} state
 * @property {string} since ISO 8601
 * @property {Reason | null} [reason]
 * @property {number} viewers
 * @property {readonly TrackView[]} tracks
 * @property {string} title
 * @property {boolean} listed
 * @property {ChatRight} chat who may write
 * @property {number} slowModeSeconds
 * @property {string | null} [graceEndsAt] ISO 8601
 * @property {boolean} free whoever may publish may take the name
 */

/**
 * @typedef {object} SessionView
 * @property {string} id
 * @property {'publisher' | 'viewer'} role
 * @property {'connecting' | 'connected' | 'away' | 'ended'} state
 * @property {'stopped' | 'grace-over' | 'taken-over' | 'server-stopping' | null} endReason
 * @property {string | null} unsupportedCodec
 * @property {string} viewer its public alias
 * @property {string | null} name
 * @property {{ until: string, reason: string } | null} muted may be over
 */

/**
 * @typedef {object} Welcome
 * @property {BroadcastView} broadcast
 * @property {SessionView | null} session
 * @property {RTCIceServer[]} iceServers
 * @property {boolean} resumed
 * @property {string} serverTime
 */

/**
 * @typedef {object} ReconnectRequest
 * @property {'server-stopping' | 'codec'} reason
 * @property {number} afterMs
 */

/**
 * @typedef {object} SocketEvents
 * @property {'connecting' | 'open' | 'waiting' | 'closed'} state
 * @property {Welcome} welcome
 * @property {BroadcastView} broadcast
 * @property {SessionView} session
 * @property {ReconnectRequest} reconnect the server asks for another connection
 * @property {{ label: string, text?: string, base64?: string }} data
 * @property {{ label: string, messages: number }} lost
 * @property {PresenceMessage} presence
 * @property {ChatMessage} chat
 * @property {{ messages: readonly ChatMessage[] }} chat-history
 * @property {{ ids: readonly string[] }} chat-deleted
 * @property {{ mutes: readonly MutedPerson[] }} chat-mutes
 * @property {{ code: string, title: string, detail?: string, retryAfterSeconds?: number }} error
 * @property {string} refused the server closed for policy; the reason it gave
 */

/**
 * @typedef {object} Hello
 * @property {'publisher' | 'viewer' | 'program'} role
 * @property {string} broadcast
 * @property {string} [key]
 * @property {string} [resume] `<session>.<token>`
 * @property {boolean} [data]
 * @property {boolean} [presence]
 * @property {boolean} [chat]
 */

/** Types of server messages that become an event of the same name, with the message as its value. */
const RELAYED = /** @type {const} */ ([
  ...['welcome', 'broadcast', 'session', 'reconnect', 'data', 'lost', 'error'],
  ...['presence', 'chat', 'chat-history', 'chat-deleted', 'chat-mutes'],
]);

/** @extends {Emitter<SocketEvents & Record<string, unknown>>} */
export class SignalingSocket extends Emitter {
  #url;
  #hello;
  /** @type {WebSocket | undefined} */
  #socket;
  #wanted = false;
  #redial = new Redial({ probe: () => this.#serverAnswers(), dial: () => this.#open() });
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pingTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pongTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #openTimer;

  /**
   * @param {() => Hello} hello asked at each connection, so that it can name the session of the moment
   * @param {URL} [url]
   */
  constructor(hello, url = new URL('/ws', location.href.replace(/^http/, 'ws'))) {
    super();
    this.#hello = hello;
    this.#url = url;
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connects, and stays connected until `close()`. */
  connect() {
    if (!this.#wanted) {
      this.#wanted = true;
      addEventListener('online', this.#hurry);
      document.addEventListener('visibilitychange', this.#hurry);
    }
    if (!this.#socket) this.#open();
  }

  close() {
    this.#wanted = false;
    removeEventListener('online', this.#hurry);
    document.removeEventListener('visibilitychange', this.#hurry);
    this.#redial.stop();
    this.#drop();
    this.emit('state', 'closed');
  }

  /** Goes to whoever answers at the address now. */
  redial() {
    if (!this.#wanted) return;
    this.#drop();
    this.#redial.hurry();
  }

  /** Makes sure that the server still hears us. */
  check() {
    if (!this.#wanted) return;
    if (this.#socket) this.#ping(QUICK_PONG_MS);
    else this.#redial.hurry();
  }

  /** Says hello again, on an open socket: there is another session or another key now. */
  sayHello() {
    this.send({ type: 'hello', ...this.#hello() });
  }

  /**
   * @param {{ type: string, [field: string]: unknown }} message
   * @returns {boolean} false: not connected, nothing was sent
   */
  send(message) {
    if (!this.#socket || !this.isOpen) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #open() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#openTimer = setTimeout(() => this.#lost(0, 'no answer'), OPEN_TIMEOUT_MS);
    this.emit('state', 'connecting');
    socket.onopen = () => {
      clearTimeout(this.#openTimer);
      this.sayHello();
      this.#pingTimer = setInterval(() => this.#ping(PONG_TIMEOUT_MS), PING_INTERVAL_MS);
      this.emit('state', 'open');
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
  }

  /** @param {unknown} data */
  #receive(data) {
    const message = parseMessage(data);
    if (!message) return;
    if (message.type === 'pong') clearTimeout(this.#pongTimer);
    if (message.type === 'welcome') this.#redial.connected();
    const name = RELAYED.find((type) => type === message.type);
    if (name) this.emit(name, /** @type {never} */ (message));
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #lost(code, reason) {
    this.#drop();
    if (!this.#wanted) return;
    const refused = code === CLOSED_FOR_POLICY;
    if (refused) this.#redial.rest(REFUSED_DELAY_MS);
    else this.#redial.lost();
    this.emit('state', 'waiting');
    if (refused) this.emit('refused', reason);
  }

  /** Forgets the socket without hearing from it again. */
  #drop() {
    clearInterval(this.#pingTimer);
    clearTimeout(this.#pongTimer);
    clearTimeout(this.#openTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /**
   * A socket over a network that is gone looks open: the answer to a ping tells.
   * @param {number} timeoutMs
   */
  #ping(timeoutMs) {
    if (!this.send({ type: 'ping' })) return;
    clearTimeout(this.#pongTimer);
    this.#pongTimer = setTimeout(() => this.#lost(0, 'no answer'), timeoutMs);
  }

  /** Whether the server takes clients now. One on another site cannot be asked: there the socket itself must tell. */
  async #serverAnswers() {
    if (this.#url.host !== location.host) return true;
    const options = { method: 'HEAD', cache: /** @type {const} */ ('no-store') };
    try {
      await request('/readyz', { ...options, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
      return true;
    } catch (error) {
      // Some proxies keep this path to themselves.
      const status = error instanceof ProblemError ? error.status : 0;
      return status > 0 && status < 500;
    }
  }

  /** The network is back, or somebody looks at the page: do not wait for the timer. */
  #hurry = () => {
    if (document.visibilityState !== 'hidden') this.check();
  };
}

/**
 * @param {unknown} data
 * @returns {{ type: string } | undefined}
 */
function parseMessage(data) {
  if (typeof data !== 'string') return undefined;
  try {
    const message = JSON.parse(data);
    return typeof message?.type === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
