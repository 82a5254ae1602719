// The publish page: puts camera, live session, link, settings and data box together, and says how it stands.

import { ChatPanel } from './chat-panel.js';
import { isAboutChat } from './chat-rules.js';
import { ChatSettings } from './chat-settings.js';
import { DataBox } from './data-box.js';
import { byId, copyOnClick, durationText, fillIcons, hideFor, setLine, setText } from './dom.js';
import { FrameTimestamps } from './frame-timestamps.js';
import { KeyForm } from './key-form.js';
import { recallLive } from './live-memory.js';
import { LiveSession } from './live-session.js';
import { LocalMedia } from './local-media.js';
import { MediaControls } from './media-controls.js';
import { insecureNotice, mediaNotice, pickedNotice } from './media-notices.js';
import { OverlayGenerator } from './overlay-generator.js';
import { broadcastFromPath, originForOthers, pagePath, readKey, serverInfo } from './page.js';
import { PresenceList } from './presence-list.js';
import { PUBLISH_BADGES, publishState, publishWords } from './publish-state.js';
import { QualityPanel } from './quality-panel.js';
import { ServerClock } from './server-clock.js';
import { SharedPlace } from './shared-place.js';

/** @import { Notice } from './media-notices.js' */
/** @import { MediaProblem } from './local-media.js' */
/** @import { ServerInfo } from './page.js' */
/** @import { Status } from './reconnector.js' */
/** @import { BroadcastView } from './signaling-socket.js' */

const name = broadcastFromPath();
const media = new LocalMedia();
const preview = byId('preview', HTMLVideoElement);
const live = new LiveSession(name, {
  media: () => media.media,
  switches: () => ({ isMuted: media.isMuted, isCameraOff: media.isCameraOff }),
  frames: new FrameTimestamps(preview),
  key: readKey('publish'),
});
const clock = new ServerClock(live.socket);
const dataBox = new DataBox(
  (label, text) => live.send(label, text),
  new OverlayGenerator(preview, (message, frame) => live.sendTimed(message, frame)),
);
const chatSettings = new ChatSettings((settings) => live.changeSettings(settings));
const controls = new MediaControls(media, showMediaProblem);
/** Of Go live and Stop: a double-click on the one must not press the other. */
const mainPlace = new SharedPlace();
const keyForm = new KeyForm('publish', (key) => {
  live.useKey(key);
  if (status?.phase === 'needs-key') void goLive();
});

/** @type {Status | undefined} */
let status;
/** @type {BroadcastView | undefined} */
let broadcast;
let isInsecure = false;
/** Title or listing was changed here and is not saved yet: what the server says must not overwrite it. */
let isUnsaved = false;

live.on('status', (now) => {
  status = now;
  // Not half a title, though.
  const isTyping = document.activeElement === byId('title', HTMLInputElement);
  if (isUnsaved && !isTyping && now.phase === 'connected') saveSettings();
  render();
});
live.on('broadcast', (now) => {
  broadcast = now;
  renderBroadcast(now);
  render();
});
live.on('messageRefused', (refusal) => dataBox.refused(refusal));
live.on('untold', (isUntold) => {
  if (!isUntold) return hideNotice();
  showNotice({
    title: 'The server does not answer',
    text: 'You send nothing any more. Viewers read that you are reconnecting until the server hears that you stopped: it is being told again.',
  });
});
live.on('keyRefused', (code) => keyForm.show(code === 'wrong_key' ? 'That key is not right.' : ''));
live.on('error', ({ code, title, detail }) => {
  // The key form speaks of keys, and the chat of itself.
  if (code !== 'wrong_key' && code !== 'missing_key' && !isAboutChat(code))
    setText(byId('settings-state', HTMLElement), detail ?? title);
});
media.on('change', () => {
  void live.mediaChanged();
  render();
});
media.on('switch', () => live.switched());

fillIcons();
setText(byId('name', HTMLElement), name);
document.title = `${name} · Publish · Fanlight`;
wireButtons();
wireSettings();
new ChatPanel(byId('chat', HTMLElement), live.socket, { role: 'publisher' });
new PresenceList(byId('people', HTMLElement), live.socket);
new QualityPanel('publisher', {
  words: byId('quality-words', HTMLElement),
  numbers: byId('quality-numbers', HTMLElement),
  connection: () => live.client.peerConnection,
});
setInterval(renderDuration, 1000);
addEventListener('pagehide', () => live.leave());
addEventListener('pageshow', (event) => event.persisted && location.reload());
Object.defineProperty(window, 'fanlight', {
  value: {
    get peerConnection() {
      return live.client.peerConnection;
    },
    get session() {
      return live.client.sessionId;
    },
    sendTimed: live.sendTimed.bind(live),
  },
});
void start();

async function start() {
  keepSwitches();
  controls.render();
  const opening = openMedia();
  const server = await serverInfo();
  showAddresses(server);
  if (!window.isSecureContext) return explainInsecure(server);
  if (server.keys.publish && !live.client.token) keyForm.show();
  else live.connect();
  await opening;
  await goOnAfterReload();
}

async function openMedia() {
  if (!window.isSecureContext) return;
  showMediaProblem(await media.start());
  render();
}

/** Who was muted before the reload stays muted: set before there is anything that could be sent. */
function keepSwitches() {
  const memory = recallLive(name);
  if (memory?.isMuted) media.setMuted(true);
  if (memory?.isCameraOff) media.setCameraOff(true);
}

/** A page that was live until a moment ago goes on by itself. */
async function goOnAfterReload() {
  const memory = recallLive(name);
  if (!memory) return;
  if (memory.source === 'screen') {
    return showNotice({ title: 'You were sharing your screen', text: 'Share it again and press Go live to go on.' });
  }
  if (!hasMedia()) return;
  if ((await live.goOn()) !== 'elsewhere') return;
  showNotice({ title: 'Another tab of this browser is live', text: 'Go live here, and that tab stops sending.' });
}

async function goLive() {
  hideNotice();
  await live.goLive({ steal: true });
}

async function stop() {
  await live.stop().catch(() => {});
}

function wireButtons() {
  const onMeant = (/** @type {string} */ id, /** @type {() => Promise<void>} */ act) =>
    byId(id, HTMLButtonElement).addEventListener('click', () => mainPlace.isMeant(id, performance.now()) && void act());
  onMeant('go-live', goLive);
  onMeant('stop', stop);
  byId('notice-action', HTMLButtonElement).addEventListener('click', () => void openMedia());
  copyOnClick(byId('copy-link', HTMLButtonElement), byId('share-link', HTMLInputElement));
  copyOnClick(byId('copy-whip', HTMLButtonElement), byId('whip-address', HTMLInputElement));
}

function wireSettings() {
  const form = byId('settings-form', HTMLFormElement);
  form.addEventListener('input', () => {
    isUnsaved = true;
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    saveSettings();
  });
  byId('listed', HTMLInputElement).addEventListener('change', saveSettings);
}

function saveSettings() {
  const title = byId('title', HTMLInputElement).value.trim();
  const isSent = live.changeSettings({ title, listed: byId('listed', HTMLInputElement).checked });
  if (isSent) isUnsaved = false;
  setText(byId('settings-state', HTMLElement), isSent ? 'Saved.' : 'Not saved: the server does not answer.');
}

function render() {
  const state = publishState(status, hasMedia(), isInsecure);
  document.body.dataset.state = state;
  setText(byId('badge', HTMLElement), PUBLISH_BADGES[state]);
  setText(
    byId('status', HTMLElement),
    publishWords(state, status, media.media, broadcast?.state === 'live', broadcast?.reason),
  );
  const goLiveButton = byId('go-live', HTMLButtonElement);
  const stopButton = byId('stop', HTMLButtonElement);
  goLiveButton.disabled = !hasMedia();
  const [now, before] = live.isRunning ? [stopButton, goLiveButton] : [goLiveButton, stopButton];
  now.hidden = false;
  hideFor(before, goLiveButton === now && goLiveButton.disabled ? byId('status', HTMLElement) : now);
  setText(byId('stop-label', HTMLElement), state === 'live' || state === 'reconnecting' ? 'Stop' : 'Cancel');
  byId('facts', HTMLElement).hidden = !live.isRunning && broadcast?.state !== 'live';
  for (const id of ['quality', 'stage-viewers'])
    byId(id, HTMLElement).hidden = state !== 'live' && state !== 'reconnecting';
  if (status?.phase === 'needs-key') keyForm.show(status.error?.code === 'wrong_key' ? status.words : '');
}

/** @param {BroadcastView} now */
function renderBroadcast(now) {
  setText(byId('viewers', HTMLElement), String(now.viewers));
  setText(byId('stage-viewers', HTMLElement), `${now.viewers} watching`);
  if (!isUnsaved) renderSettings(now);
  chatSettings.show(now);
  renderDuration();
}

/** @param {BroadcastView} now */
function renderSettings(now) {
  const title = byId('title', HTMLInputElement);
  if (document.activeElement !== title) title.value = now.title ?? '';
  byId('listed', HTMLInputElement).checked = now.listed;
}

function renderDuration() {
  if (broadcast?.state !== 'live') return;
  setText(byId('duration', HTMLElement), durationText(clock.now() - Date.parse(broadcast.since)));
}

/** @param {ServerInfo} server */
function showAddresses(server) {
  byId('share-link', HTMLInputElement).value = `${originForOthers(server)}${pagePath('join', name)}`;
  byId('whip-address', HTMLInputElement).value = `${originForOthers(server)}/whip/${encodeURIComponent(name)}`;
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  setLine(
    byId('share-hint', HTMLElement),
    [
      isLocal ? 'This link works on this machine. Elsewhere, put its name or address in place of localhost.' : '',
      server.keys.view ? 'Viewers are asked for the view key.' : '',
    ]
      .join(' ')
      .trim(),
  );
  setLine(
    byId('whip-hint', HTMLElement),
    server.keys.publish
      ? 'Bearer token: the publish key.'
      : 'No bearer token is needed; one you enter is kept as yours.',
  );
}

/** @param {ServerInfo} server */
function explainInsecure(server) {
  isInsecure = true;
  byId('obs', HTMLDetailsElement).open = true;
  const path = pagePath('publish', name);
  showNotice(insecureNotice(location.hostname, server.httpsPort, path, live.client.token));
  // OBS may be publishing under this name: its viewers and settings show here all the same.
  if (!server.keys.publish || live.client.token) live.connect();
  render();
}

/**
 * @param {MediaProblem | null} problem
 * @param {'camera' | 'microphone'} [picked]
 */
function showMediaProblem(problem, picked) {
  if (!problem) return hideNotice();
  const hasOld = picked === 'camera' ? media.hasCamera : media.hasMicrophone;
  showNotice(picked ? pickedNotice(problem, picked, hasOld) : mediaNotice(problem, media));
}

/** @param {Notice} notice */
function showNotice({ title, text, action, link }) {
  setText(byId('notice-title', HTMLElement), title);
  setText(byId('notice-text', HTMLElement), text);
  const button = byId('notice-action', HTMLButtonElement);
  setLine(button, action ?? '');
  const anchor = byId('notice-link', HTMLAnchorElement);
  anchor.href = link?.href ?? '#';
  setLine(anchor, link?.text ?? '');
  byId('notice', HTMLElement).hidden = false;
}

function hideNotice() {
  hideFor(byId('notice', HTMLElement), byId('status', HTMLElement));
}

function hasMedia() {
  return media.media.audio !== null || media.media.video !== null;
}
