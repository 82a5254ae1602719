// Ties together what keeps a session alive: the WHIP or WHEP client, the reconnector and the WebSocket.
// It must not know pages; how to open the client is given by the caller.

import { Emitter } from './emitter.js';
import { Reconnector } from './reconnector.js';
import { SignalingSocket } from './signaling-socket.js';

/** @import { SessionClient } from './session-client.js' */
/** @import { BroadcastView, SessionView, Welcome } from './signaling-socket.js' */
/** @import { Status } from './reconnector.js' */

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
    this.#reconnector = new Reconnector({
      open,
      restartIce: () => client.restartIce(),
      forget: () => client.forget(),
      connectionState: () => client.connectionState,
      wantsIceRestart: () => client.wantsIceRestart,
    });
    this.#socket = new SignalingSocket(() => this.#hello());
    this.#wire();
  }

  get socket() {
    return this.#socket;
  }

  get phase() {
    return this.#reconnector.phase;
  }

  /** Opens the media connection; also again after it was given up. */
  start() {
    this.#reconnector.start();
  }

  /** Opens a new connection for the same session: other media is sent now. */
  resume() {
    this.#reconnector.resume();
  }

  /** Ends the session here and on the server. */
  async stop() {
    this.#reconnector.stop();
    await this.#client.stop();
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
    this.#client.on('connection', () => {
      if (this.#client.resume !== this.#helloResume) socket.sayHello();
    });
    socket.on('welcome', (welcome) => this.#welcomed(welcome));
    socket.on('broadcast', (broadcast) => this.emit('broadcast', broadcast));
    socket.on('session', (session) => this.#sessionChanged(session));
    socket.on('refused', (reason) => this.emit('refused', reason));
    socket.on('error', (error) => this.emit('error', error));
    addEventListener('online', () => this.#reconnector.networkChanged());
  }

  /** @param {Status} status */
  #statusChanged(status) {
    // The old connection of a session that another window took over would only fail in the background.
    if (status.phase === 'taken-over') this.#client.close();
    this.emit('status', status);
  }

  /** @param {Welcome} welcome */
  #welcomed({ broadcast, session, iceServers }) {
    if (iceServers?.length > 0) this.#client.iceServers = iceServers;
    this.emit('broadcast', broadcast);
    if (this.#helloResume === undefined || this.#helloResume !== this.#client.resume) return;
    if (session) this.#sessionChanged(session);
    else this.#reconnector.sessionChanged(null);
  }

  /** @param {SessionView} session */
  #sessionChanged(session) {
    if (session.id !== this.#client.sessionId) return;
    this.#reconnector.sessionChanged(session);
    this.emit('session', session);
  }
}
