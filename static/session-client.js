// What WHIP and WHEP have in common: one session on the server, and the RTCPeerConnection that belongs to it now.
// It must not know media, pages, or when it is time to reconnect.

import { Emitter } from './emitter.js';
import { applyFragment, restartFragment } from './ice-fragment.js';
import { iceServersFromLink } from './link-header.js';
import { ProblemError, textOf } from './problem.js';
import { SessionResource } from './session-resource.js';

/** How long the connection stays open for the server to hear that it ends. */
const GOODBYE_MS = 1000;

/**
 * @typedef {object} SessionOptions
 * @property {string} [token] bearer token
 * @property {RTCIceServer[]} [iceServers] those of the server's `Link` header are used when none are given
 * @property {string} [resume] `<session>.<token>` of an earlier session: go on with it
 */

/**
 * @typedef {object} SessionEvents
 * @property {RTCPeerConnectionState} state of the current peer connection
 * @property {undefined} asked an offer leaves
 * @property {string | null} answered its answer came; the header `Server-Timing`
 * @property {RTCPeerConnection} opening a peer connection is about to be offered: it has what it will send
 * @property {RTCPeerConnection} connection there is a new peer connection
 * @property {RTCPeerConnectionState} previous state of the connection that the current one replaces
 * @property {RTCDataChannel} channel the server opened a data channel on the current connection
 * @property {boolean} untold the server could not be told that the session ends, and is being told again; false: it is over
 */

/** @extends {Emitter<SessionEvents & Record<string, unknown>>} */
export class SessionClient extends Emitter {
  #resource;
  /** @type {RTCIceServer[]} */
  #iceServers;
  /** @type {RTCPeerConnection | undefined} */
  #connection;
  /** @type {RTCPeerConnection | undefined} */
  #previous;
  #learnedServers = false;
  #restarts = 0;
  /** Ends the request of an ICE restart that is under way. */
  #abortRestart = () => {};
  /** That restart, until it is done with. @type {Promise<unknown>} */
  #restarted = Promise.resolve();
  /** Counts openings and stops, so that what was overtaken can tell. */
  #generation = 0;

  /**
   * @param {string | URL} endpoint WHIP or WHEP endpoint, relative to the page
   * @param {SessionOptions} [options]
   */
  constructor(endpoint, options = {}) {
    super();
    this.#resource = new SessionResource(endpoint, options);
    this.#iceServers = options.iceServers ?? [];
  }

  /** The peer connection in use; undefined before the first answer and after `stop()`. */
  get peerConnection() {
    return this.#connection;
  }

  /** @returns {RTCPeerConnectionState} */
  get connectionState() {
    return this.#connection?.connectionState ?? 'closed';
  }

  /** A connection works: the one in use, or the one that it replaces. */
  get isCarried() {
    return this.connectionState === 'connected' || this.isPreviousAlive;
  }

  /** The connection that is being replaced still works. */
  get isPreviousAlive() {
    return this.#previous?.connectionState === 'connected';
  }

  /** `<session>.<token>`: a secret with which this session can be resumed. */
  get resume() {
    return this.#resource.resume;
  }

  /** @param {string | undefined} resume the session that the next opening goes on with */
  set resume(resume) {
    this.#resource.resume = resume;
  }

  /** Bearer token. */
  get token() {
    return this.#resource.token;
  }

  set token(token) {
    this.#resource.token = token;
  }

  /** Id of the session on the server. */
  get sessionId() {
    return this.#resource.id;
  }

  /** True when the answer named ICE servers that the offer could not use: an ICE restart brings them into play. */
  get wantsIceRestart() {
    return this.#learnedServers;
  }

  /** @param {RTCIceServer[]} iceServers for the next connection */
  set iceServers(iceServers) {
    this.#iceServers = iceServers;
  }

  /** Gives the session up without telling the server; the next opening is a new one. */
  forget() {
    this.#resource.forget();
  }

  /** Closes the connection that the current one replaced. */
  releasePrevious() {
    this.#previous?.close();
    this.#previous = undefined;
  }

  /**
   * Makes a peer connection, offers what `prepare` adds to it, and applies the answer. With a resume value the
   * session goes on over the new connection; the old one stays open until `releasePrevious()`.
   * @param {(connection: RTCPeerConnection) => void} prepare
   * @returns {Promise<RTCPeerConnection>}
   * @throws {ProblemError}
   */
  async open(prepare) {
    const generation = ++this.#generation;
    const connection = new RTCPeerConnection({ iceServers: this.#iceServers, bundlePolicy: 'max-bundle' });
    try {
      prepare(connection);
      this.emit('opening', connection);
      // The server is ICE-lite and needs no candidates of ours, so the offer goes out before any is gathered.
      const offer = await connection.createOffer();
      const goesOn = this.sessionId;
      const [response] = await Promise.all([this.#ask(offer.sdp ?? ''), connection.setLocalDescription(offer)]);
      await this.#abandonWhenOvertaken(generation, response, goesOn);
      this.#remember(response, connection);
      const sdp = await textOf(response);
      await this.#abandonWhenOvertaken(generation, response, goesOn);
      this.#adopt(connection);
      await connection.setRemoteDescription({ type: 'answer', sdp });
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Finds a new network path for the same connection (PATCH with new ICE credentials). Called again, it gives up the
   * restart that is under way: its request left by a path that may be gone.
   * @throws {ProblemError} 404 when the server no longer has the session's transport: open again
   */
  async restartIce() {
    const restart = ++this.#restarts;
    this.#abortRestart();
    await this.#restarted;
    if (restart !== this.#restarts) throw overtaken();
    const abort = new AbortController();
    this.#abortRestart = () => abort.abort();
    const restarted = this.#restartIce(abort.signal);
    this.#restarted = restarted.catch(() => {});
    await restarted;
  }

  /** @param {AbortSignal} signal */
  async #restartIce(signal) {
    const connection = this.#connection;
    const remote = connection?.currentRemoteDescription;
    if (!connection || !this.#resource.isOpen || !remote) throw notOpen();
    this.#learnedServers = false;
    await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
    try {
      const fragment = await this.#resource.patch(restartFragment(connection.localDescription?.sdp ?? ''), signal);
      const sdp = applyFragment(remote.sdp, fragment);
      await connection.setRemoteDescription({ type: 'answer', sdp });
    } catch (error) {
      if (connection.signalingState === 'have-local-offer') {
        await connection.setLocalDescription({ type: 'rollback' });
      }
      throw error;
    }
  }

  /** False when the server says that there is no such session any more, or there never was one. */
  isKnown() {
    return this.#resource.isKnown();
  }

  /**
   * Ends the session here and on the server. Works while the page is going away, and any number of times.
   * @param {{ patienceMs?: number }} [options] for how long a server that does not answer is told again
   * @throws {ProblemError} the server could not be told
   */
  async stop({ patienceMs = 0 } = {}) {
    const connections = [this.#connection, this.#previous];
    const generation = ++this.#generation;
    this.#connection = this.#previous = undefined;
    const told = this.#resource.end({
      patienceMs,
      isOvertaken: () => generation !== this.#generation,
      onUntold: (isUntold) => this.emit('untold', isUntold),
    });
    // A connection that closes before the server is told would look like a network failure to everybody else.
    const patience = new Promise((resolve) => setTimeout(resolve, GOODBYE_MS));
    await Promise.race([told.catch(() => {}), patience]);
    for (const connection of connections) connection?.close();
    await told;
  }

  /** Closes the connection and leaves the session to the server: another window goes on with it. */
  close() {
    this.#generation++;
    this.releasePrevious();
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** @param {string} offer */
  async #ask(offer) {
    this.emit('asked', undefined);
    const response = await this.#resource.post(offer);
    this.emit('answered', response.headers.get('Server-Timing'));
    return response;
  }

  /**
   * Somebody pressed stop, opened again, or lost the session to another window while the server answered.
   * @param {number} generation
   * @param {Response} response
   * @param {string | undefined} goesOn the session that the offer asked to go on with
   */
  async #abandonWhenOvertaken(generation, response, goesOn) {
    if (generation === this.#generation) return;
    await this.#resource.abandon(response, goesOn);
    throw overtaken();
  }

  /**
   * @param {Response} response
   * @param {RTCPeerConnection} connection
   */
  #remember(response, connection) {
    this.#resource.remember(response);
    const iceServers = iceServersFromLink(response.headers.get('Link'));
    this.#learnedServers = this.#iceServers.length === 0 && iceServers.length > 0;
    if (iceServers.length === 0) return;
    this.#iceServers = iceServers;
    if (this.#learnedServers) connection.setConfiguration({ iceServers, bundlePolicy: 'max-bundle' });
  }

  /** @param {RTCPeerConnection} connection */
  #adopt(connection) {
    // One that works is kept until there is a better one.
    if (this.isPreviousAlive && this.connectionState !== 'connected') {
      this.#connection?.close();
    } else {
      this.releasePrevious();
      this.#previous = this.#connection;
    }
    this.#connection = connection;
    connection.onconnectionstatechange = () => {
      if (connection === this.#connection) this.emit('state', connection.connectionState);
      if (connection === this.#previous) this.emit('previous', connection.connectionState);
    };
    connection.ondatachannel = ({ channel }) => this.emit('channel', channel);
    this.emit('connection', connection);
  }
}

function overtaken() {
  return new ProblemError({ code: 'overtaken', title: 'The connection was given up.', status: 0 });
}

function notOpen() {
  return new ProblemError({ code: 'not_open', title: 'There is no connection to restart.', status: 0 });
}
