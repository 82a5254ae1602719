// The broadcaster's own camera, microphone and screen: opened, switched, muted, and watched for going away.
// It must not know the page or how tracks are sent.

import { Emitter } from './emitter.js';
import { localStore } from './storage.js';

/** @import { PublishedMedia } from './whip-client.js' */

/** @typedef {'denied' | 'missing' | 'busy' | 'unavailable' | 'failed'} MediaProblem */

/**
 * @typedef {object} LocalMediaEvents
 * @property {PublishedMedia} change what is to be sent is different now
 * @property {null} switch sound or camera was switched on or off
 * @property {{ cameras: MediaDeviceInfo[], microphones: MediaDeviceInfo[] }} devices
 */

const STORAGE = { video: 'fanlight:camera', audio: 'fanlight:microphone' };
const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

/** @typedef {'audio' | 'video'} Kind */

/** @extends {Emitter<LocalMediaEvents & Record<string, unknown>>} */
export class LocalMedia extends Emitter {
  /** @type {Record<Kind, MediaStreamTrack | null>} camera and microphone */
  #tracks = { audio: null, video: null };
  /** @type {MediaStreamTrack | null} */
  #screen = null;
  /** @type {MediaStreamTrack | null} sound of what is shared */
  #screenSound = null;
  /** @type {Map<Kind, string>} devices that went away by themselves, and are waited for */
  #lost = new Map();
  #isMuted = false;
  #isCameraOff = false;

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener?.('devicechange', () => {
      void this.#listDevices().then((devices) => this.#reopen(devices));
    });
  }

  /** @returns {PublishedMedia} */
  get media() {
    return {
      audio: this.#tracks.audio ?? this.#screenSound,
      video: this.#screen ?? this.#tracks.video,
      source: this.#screen ? 'screen' : 'camera',
    };
  }

  get hasCamera() {
    return this.#tracks.video !== null;
  }

  get hasMicrophone() {
    return this.#tracks.audio !== null;
  }

  /** The microphone, or what is shared with its sound. */
  get hasSound() {
    return this.media.audio !== null;
  }

  get isMuted() {
    return this.#isMuted;
  }

  get isCameraOff() {
    return this.#isCameraOff;
  }

  get isSharing() {
    return this.#screen !== null;
  }

  get canShare() {
    return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
  }

  /**
   * Opens camera and microphone, or the one of them that works.
   * @returns {Promise<MediaProblem | null>} why one or both are missing
   */
  async start() {
    if (!navigator.mediaDevices) return 'unavailable';
    try {
      this.#adopt(
        await navigator.mediaDevices.getUserMedia({ video: constraints('video'), audio: constraints('audio') }),
      );
      return null;
    } catch (error) {
      await this.#startOneByOne(error);
      return problemOf(error);
    } finally {
      // Not awaited: Firefox holds the list back until somebody looks at the page.
      void this.#listDevices();
    }
  }

  /**
   * Switches camera or microphone.
   * @param {Kind} kind
   * @param {string} deviceId
   * @returns {Promise<MediaProblem | null>} the old one goes on when the new one cannot be opened
   */
  async use(kind, deviceId) {
    const problem = await this.#switchTo(kind, deviceId);
    if (!problem) localStore.set(STORAGE[kind], deviceId);
    // In either case: the picker shows what was chosen, not what is in use.
    void this.#listDevices();
    return problem;
  }

  /** @returns {Promise<MediaProblem | null>} null also when the person changed their mind */
  async shareScreen() {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: true });
      const [screen] = stream.getVideoTracks();
      this.#stopSharing();
      this.#screen = screen ?? null;
      this.#screenSound = stream.getAudioTracks()[0] ?? null;
      screen?.addEventListener('ended', () => screen === this.#screen && this.stopScreen());
      this.#changed();
      return null;
    } catch (error) {
      return problemOf(error) === 'denied' ? null : problemOf(error);
    }
  }

  /** Back to the camera. */
  stopScreen() {
    this.#stopSharing();
    this.#changed();
  }

  /** @param {boolean} isMuted */
  setMuted(isMuted) {
    this.#isMuted = isMuted;
    this.#applySwitches();
    this.emit('switch', null);
  }

  /** @param {boolean} isCameraOff */
  setCameraOff(isCameraOff) {
    this.#isCameraOff = isCameraOff;
    this.#applySwitches();
    this.emit('switch', null);
  }

  /**
   * @param {Kind} kind
   * @returns {string | undefined} of the device in use
   */
  deviceId(kind) {
    return this.#tracks[kind]?.getSettings().deviceId;
  }

  /**
   * @param {Kind} kind
   * @param {string} deviceId
   */
  async #switchTo(kind, deviceId) {
    const problem = await this.#open(kind, deviceId);
    const old = this.#tracks[kind];
    if (problem !== 'busy' || !old) return problem;
    // Many phones run one camera at a time.
    const oldId = this.deviceId(kind);
    old.stop();
    const stillProblem = await this.#open(kind, deviceId);
    // Somebody who goes through the list may have another one by now.
    const isGone = stillProblem && this.#tracks[kind] === old && (await this.#open(kind, oldId)) !== null;
    if (isGone) this.#unplugged(kind, old);
    return stillProblem;
  }

  /**
   * @param {Kind} kind
   * @param {string} [deviceId]
   * @returns {Promise<MediaProblem | null>}
   */
  async #open(kind, deviceId) {
    try {
      this.#adopt(await navigator.mediaDevices.getUserMedia({ [kind]: constraints(kind, deviceId) }));
      return null;
    } catch (error) {
      return problemOf(error);
    }
  }

  /** @param {unknown} error why both together did not work */
  async #startOneByOne(error) {
    for (const kind of /** @type {const} */ (['video', 'audio'])) {
      // Asking again for what a person has just refused would be rude.
      if (problemOf(error) === 'denied' && !(await isGranted(kind))) continue;
      // The first error says why; the other kind may still work.
      await this.#open(kind);
    }
  }

  /** @param {MediaStream} stream */
  #adopt(stream) {
    for (const track of stream.getTracks()) {
      const kind = /** @type {Kind} */ (track.kind);
      this.#tracks[kind]?.stop();
      this.#tracks[kind] = track;
      this.#lost.delete(kind);
      track.addEventListener('ended', () => this.#unplugged(kind, track));
    }
    this.#changed();
  }

  /**
   * @param {Kind} kind
   * @param {MediaStreamTrack} track
   */
  #unplugged(kind, track) {
    if (this.#tracks[kind] !== track) return;
    this.#tracks[kind] = null;
    // Without an id it could not be told from others: browsers list all of them without one until they may be used.
    const { deviceId } = track.getSettings();
    if (deviceId) this.#lost.set(kind, deviceId);
    this.#changed();
    void this.#listDevices();
  }

  /**
   * What was pulled out and is back is used again. Another device is not: nobody wants to be seen by a camera that they
   * did not choose.
   * @param {MediaDeviceInfo[]} devices
   */
  async #reopen(devices) {
    for (const [kind, deviceId] of this.#lost) {
      if (devices.some((device) => device.deviceId === deviceId)) await this.#open(kind, deviceId);
    }
  }

  #stopSharing() {
    this.#screen?.stop();
    this.#screenSound?.stop();
    this.#screen = this.#screenSound = null;
  }

  #changed() {
    this.#applySwitches();
    this.emit('change', this.media);
  }

  #applySwitches() {
    // Whose sound is sent changes when a microphone comes or goes: who is muted is heard by neither.
    for (const sound of [this.#tracks.audio, this.#screenSound]) if (sound) sound.enabled = !this.#isMuted;
    if (this.#tracks.video) this.#tracks.video.enabled = !this.#isCameraOff;
  }

  async #listDevices() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const ofKind = (/** @type {MediaDeviceKind} */ kind) => devices.filter((device) => device.kind === kind);
    this.emit('devices', { cameras: ofKind('videoinput'), microphones: ofKind('audioinput') });
    return devices;
  }
}

/**
 * @param {Kind} kind
 * @param {string} [deviceId] exactly this one; else the one used last, if it is there
 */
function constraints(kind, deviceId) {
  const remembered = localStore.get(STORAGE[kind]);
  const device = deviceId ? { exact: deviceId } : remembered ? { ideal: remembered } : undefined;
  return { ...(kind === 'video' ? CAMERA : {}), ...(device ? { deviceId: device } : {}) };
}

/** @param {Kind} kind */
async function isGranted(kind) {
  try {
    const name = /** @type {PermissionName} */ (kind === 'video' ? 'camera' : 'microphone');
    return (await navigator.permissions.query({ name })).state === 'granted';
  } catch {
    return false;
  }
}

/**
 * @param {unknown} error of getUserMedia or getDisplayMedia
 * @returns {MediaProblem}
 */
function problemOf(error) {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}
