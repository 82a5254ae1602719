// Preview, pickers and switches of the publish page: what LocalMedia has, shown and changed.

import { byId, setIcon, setLine, setText } from './dom.js';
import { LevelMeter } from './level-meter.js';

/** @import { LocalMedia, MediaProblem } from './local-media.js' */

export class MediaControls {
  #media;
  #onProblem;
  #preview = byId('preview', HTMLVideoElement);
  #meter = new LevelMeter(byId('level', HTMLElement));

  /**
   * @param {LocalMedia} media
   * @param {(problem: MediaProblem | null, picked?: 'camera' | 'microphone') => void} onProblem a device could not be opened;
   *   null: it could. `picked`: one of these was chosen from its list
   */
  constructor(media, onProblem) {
    this.#media = media;
    this.#onProblem = onProblem;
    media.on('change', () => this.render());
    media.on('devices', ({ cameras, microphones }) => {
      this.#fill('camera', 'video', cameras);
      this.#fill('microphone', 'audio', microphones);
    });
    this.#onClick('mute', () => media.setMuted(!media.isMuted));
    this.#onClick('camera-off', () => media.setCameraOff(!media.isCameraOff));
    this.#onClick('share-screen', () => this.#toggleScreen());
  }

  render() {
    const { audio, video, source } = this.#media.media;
    const isDark = source === 'camera' && this.#media.isCameraOff;
    this.#showPreview(video);
    this.#preview.classList.toggle('mirrored', source === 'camera');
    setLine(byId('preview-note', HTMLElement), previewNote(video !== null, isDark, audio !== null));
    this.#meter.measure(this.#media.isMuted ? null : audio);
    this.#renderButtons();
  }

  /** @param {MediaStreamTrack | null} track */
  #showPreview(track) {
    const shown = this.#preview.srcObject instanceof MediaStream ? this.#preview.srcObject.getTracks()[0] : null;
    if (shown === (track ?? undefined)) return;
    this.#preview.srcObject = track ? new MediaStream([track]) : null;
    if (track) this.#preview.play().catch(() => {});
  }

  #renderButtons() {
    const media = this.#media;
    setButton(
      'mute',
      media.isMuted,
      media.isMuted ? 'Unmute' : 'Mute',
      media.isMuted ? 'microphone-off' : 'microphone',
    );
    setButton(
      'camera-off',
      media.isCameraOff,
      media.isCameraOff ? 'Camera on' : 'Camera off',
      media.isCameraOff ? 'camera-off' : 'camera',
    );
    setButton('share-screen', media.isSharing, media.isSharing ? 'Stop sharing' : 'Share screen', 'screen');
    byId('mute', HTMLButtonElement).disabled = !media.hasSound;
    byId('camera-off', HTMLButtonElement).disabled = !media.hasCamera || media.isSharing;
    byId('share-screen', HTMLButtonElement).disabled = !media.canShare;
  }

  /**
   * @param {'camera' | 'microphone'} id
   * @param {'video' | 'audio'} kind
   * @param {MediaDeviceInfo[]} devices
   */
  #fill(id, kind, devices) {
    const select = byId(id, HTMLSelectElement);
    // Before permission the browser tells neither names nor ids.
    const known = devices.filter(({ deviceId }) => deviceId !== '');
    const options = known.map(({ deviceId, label }, index) => new Option(label || `${id} ${index + 1}`, deviceId));
    select.replaceChildren(...(options.length > 0 ? options : [new Option(`No ${id}`, '')]));
    select.disabled = options.length === 0;
    const current = this.#media.deviceId(kind);
    if (current) select.value = current;
    else if (options.length > 0) select.prepend(new Option(`Choose a ${id}`, '', true, true));
    select.onchange = async () => {
      if (select.value) this.#onProblem(await this.#media.use(kind, select.value), id);
    };
  }

  async #toggleScreen() {
    if (this.#media.isSharing) return this.#media.stopScreen();
    this.#onProblem(await this.#media.shareScreen());
  }

  /**
   * @param {string} id
   * @param {() => unknown} act
   */
  #onClick(id, act) {
    byId(id, HTMLButtonElement).addEventListener('click', async () => {
      await act();
      this.render();
    });
  }
}

/**
 * @param {boolean} hasVideo
 * @param {boolean} isDark
 * @param {boolean} hasAudio
 */
function previewNote(hasVideo, isDark, hasAudio) {
  if (hasVideo) return isDark ? 'Camera off' : '';
  return hasAudio ? 'Sound only' : 'No picture yet';
}

/**
 * @param {string} id
 * @param {boolean} isPressed
 * @param {string} label
 * @param {string} iconName
 */
function setButton(id, isPressed, label, iconName) {
  const button = byId(id, HTMLButtonElement);
  button.classList.toggle('on', isPressed);
  setIcon(button.querySelector('[data-icon]'), iconName);
  const text = button.querySelector('.label');
  if (text) setText(text, label);
}
