// The buttons and keys of the player: sound, volume, full screen, picture in picture.

import { byId, hideFor, setIcon, setText } from './dom.js';
import { localStore } from './storage.js';

/** @import { Player } from './player.js' */

const VOLUME_STORAGE = 'fanlight:volume';
const QUIET_AFTER_MS = 3000;

/** What Safari has instead of, or before, the standard. */
/** @typedef {HTMLVideoElement & { webkitEnterFullscreen?: () => void }} SafariVideo */
/** @typedef {HTMLElement & { webkitRequestFullscreen?: () => void }} SafariElement */

/**
 * @param {Player} player
 * @param {HTMLVideoElement} video
 * @param {HTMLElement} stage what goes full screen
 */
export function setUpControls(player, video, stage) {
  setUpSound(player, video);
  setUpFullscreen(video, stage);
  setUpPictureInPicture(video);
  setUpKeys(stage);
  hideWhenQuiet(stage);
}

/**
 * @param {Player} player
 * @param {HTMLVideoElement} video
 */
function setUpSound(player, video) {
  const mute = byId('mute', HTMLButtonElement);
  const unmute = byId('unmute', HTMLButtonElement);
  const volume = byId('volume', HTMLInputElement);
  video.volume = storedVolume();
  volume.value = String(video.volume);
  player.on('sound', (sound) => {
    if (sound === 'on' || sound === 'off') return hideFor(unmute, mute);
    unmute.hidden = false;
    setText(byId('unmute-label', HTMLElement), sound === 'paused' ? 'Tap to play' : 'Tap for sound');
  });
  unmute.addEventListener('click', () => void player.resume());
  mute.addEventListener('click', () => {
    if (video.muted) void player.unmute();
    else player.mute();
  });
  volume.addEventListener('input', () => {
    video.volume = Number(volume.value);
    localStore.set(VOLUME_STORAGE, volume.value);
    if (video.muted && video.volume > 0) void player.unmute();
  });
  video.addEventListener('volumechange', () => {
    if (!video.muted && !video.paused) hideFor(unmute, mute);
    setIcon(mute.querySelector('[data-icon]'), video.muted ? 'muted' : 'sound');
    mute.setAttribute('aria-label', video.muted ? 'Unmute' : 'Mute');
  });
}

function storedVolume() {
  const stored = localStore.get(VOLUME_STORAGE);
  const volume = Number(stored);
  return stored !== null && volume >= 0 && volume <= 1 ? volume : 1;
}

/**
 * @param {HTMLVideoElement} video
 * @param {HTMLElement} stage
 */
function setUpFullscreen(video, stage) {
  const button = byId('fullscreen', HTMLButtonElement);
  button.addEventListener('click', () => toggleFullscreen(video, stage));
  video.addEventListener('dblclick', () => toggleFullscreen(video, stage));
  document.addEventListener('fullscreenchange', () => {
    const isFull = document.fullscreenElement !== null;
    setIcon(button.querySelector('[data-icon]'), isFull ? 'fullscreen-exit' : 'fullscreen');
    button.setAttribute('aria-label', isFull ? 'Leave full screen' : 'Full screen');
  });
}

/**
 * @param {SafariVideo} video
 * @param {SafariElement} stage
 */
function toggleFullscreen(video, stage) {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (typeof stage.requestFullscreen === 'function') stage.requestFullscreen().catch(() => {});
  else if (stage.webkitRequestFullscreen) stage.webkitRequestFullscreen();
  // An iPhone knows full screen for the video alone.
  else video.webkitEnterFullscreen?.();
}

/** @param {HTMLVideoElement} video */
function setUpPictureInPicture(video) {
  const button = byId('picture-in-picture', HTMLButtonElement);
  button.hidden = !document.pictureInPictureEnabled;
  button.addEventListener('click', () => {
    const change = document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture();
    change.catch(() => {});
  });
}

/**
 * Keys without Ctrl or Alt work at the player alone, or where nothing has the focus (WCAG 2.1.4): who speaks to a computer, or types
 * elsewhere, would press them unawares.
 * @param {HTMLElement} stage
 */
function setUpKeys(stage) {
  document.addEventListener('keydown', (event) => {
    const isAtPlayer = event.target === document.body || (event.target instanceof Node && stage.contains(event.target));
    if (!isAtPlayer || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === 'f') byId('fullscreen', HTMLButtonElement).click();
    if (event.key === 'm') byId('mute', HTMLButtonElement).click();
  });
}

/**
 * The controls fade while nobody moves; CSS keeps them for keyboard focus.
 * @param {HTMLElement} stage
 */
function hideWhenQuiet(stage) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const wake = () => {
    stage.classList.remove('quiet');
    clearTimeout(timer);
    timer = setTimeout(() => stage.classList.add('quiet'), QUIET_AFTER_MS);
  };
  for (const type of ['pointermove', 'pointerdown', 'keydown']) stage.addEventListener(type, wake);
  wake();
}
