// The WebSocket to the server: says hello, tells what it hears, and comes back by itself when it is lost.
// It must not know peer connections: media goes on without it.

import { backOffMs } from './back-off.js';
import { Emitter } from './emitter.js';

const PING_INTERVAL_MS = 15_000;
const PONG_TIMEOUT_MS = 8_000;
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
 * @typedef {object} SocketEvents
 * @property {'connecting' | 'open' | 'waiting' | 'closed'} state
 * @property {Welcome} welcome
 * @property {BroadcastView} broadcast
 * @property {SessionView} session
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
  ...['welcome', 'broadcast', 'session', 'data', 'lost', 'error'],
  ...['presence', 'chat', 'chat-history', 'chat-deleted', 'chat-mutes'],
]);

/** @extends {Emitter<SocketEvents & Record<string, unknown>>} */
export class SignalingSocket extends Emitter {
  #url;
  #hello;
  /** @type {WebSocket | undefined} */
  #socket;
  #attempt = 0;
  #wanted = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pingTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pongTimer;

  /**
   * @param {() => Hello} hello asked at each connection, so that it can name the session of the moment
   * @param {string | URL} [url]
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
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.emit('state', 'closed');
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
    clearTimeout(this.#retryTimer);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.emit('state', 'connecting');
    socket.onopen = () => {
      this.sayHello();
      this.#pingTimer = setInterval(this.#ping, PING_INTERVAL_MS);
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
    if (message.type === 'welcome') this.#attempt = 0;
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
    this.#retryTimer = setTimeout(() => this.#open(), refused ? REFUSED_DELAY_MS : backOffMs(this.#attempt++));
    this.emit('state', 'waiting');
    if (refused) this.emit('refused', reason);
  }

  /** Forgets the socket without hearing from it again. */
  #drop() {
    clearInterval(this.#pingTimer);
    clearTimeout(this.#pongTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** A socket over a network that is gone looks open: the answer to a ping tells. */
  #ping = () => {
    if (!this.send({ type: 'ping' })) return;
    clearTimeout(this.#pongTimer);
    this.#pongTimer = setTimeout(() => this.#lost(0, 'no answer'), PONG_TIMEOUT_MS);
  };

  /** The network is back, or somebody looks at the page: do not wait for the timer. */
  #hurry = () => {
    if (document.visibilityState === 'hidden') return;
    if (this.#socket) this.#ping();
    else this.#open();
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
