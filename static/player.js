// Puts received tracks into the video element: the old frame stays until the new connection's first one is decoded,
// and sound is on as far as the browser allows. What the system paused goes on. It must not know connections or the server.

import { Emitter } from './emitter.js';
import { Pauses } from './pauses.js';

/**
 * @typedef {object} PlayerEvents
 * @property {boolean} playing the tracks given last are the ones on the screen (or in the speakers)
 * @property {'on' | 'off' | 'blocked' | 'paused'} sound `off`: muted by the person; `blocked`: muted until a tap; `paused`: not even a muted video may start, or a person paused it
 */

/** @extends {Emitter<PlayerEvents & Record<string, unknown>>} */
export class Player extends Emitter {
  #video;
  #still;
  /** @type {MediaStreamTrack[]} */
  #tracks = [];
  /** @type {readonly MediaStreamTrack[]} all of the connection that is shown, sent or not */
  #given = [];
  #hasPicture = false;
  /** The browser muted it, not the person. */
  #isBlocked = false;
  #pauses = new Pauses();

  /**
   * @param {HTMLVideoElement} video
   * @param {HTMLCanvasElement} still lies over the video, for the moment in which it changes its source
   */
  constructor(video, still) {
    super();
    this.#video = video;
    this.#still = still;
    this.#watchPauses();
  }

  /**
   * @param {readonly MediaStreamTrack[]} tracks of one connection
   * @param {ReadonlySet<string>} kinds that the publisher sends; empty when not known yet. A track without media
   *   would hold the others up
   */
  async show(tracks, kinds) {
    const wanted = tracks.filter(({ kind }) => kinds.size === 0 || kinds.has(kind));
    if (isSame(wanted, this.#tracks)) return;
    this.#tracks = wanted;
    // The broadcaster may add a picture: what a viewer has goes on until then.
    if (!isSame(tracks, this.#given)) this.emit('playing', false);
    this.#given = tracks;
    const stream = new MediaStream(wanted);
    const hasVideo = stream.getVideoTracks().length > 0;
    if (this.#hasPicture && hasVideo) await firstFrameOf(stream);
    if (this.#tracks !== wanted) return;
    await this.#swap(stream, hasVideo);
  }

  /** Does what the last `sound` asked for; call it from a tap. Who paused a muted picture wants it muted still. */
  async resume() {
    if (this.#isBlocked) await this.unmute();
    else await this.#play();
  }

  /** Plays with sound; call it from a tap. */
  async unmute() {
    this.#video.muted = false;
    this.#isBlocked = false;
    await this.#play();
  }

  /** The person wants no sound: nothing asks them for a tap. */
  mute() {
    this.#video.muted = true;
    this.#isBlocked = false;
    this.#tellSound();
  }

  #watchPauses() {
    const moved = () => {
      this.#pauses.moved(performance.now());
      this.#goOn();
    };
    document.addEventListener('visibilitychange', moved);
    // An iPhone pauses at Done in full screen, and others when the small window is closed.
    for (const left of ['webkitendfullscreen', 'leavepictureinpicture']) this.#video.addEventListener(left, moved);
    this.#video.addEventListener('playing', () => {
      this.#pauses.playing();
      this.#tellSound();
    });
    this.#video.addEventListener('pause', () => {
      if (!this.#isPaused) return;
      const isInPictureInPicture = document.pictureInPictureElement === this.#video;
      this.#pauses.paused({ isVisible: isVisible(), isInPictureInPicture }, performance.now());
      this.#tellSound();
      this.#goOn();
    });
  }

  /** Live, nothing is gained by a pause that nobody asked for. */
  #goOn() {
    if (this.#isPaused && this.#pauses.isSystems && isVisible()) void this.#play();
  }

  /** A source that has ended pauses too: there another one comes. */
  get #isPaused() {
    const { paused, srcObject } = this.#video;
    return paused && srcObject instanceof MediaStream && srcObject.active;
  }

  #tellSound() {
    const sound = this.#isBlocked ? 'blocked' : this.#video.muted ? 'off' : 'on';
    this.emit('sound', this.#isPaused ? 'paused' : sound);
  }

  /**
   * @param {MediaStream} stream
   * @param {boolean} hasVideo
   */
  async #swap(stream, hasVideo) {
    if (this.#hasPicture && hasVideo) this.#holdStill();
    this.#video.srcObject = stream;
    void this.#play();
    await (hasVideo ? firstFrame(this.#video) : new Promise((done) => setTimeout(done)));
    if (this.#video.srcObject !== stream) return;
    this.#still.hidden = true;
    this.#hasPicture = hasVideo;
    this.emit('playing', true);
  }

  async #play() {
    try {
      await this.#video.play();
      this.#tellSound();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') await this.#playMuted();
    }
  }

  async #playMuted() {
    this.#isBlocked ||= !this.#video.muted;
    this.#video.muted = true;
    this.emit('sound', this.#isBlocked ? 'blocked' : 'off');
    try {
      await this.#video.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.emit('sound', 'paused');
    }
  }

  /** A video element goes blank when its source changes: a picture of its last frame covers that. */
  #holdStill() {
    this.#still.width = this.#video.videoWidth;
    this.#still.height = this.#video.videoHeight;
    this.#still.getContext('2d')?.drawImage(this.#video, 0, 0);
    this.#still.hidden = false;
  }
}

function isVisible() {
  return document.visibilityState === 'visible';
}

/**
 * Resolves when the stream's first frame is decoded, without showing it.
 * @param {MediaStream} stream
 */
async function firstFrameOf(stream) {
  const probe = document.createElement('video');
  probe.muted = true;
  probe.playsInline = true;
  probe.srcObject = new MediaStream(stream.getVideoTracks());
  probe.play().catch(() => {});
  await firstFrame(probe);
  probe.srcObject = null;
}

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<void>}
 */
function firstFrame(video) {
  return new Promise((resolve) => {
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(() => resolve());
    video.addEventListener('loadeddata', () => resolve(), { once: true });
  });
}

/**
 * @param {readonly MediaStreamTrack[]} some
 * @param {readonly MediaStreamTrack[]} others
 */
function isSame(some, others) {
  return some.length === others.length && some.every((track, index) => track === others[index]);
}
