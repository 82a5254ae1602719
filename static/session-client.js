// What WHIP and WHEP have in common: one session over HTTP (POST an offer, PATCH an ICE restart, DELETE) and the
// RTCPeerConnection that belongs to it now. It must not know media, pages, or when it is time to reconnect.

import { Emitter } from './emitter.js';
import { applyFragment, restartFragment } from './ice-fragment.js';
import { iceServersFromLink } from './link-header.js';
import { ProblemError, request } from './problem.js';

const REQUEST_TIMEOUT_MS = 10_000;
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
 */

/** @extends {Emitter<SessionEvents & Record<string, unknown>>} */
export class SessionClient extends Emitter {
  #endpoint;
  /** @type {RTCIceServer[]} */
  #iceServers;
  /** @type {string | undefined} */
  #resume;
  /** @type {URL | undefined} */
  #sessionUrl;
  /** @type {RTCPeerConnection | undefined} */
  #connection;
  /** @type {RTCPeerConnection | undefined} */
  #previous;
  #learnedServers = false;
  /** Counts openings and stops, so that what was overtaken can tell. */
  #generation = 0;
  /** @type {string | undefined} */
  token;

  /**
   * @param {string | URL} endpoint WHIP or WHEP endpoint, relative to the page
   * @param {SessionOptions} [options]
   */
  constructor(endpoint, options = {}) {
    super();
    this.#endpoint = new URL(endpoint, document.baseURI);
    this.#iceServers = options.iceServers ?? [];
    this.#resume = options.resume;
    this.token = options.token;
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
    return this.#resume;
  }

  /** @param {string | undefined} resume the session that the next opening goes on with */
  set resume(resume) {
    this.#resume = resume;
  }

  /** Id of the session on the server. */
  get sessionId() {
    return this.#resume?.split('.')[0];
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
    this.#resume = undefined;
    this.#sessionUrl = undefined;
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
      const [response] = await Promise.all([this.#post(offer.sdp ?? ''), connection.setLocalDescription(offer)]);
      await this.#abandonWhenOvertaken(generation, response);
      this.#remember(response, connection);
      this.#adopt(connection);
      await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Finds a new network path for the same connection (PATCH with new ICE credentials).
   * @throws {ProblemError} 404 when the server no longer has the session's transport: open again
   */
  async restartIce() {
    const connection = this.#connection;
    const url = this.#sessionUrl;
    const remote = connection?.currentRemoteDescription;
    if (!connection || !url || !remote) throw notOpen();
    this.#learnedServers = false;
    await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
    try {
      const response = await request(url, {
        method: 'PATCH',
        headers: this.#headers({ 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '"*"' }),
        body: restartFragment(connection.localDescription?.sdp ?? ''),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      const sdp = applyFragment(remote.sdp, await response.text());
      await connection.setRemoteDescription({ type: 'answer', sdp });
    } catch (error) {
      if (connection.signalingState === 'have-local-offer') {
        await connection.setLocalDescription({ type: 'rollback' });
      }
      throw error;
    }
  }

  /**
   * Ends the session here and on the server. Works while the page is going away, and any number of times.
   * @throws {ProblemError} the server could not be told
   */
  async stop() {
    const url = this.#sessionUrl;
    const connections = [this.#connection, this.#previous];
    this.forget();
    this.#generation++;
    this.#connection = this.#previous = undefined;
    const told = url ? this.#delete(url) : Promise.resolve();
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
  async #post(offer) {
    this.emit('asked', undefined);
    const response = await request(this.#endpoint, {
      method: 'POST',
      headers: this.#headers({
        'Content-Type': 'application/sdp',
        ...(this.#resume ? { 'Fanlight-Resume': this.#resume } : {}),
      }),
      body: offer,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    this.emit('answered', response.headers.get('Server-Timing'));
    return response;
  }

  /** @param {URL} url */
  async #delete(url) {
    try {
      await request(url, { method: 'DELETE', headers: this.#headers({}), keepalive: true });
    } catch (error) {
      if (!(error instanceof ProblemError && error.status === 404)) throw error;
    }
  }

  /** @param {Record<string, string>} headers */
  #headers(headers) {
    return this.token ? { ...headers, Authorization: `Bearer ${this.token}` } : headers;
  }

  /**
   * Somebody pressed stop, or opened again, while the server made the session.
   * @param {number} generation
   * @param {Response} response
   */
  async #abandonWhenOvertaken(generation, response) {
    if (generation === this.#generation) return;
    const location = response.headers.get('Location');
    if (location && !this.#sessionUrl) await this.#delete(new URL(location, this.#endpoint));
    throw new ProblemError({ code: 'overtaken', title: 'The connection was given up.', status: 0 });
  }

  /**
   * @param {Response} response
   * @param {RTCPeerConnection} connection
   */
  #remember(response, connection) {
    const location = response.headers.get('Location');
    if (location) this.#sessionUrl = new URL(location, this.#endpoint);
    this.#resume = response.headers.get('Fanlight-Resume') ?? undefined;
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

function notOpen() {
  return new ProblemError({ code: 'not_open', title: 'There is no connection to restart.', status: 0 });
}
