// Watches one join, from the click to the first picture: takes the marks, and tells the server when the picture came.
// A join is one: a resumed connection that shows a picture again is none. It must not know the page's elements.

import { Emitter } from './emitter.js';

/** @import { JoinMarks } from './join-waterfall.js' */
/** @import { SessionClient } from './session-client.js' */
/** @import { SignalingSocket } from './signaling-socket.js' */

/** The server takes no longer ones. */
const MAX_PICTURE_MS = 60_000;

/** @typedef {'came-early' | 'hidden' | 'resumed' | null} SpoiledBy why the time of the picture says nothing about joining */

/** @extends {Emitter<{ changed: undefined } & Record<string, unknown>>} */
export class JoinWatch extends Emitter {
  #video;
  #socket;
  #isLive;
  #now;
  /** @type {JoinMarks} */
  #marks = {};
  /** @type {SpoiledBy} */
  #spoiledBy = null;
  #clickedAtMs = 0;
  /** Counts joins: what belongs to one before is not marked. */
  #join = 0;
  #isOver = true;
  #hasConnection = false;
  /** @type {number | undefined} */
  #untoldMs;

  /**
   * @param {object} setup
   * @param {SessionClient} setup.client
   * @param {SignalingSocket} setup.socket
   * @param {HTMLVideoElement} setup.video
   * @param {() => boolean} setup.isLive whether there is something to see, as far as is known
   * @param {() => number} [setup.now] ms, as `performance.now()`
   */
  constructor({ client, socket, video, isLive, now = () => performance.now() }) {
    super();
    this.#video = video;
    this.#socket = socket;
    this.#isLive = isLive;
    this.#now = now;
    client.on('asked', () => this.#mark('asked'));
    client.on('answered', (timing) => this.#answered(timing));
    client.on('connection', (connection) => this.#connection(connection));
    socket.on('state', (state) => state === 'connecting' && this.#mark('socketAsked'));
    socket.on('welcome', () => {
      this.#mark('socketOpen');
      // Media may be up before the server has said whether there is something to see.
      if (this.#marks.connected !== undefined) this.#lookWhetherEarly();
      this.#tell();
    });
    document.addEventListener('visibilitychange', () => this.#lookWhetherHidden());
  }

  get marks() {
    return this.#marks;
  }

  get spoiledBy() {
    return this.#spoiledBy;
  }

  /**
   * Somebody wants to watch.
   * @param {number} clickedAtMs on the clock of `performance.now()`; 0: when the page was asked for
   */
  start(clickedAtMs) {
    this.#clickedAtMs = clickedAtMs;
    this.#marks = {};
    this.#spoiledBy = null;
    this.#isOver = false;
    this.#hasConnection = false;
    this.#join += 1;
    this.#lookWhetherHidden();
    this.#awaitPicture(this.#join);
  }

  /** @param {string | null} timing the header `Server-Timing` */
  #answered(timing) {
    const serverMs = Number(/\btotal;dur=([\d.]+)/.exec(timing ?? '')?.[1]);
    if (!this.#isOver && Number.isFinite(serverMs)) this.#marks.serverMs = serverMs;
    this.#mark('answered');
  }

  /** @param {RTCPeerConnection} connection */
  #connection(connection) {
    if (this.#isOver) return;
    if (this.#hasConnection) return this.#spoil('resumed');
    this.#hasConnection = true;
    const join = this.#join;
    connection.addEventListener('iceconnectionstatechange', () => {
      if (['connected', 'completed'].includes(connection.iceConnectionState)) this.#mark('ice', join);
    });
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'connected') this.#connected(join);
    });
    for (const { track } of connection.getReceivers()) {
      track.addEventListener('unmute', () => this.#mark('packet', join));
    }
  }

  /** @param {number} join */
  #connected(join) {
    if (join !== this.#join || this.#marks.connected !== undefined) return;
    this.#mark('connected');
    this.#lookWhetherEarly();
  }

  #lookWhetherEarly() {
    if (!this.#isOver && !this.#isLive()) this.#spoil('came-early');
  }

  /** @param {number} join */
  #awaitPicture(join) {
    if ('requestVideoFrameCallback' in this.#video) {
      this.#video.requestVideoFrameCallback((_now, { presentationTime, receiveTime }) => {
        if (receiveTime !== undefined) this.#mark('keyFrame', join, receiveTime);
        this.#picture(join, presentationTime);
      });
    } else {
      const video = /** @type {HTMLVideoElement} */ (this.#video);
      video.addEventListener('loadeddata', () => this.#picture(join, this.#now()), { once: true });
    }
  }

  /**
   * @param {number} join
   * @param {number} atMs
   */
  #picture(join, atMs) {
    if (join !== this.#join || this.#isOver) return;
    this.#mark('picture', join, atMs);
    this.#isOver = true;
    const ms = Math.round(this.#marks.picture ?? 0);
    if (this.#spoiledBy === null && ms >= 0 && ms <= MAX_PICTURE_MS) this.#untoldMs = ms;
    this.#tell();
  }

  /** Once; later when there is no line now. */
  #tell() {
    if (this.#untoldMs === undefined) return;
    if (this.#socket.send({ type: 'first-picture', ms: this.#untoldMs })) this.#untoldMs = undefined;
  }

  /**
   * The first time that something happens counts.
   * @param {Exclude<keyof JoinMarks, 'serverMs'>} name
   * @param {number} [join]
   * @param {number} [atMs]
   */
  #mark(name, join = this.#join, atMs = this.#now()) {
    // The WebSocket may be later than the picture.
    const isLate = this.#isOver && (name !== 'socketOpen' || this.#marks.socketAsked === undefined);
    if (isLate || join !== this.#join || this.#marks[name] !== undefined) return;
    this.#marks[name] = Math.max(0, atMs - this.#clickedAtMs);
    this.emit('changed', undefined);
  }

  #lookWhetherHidden() {
    if (!this.#isOver && document.visibilityState === 'hidden') this.#spoil('hidden');
  }

  /** @param {SpoiledBy} reason */
  #spoil(reason) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#spoiledBy = reason;
    this.emit('changed', undefined);
  }
}
