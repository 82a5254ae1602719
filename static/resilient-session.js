// Ties together what keeps a session alive: the WHIP or WHEP client, the reconnector and the WebSocket.
// It must not know pages; how to open the client is given by the caller.

import { Emitter } from './emitter.js';
import { hasPulse } from './media-pulse.js';
import { Reconnector } from './reconnector.js';
import { SignalingSocket } from './signaling-socket.js';
import { onTimeJump } from './time-jump.js';

/** @import { SessionClient } from './session-client.js' */
/** @import { BroadcastView, ReconnectRequest, SessionView, Welcome } from './signaling-socket.js' */
/** @import { Status } from './reconnector.js' */

/** After a restart of the server publishers come first: viewers have nothing to see before. */
const SPREAD_MS = { publisher: 200, viewer: 1_000 };

/**
 * @typedef {object} ResilientSessionEvents
 * @property {Status} status what is happening with the connection
 * @property {BroadcastView} broadcast
 * @property {SessionView} session this session, as the server sees it
 * @property {string} refused the server closed the WebSocket for policy, most often a wrong key
 * @property {{ code: string, title: string, detail?: string }} error the server refused a WebSocket message
 */

/** @extends {Emitter<ResilientSessionEvents & Record<string, unknown>>} */
export class ResilientSession extends Emitter {
  #client;
  #role;
  #broadcast;
  #asks;
  #reconnector;
  #socket;
  /** @type {string | undefined} the resume value of the last hello */
  #helloResume;
  /** The server of the socket is about to stop: another one may answer next. */
  #isStopping = false;
  /** The connection in use was never connected yet. */
  #isFresh = false;
  /** @type {string | null} what this session cannot decode, as the server said last */
  #unsupportedCodec = null;
  /** The server said so of an offer before the one under way. */
  #isVerdictOld = false;
  /** The name was, by the last news of it. */
  #wasFree = false;

  /**
   * @param {object} setup
   * @param {SessionClient} setup.client
   * @param {() => Promise<unknown>} setup.open opens the client (publish or view), again and again
   * @param {'publisher' | 'viewer'} setup.role
   * @param {string} setup.broadcast
   * @param {{ presence?: boolean, chat?: boolean }} [setup.asks] what the WebSocket is to tell besides
   */
  constructor({ client, open, role, broadcast, asks = {} }) {
    super();
    this.#client = client;
    this.#role = role;
    this.#broadcast = broadcast;
    this.#asks = asks;
    const actions = {
      open,
      restartIce: () => client.restartIce(),
      forget: () => client.forget(),
      connectionState: () => client.connectionState,
      isCarried: () => client.isCarried,
      hasPulse: () => hasPulse(client.peerConnection),
      wantsIceRestart: () => client.wantsIceRestart,
    };
    this.#reconnector = new Reconnector(actions, { spreadMs: SPREAD_MS[role] });
    this.#socket = new SignalingSocket(() => this.#hello());
    this.#wire();
  }

  get socket() {
    return this.#socket;
  }

  get phase() {
    return this.#reconnector.phase;
  }

  /** What this session cannot decode; null: nothing that is known. */
  get unsupportedCodec() {
    return this.#unsupportedCodec;
  }

  /** Opens the media connection; also again after it was given up. */
  start() {
    this.#reconnector.start();
  }

  /** Opens a new connection for the same session: other media is sent now. */
  resume() {
    this.#reconnector.resume();
  }

  /**
   * Ends the session here and on the server.
   * @param {{ patienceMs?: number }} [options] as for `SessionClient.stop`
   */
  async stop(options) {
    this.#reconnector.stop();
    await this.#client.stop(options);
  }

  /** Lets go without telling the server: another window has the session. */
  abandon() {
    this.#reconnector.sessionChanged({ state: 'ended', endReason: 'taken-over' });
    this.#client.forget();
    this.#client.close();
  }

  /** @param {string | undefined} key */
  useKey(key) {
    this.#client.token = key;
    this.#socket.close();
    this.#socket.connect();
  }

  #hello() {
    const { resume, token } = this.#client;
    this.#helloResume = resume;
    return {
      role: this.#role,
      broadcast: this.#broadcast,
      ...this.#asks,
      ...(token ? { key: token } : {}),
      ...(resume ? { resume } : {}),
    };
  }

  #wire() {
    const socket = this.#socket;
    this.#reconnector.on('status', (status) => this.#statusChanged(status));
    this.#client.on('state', (state) => this.#reconnector.connectionStateChanged(state));
    this.#client.on('asked', () => {
      this.#isVerdictOld = true;
    });
    this.#client.on('connection', () => this.#connectionMade());
    socket.on('welcome', (welcome) => this.#welcomed(welcome));
    socket.on('broadcast', (broadcast) => this.#broadcastChanged(broadcast));
    socket.on('session', (session) => this.#sessionChanged(session));
    socket.on('reconnect', (request) => this.#asked(request));
    socket.on('refused', (reason) => this.emit('refused', reason));
    socket.on('error', (error) => this.emit('error', error));
    addEventListener('online', () => this.#reconnector.networkChanged());
    onNetworkSwitch(() => this.#reconnector.networkChanged());
    onTimeJump(() => {
      socket.check();
      this.#reconnector.woke();
    });
  }

  /** @param {ReconnectRequest} request */
  #asked({ reason, afterMs }) {
    this.#isStopping ||= reason === 'server-stopping';
    this.#reconnector.move(afterMs);
  }

  #connectionMade() {
    this.#isFresh = true;
    const isSame = this.#client.resume === this.#helloResume;
    // The server refuses an offer that cannot decode it either: what it accepted can, unless it says so again.
    if (!isSame || this.#isVerdictOld) this.#unsupportedCodec = null;
    if (this.#isStopping) this.#socket.redial();
    else if (!isSame) this.#socket.sayHello();
  }

  /** @param {BroadcastView} broadcast */
  #broadcastChanged(broadcast) {
    const isNews = broadcast.free && !this.#wasFree;
    this.#wasFree = broadcast.free;
    if (isNews) this.#reconnector.nameIsFree();
    this.emit('broadcast', broadcast);
  }

  /** @param {Status} status */
  #statusChanged(status) {
    // The connection of a session that is over would only fail in the background; and an answer that is still on its way
    // would put on air again what has ended.
    if (status.phase === 'taken-over' || status.phase === 'ended') this.#client.close();
    this.emit('status', status);
    if (status.phase !== 'connected' || !this.#isFresh) return;
    this.#isFresh = false;
    this.#rejoinIfUnable();
  }

  /** For when the codec changed while nobody listened. */
  #rejoinIfUnable() {
    if (this.#unsupportedCodec !== null) this.#reconnector.move(Math.random() * SPREAD_MS[this.#role]);
  }

  /** @param {Welcome} welcome */
  #welcomed({ broadcast, session, iceServers }) {
    if (iceServers?.length > 0) this.#client.iceServers = iceServers;
    this.#isStopping = false;
    this.#reconnector.serverAnswers();
    // What happened since the last one is not known.
    this.#wasFree = false;
    this.#broadcastChanged(broadcast);
    if (this.#helloResume === undefined || this.#helloResume !== this.#client.resume) return;
    if (!session) return this.#reconnector.sessionChanged(null);
    this.#sessionChanged(session);
    if (session.state === 'connected') this.#rejoinIfUnable();
  }

  /** @param {SessionView} session */
  #sessionChanged(session) {
    if (session.id !== this.#client.sessionId) return;
    this.#unsupportedCodec = session.unsupportedCodec ?? null;
    this.#isVerdictOld = false;
    this.#reconnector.sessionChanged(session);
    this.emit('session', session);
  }
}

/**
 * From one kind of network to another, where the browser tells (phones do). It also speaks of every change in speed.
 * @param {() => void} callback
 */
function onNetworkSwitch(callback) {
  const connection = /** @type {{ connection?: EventTarget & { type?: string } }} */ (navigator).connection;
  let type = connection?.type;
  connection?.addEventListener('change', () => {
    const before = type;
    type = connection.type;
    if (type !== before && type !== 'none') callback();
  });
}
