// A small WHIP client (RFC 9725): publishes tracks and data channels to an endpoint.
// It must not know devices or pages.

import { SessionClient } from './session-client.js';

/** @import { SessionOptions } from './session-client.js' */

/**
 * @typedef {object} PublishedMedia
 * @property {MediaStreamTrack | null} audio
 * @property {MediaStreamTrack | null} video
 * @property {'camera' | 'screen'} source what the video shows: decides bitrate and what to give up first
 */

/** Bits per second at most, and what to keep when there is less than that. */
const VIDEO_PROFILES = /** @type {const} */ ({
  camera: { maxBitrateBps: 2_500_000, degradationPreference: 'balanced', contentHint: 'motion' },
  screen: { maxBitrateBps: 4_000_000, degradationPreference: 'maintain-resolution', contentHint: 'detail' },
});

/**
 * ```js
 * const client = new WhipClient('/whip/live', { token });
 * await client.publish({ audio, video, source: 'camera' }, { dataChannels: ['chat'] });
 * client.send('chat', 'hello');
 * await client.stop();
 * ```
 */
export class WhipClient extends SessionClient {
  /** @type {Map<string, RTCDataChannel>} */
  #channels = new Map();
  /** @type {Map<string, RTCRtpSender>} kind → sender */
  #senders = new Map();

  /**
   * @param {string | URL} endpoint for example `/whip/live`
   * @param {SessionOptions} [options]
   */
  constructor(endpoint, options) {
    super(endpoint, options);
    // Until then a server that stops goes on with the old one.
    this.on('state', (state) => {
      if (state === 'connected') this.releasePrevious();
    });
  }

  /**
   * Publishes; called again it resumes the session over a new connection. Only the kinds that are there are offered.
   * @param {PublishedMedia} media
   * @param {{ dataChannels?: readonly string[] }} [options] labels to open
   * @throws {import('./problem.js').ProblemError}
   */
  async publish(media, { dataChannels = [] } = {}) {
    /** @type {Map<string, RTCRtpSender>} */
    const senders = new Map();
    /** @type {Map<string, RTCDataChannel>} */
    const channels = new Map();
    const connection = await this.open((opening) => {
      const stream = new MediaStream();
      for (const track of [media.audio, media.video]) {
        if (track) senders.set(track.kind, addTrack(opening, track, stream, media.source));
      }
      for (const label of new Set([...dataChannels, ...this.#channels.keys()])) {
        channels.set(label, opening.createDataChannel(label));
      }
      this.#listenToControl(channels.get('fanlight'));
    });
    this.#senders = senders;
    this.#channels = channels;
    if (media.video) await applyProfile(senders.get('video'), media.video, media.source);
    return connection;
  }

  /**
   * Puts other tracks into the running connection, without negotiation.
   * @param {PublishedMedia} media
   * @returns {Promise<boolean>} false: other kinds are there than were offered; `publish` again
   */
  async replace(media) {
    const kinds = [media.audio, media.video].flatMap((track) => track?.kind ?? []);
    const isOffered = kinds.every((kind) => this.#senders.has(kind));
    // With nothing left there is nothing to offer either: the connection waits for the next device.
    if (!isOffered || (kinds.length > 0 && kinds.length < this.#senders.size)) return false;
    await this.#senders.get('audio')?.replaceTrack(media.audio);
    await this.#senders.get('video')?.replaceTrack(media.video);
    if (media.video) await applyProfile(this.#senders.get('video'), media.video, media.source);
    return true;
  }

  /**
   * Sends a data message; the channel of the label is opened when there is none.
   * @param {string} label
   * @param {string | ArrayBuffer} message
   * @returns {boolean} false: the channel is not open, or the message is larger than the other side takes
   */
  send(label, message) {
    const channel = this.#channels.get(label) ?? this.#openChannel(label);
    if (!channel) return false;
    if (channel.readyState === 'connecting') channel.addEventListener('open', () => sendOn(channel, message));
    return channel.readyState === 'connecting' || sendOn(channel, message);
  }

  /** @param {string} label */
  #openChannel(label) {
    const connection = this.peerConnection;
    // Without a data section in the offer a new channel would need a negotiation, which WHIP does not have.
    if (!connection?.sctp) return undefined;
    const channel = connection.createDataChannel(label);
    this.#channels.set(label, channel);
    return channel;
  }

  /** @param {RTCDataChannel | undefined} channel the server's reports, relayed as a `channel` event */
  #listenToControl(channel) {
    if (channel) channel.addEventListener('open', () => this.emit('channel', channel));
  }
}

/**
 * @param {RTCDataChannel} channel
 * @param {string | ArrayBuffer} message
 */
function sendOn(channel, message) {
  if (channel.readyState !== 'open') return false;
  try {
    if (typeof message === 'string') channel.send(message);
    else channel.send(message);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {RTCPeerConnection} connection
 * @param {MediaStreamTrack} track
 * @param {MediaStream} stream ties audio and video together for lip-sync
 * @param {'camera' | 'screen'} source
 */
function addTrack(connection, track, stream, source) {
  const sendEncodings = track.kind === 'video' ? [{ maxBitrate: VIDEO_PROFILES[source].maxBitrateBps }] : [];
  return connection.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings }).sender;
}

/**
 * @param {RTCRtpSender | undefined} sender
 * @param {MediaStreamTrack} track
 * @param {'camera' | 'screen'} source
 */
async function applyProfile(sender, track, source) {
  const profile = VIDEO_PROFILES[source];
  track.contentHint = profile.contentHint;
  if (!sender) return;
  try {
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) encoding.maxBitrate = profile.maxBitrateBps;
    await sender.setParameters(Object.assign(parameters, { degradationPreference: profile.degradationPreference }));
  } catch {
    // A browser that refuses parameters still sends: with its own idea of a bitrate.
  }
}
