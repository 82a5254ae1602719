// The publishing session of the publish page: goes live, stays live, remembers it, and tells what happens.
// It must not know the page's elements.

import { Emitter } from './emitter.js';
import { claimLive, forgetLive, GRACE_MS, recallLive, rememberLive } from './live-memory.js';
import { ProblemError } from './problem.js';
import { isOpen } from './reconnector-rules.js';
import { ResilientSession } from './resilient-session.js';
import { WhipClient } from './whip-client.js';

/** @import { FrameTimestamps } from './frame-timestamps.js' */
/** @import { BroadcastView } from './signaling-socket.js' */
/** @import { PublishedMedia } from './whip-client.js' */
/** @import { Status } from './reconnector.js' */

const DATA_CHANNELS = ['fanlight', 'overlay', 'message'];
const REMEMBER_INTERVAL_MS = 5000;

/**
 * @typedef {object} LiveSessionEvents
 * @property {Status} status
 * @property {BroadcastView} broadcast
 * @property {{ label: string, code: string }} messageRefused a data message was not relayed
 * @property {{ code: string, title: string, detail?: string }} error a setting was refused
 * @property {string} keyRefused the code of the refusal
 * @property {boolean} untold it was stopped, and the server, which does not answer, is being told again; false: that is over
 */

/** @extends {Emitter<LiveSessionEvents & Record<string, unknown>>} */
export class LiveSession extends Emitter {
  #name;
  #media;
  #switches;
  #frames;
  #client;
  #session;
  #releaseClaim = () => {};
  /** Another tab of this browser has the session: what is remembered of it is that tab's. */
  #isElsewhere = false;

  /**
   * @param {string} name of the broadcast
   * @param {{ media: () => PublishedMedia, switches: () => { isMuted: boolean, isCameraOff: boolean }, frames: FrameTimestamps, key?: string | undefined }} options
   *   `media`: what to send now; `switches`: what of it is off; `frames`: of the video that is sent
   */
  constructor(name, { media, switches, frames, key }) {
    super();
    this.#name = name;
    this.#media = media;
    this.#switches = switches;
    this.#frames = frames;
    this.#client = new WhipClient(`/whip/${encodeURIComponent(name)}`, key ? { token: key } : {});
    this.#session = new ResilientSession({
      client: this.#client,
      open: () => this.#publish(),
      role: 'publisher',
      broadcast: name,
      asks: { presence: true, chat: true },
    });
    this.#wire();
  }

  get client() {
    return this.#client;
  }

  /** To the server, also before anybody is live. */
  get socket() {
    return this.#session.socket;
  }

  get phase() {
    return this.#session.phase;
  }

  /** True from "go live" until it is stopped or cannot go on. */
  get isRunning() {
    return isOpen(this.phase) || ['opening', 'connecting', 'waiting', 'occupied'].includes(this.phase);
  }

  /** Connects the WebSocket, which also works before anybody is live. */
  connect() {
    this.#session.socket.connect();
  }

  /**
   * @param {{ steal: boolean }} options `steal`: also when another tab of this browser is live
   * @returns {Promise<boolean>} false: another tab is
   */
  async goLive({ steal }) {
    const onLost = () => {
      this.#isElsewhere = true;
      this.#session.abandon();
    };
    const release = await claimLive(this.#name, { steal, onLost });
    if (!release) return false;
    this.#isElsewhere = false;
    this.#releaseClaim();
    this.#releaseClaim = release;
    // The session of the page before this one, or of the tab that just lost its claim.
    this.#client.resume = recallLive(this.#name)?.resume ?? this.#client.resume;
    this.#session.start();
    return true;
  }

  /**
   * Goes on with the session of the page before this one, if the server still has it: what was ended or taken over
   * meanwhile does not go on air again by itself.
   * @returns {Promise<'started' | 'ended' | 'elsewhere'>} `elsewhere`: in another tab
   */
  async goOn() {
    this.#client.resume = recallLive(this.#name)?.resume;
    if (!(await this.#client.isKnown())) {
      forgetLive(this.#name);
      this.#client.forget();
      return 'ended';
    }
    if (await this.goLive({ steal: false })) return 'started';
    this.#client.forget();
    return 'elsewhere';
  }

  /** Ends the broadcast, also for the viewers: a server that does not answer is told for as long as it would wait. */
  async stop() {
    forgetLive(this.#name);
    this.#releaseClaim();
    await this.#session.stop({ patienceMs: GRACE_MS });
  }

  /** The page goes away; maybe for a moment only. */
  leave() {
    if (!this.isRunning) return;
    this.#releaseClaim();
    this.#remember();
    this.#session.socket.send({ type: 'leaving' });
  }

  /** What was switched off must be off after a reload too. */
  switched() {
    if (this.isRunning) this.#remember();
  }

  /** Sends what is to be sent now over the running connection, or a new one when that needs a negotiation. */
  async mediaChanged() {
    if (!this.isRunning || this.phase === 'opening') return;
    this.#remember();
    // There was nothing to send, perhaps.
    if (this.phase === 'waiting') return this.#session.resume();
    const isDone = await this.#client.replace(this.#media()).catch(() => false);
    if (!isDone) this.#session.resume();
  }

  /**
   * @param {string} label
   * @param {string} text
   * @returns {boolean} false: there is no connection that could carry it
   */
  send(label, text) {
    if (!this.#client.isCarried) return false;
    return this.#client.send(label, text) || this.#session.socket.send({ type: 'data', label, text });
  }

  /**
   * Sends a message that viewers get with a frame of the video.
   * @param {object} message
   * @param {VideoFrameCallbackMetadata | number} [frame] as for `FrameTimestamps.annotate`; without it the frame that is seen now
   * @returns {Promise<boolean>} false: there is no connection, or nothing is known of its frames
   */
  async sendTimed(message, frame) {
    if (this.phase !== 'connected') return false;
    const time = await this.#frames.annotate(frame);
    return time !== undefined && this.send('timed', JSON.stringify({ ...message, rtpTimestamp: time.rtpTimestamp }));
  }

  /**
   * @param {{ title?: string, listed?: boolean, chat?: string, slowModeSeconds?: number }} settings
   * @returns {boolean} false: not connected
   */
  changeSettings(settings) {
    return this.#session.socket.send({ type: 'settings', ...settings });
  }

  /** @param {string} key */
  useKey(key) {
    this.#session.useKey(key);
  }

  async #publish() {
    await this.#frames.ready;
    const offered = this.#media();
    // An offer of nothing would be refused for good; a device that is plugged in again is worth waiting for.
    if (!offered.audio && !offered.video) throw noMedia();
    await this.#client.publish(offered, { dataChannels: DATA_CHANNELS });
    // A device may have been switched while the offer was on its way.
    const now = this.#media();
    if (now.audio === offered.audio && now.video === offered.video) return;
    if (!(await this.#client.replace(now))) await this.#client.publish(now, { dataChannels: DATA_CHANNELS });
  }

  #wire() {
    this.#session.on('status', (status) => {
      if (status.phase === 'connected') this.#remember();
      if (status.phase === 'taken-over' || status.phase === 'ended') this.#over();
      this.emit('status', status);
    });
    this.#session.on('broadcast', (broadcast) => this.emit('broadcast', broadcast));
    this.#session.on('error', (error) => this.emit('error', error));
    this.#session.on('refused', (reason) => {
      if (reason === 'missing_key' || reason === 'wrong_key') this.emit('keyRefused', reason);
    });
    this.#client.on('untold', (isUntold) => this.emit('untold', isUntold));
    this.#frames.on('broken', () => this.#session.resume());
    this.#client.on('opening', (connection) => this.#frames.attach(connection));
    this.#client.on('channel', (channel) => {
      if (channel.label === 'fanlight') channel.onmessage = ({ data }) => this.#heard(data);
    });
    setInterval(() => this.phase === 'connected' && this.#remember(), REMEMBER_INTERVAL_MS);
  }

  /** The session is another's, or nobody's: a reload must not go on with it. */
  #over() {
    this.#releaseClaim();
    if (!this.#isElsewhere) forgetLive(this.#name);
  }

  #remember() {
    const { resume } = this.#client;
    if (resume) rememberLive(this.#name, { resume, source: this.#media().source, ...this.#switches() });
  }

  /** @param {unknown} data a message of the control channel */
  #heard(data) {
    try {
      const message = JSON.parse(String(data));
      this.#frames.heard(message);
      const { type, label, code } = message;
      if (type === 'refused') this.emit('messageRefused', { label: String(label), code: String(code) });
    } catch {
      // A newer server may say what this page does not know.
    }
  }
}

function noMedia() {
  return new ProblemError({ code: 'no_media', title: 'There is no camera or microphone to send from.', status: 0 });
}
