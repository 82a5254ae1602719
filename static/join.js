// The join page: views one broadcast, says how it stands, and shows its data messages.

import { ChatPanel } from './chat-panel.js';
import { byId, fillIcons, hideFor, setLine, setText } from './dom.js';
import { GraceCountdown } from './grace-countdown.js';
import { JOIN_WORDS, joinState } from './join-state.js';
import { JoinWatch } from './join-watch.js';
import { KeyForm } from './key-form.js';
import { arrivedOver } from './media-pulse.js';
import { MessageList } from './message-list.js';
import { Overlay } from './overlay.js';
import { broadcastFromPath, readKey } from './page.js';
import { Player } from './player.js';
import { setUpControls } from './player-controls.js';
import { PresenceList } from './presence-list.js';
import { QualityPanel } from './quality-panel.js';
import { reasonWords } from './reason-words.js';
import { ResilientSession } from './resilient-session.js';
import { Standstill } from './standstill.js';
import { TimedMessages } from './timed-messages.js';
import { WaterfallPanel } from './waterfall-panel.js';
import { WhepClient } from './whep-client.js';

/** @import { Status } from './reconnector.js' */
/** @import { BroadcastView } from './signaling-socket.js' */

const name = broadcastFromPath();
const video = byId('video', HTMLVideoElement);
const player = new Player(video, byId('still', HTMLCanvasElement));
const overlay = new Overlay(byId('overlay', HTMLElement), video);
const messages = new MessageList(byId('messages', HTMLElement), byId('messages-empty', HTMLElement));
const timed = new TimedMessages(video, ({ message }) => show('timed', message));
const keyForm = new KeyForm('view', (key) => {
  session.useKey(key);
  join(performance.now());
});

const key = readKey('view');
const client = new WhepClient(`/whep/${encodeURIComponent(name)}`, key ? { token: key } : {});
const asks = { presence: true, chat: true };
const session = new ResilientSession({ client, open: view, role: 'viewer', broadcast: name, asks });
const countdown = new GraceCountdown(byId('status-remaining', HTMLElement), session.socket);
const standstill = new Standstill({
  isHeard: () => session.socket.isOpen,
  arrived: () => arrivedOver(client.peerConnection),
});
const watch = new JoinWatch({
  client,
  socket: session.socket,
  video,
  isLive: () => (broadcast?.state ?? 'live') === 'live',
});

/** @type {MediaStreamTrack[]} */
let tracks = [];
/** @type {BroadcastView | undefined} */
let broadcast;
/** @type {Status | undefined} */
let status;
let hasPicture = false;
let wasSeen = false;

session.on('status', (now) => {
  status = now;
  render();
});
session.on('broadcast', (now) => {
  const mayPlayNow = status?.phase === 'unsupported' && kindsOf(now) !== kindsOf(broadcast);
  broadcast = now;
  if (mayPlayNow) join(performance.now());
  if (now.state === 'idle') overlay.clear();
  showTracks();
  render();
});
session.on('session', render);
session.socket.on('state', (state) => state === 'waiting' && standstill.doubt());
standstill.on('changed', render);
client.on('channel', listenTo);
client.on('previous', render);
client.on('connection', (connection) => timed.restart(connection));
player.on('playing', (isPlaying) => {
  hasPicture = isPlaying;
  wasSeen ||= isPlaying;
  if (isPlaying) client.releasePrevious();
  render();
});

// First of all the picture; what surrounds it is put together while the offer is on its way.
join(0);
session.socket.connect();
fillIcons();
setUpControls(player, video, byId('stage', HTMLElement));
setText(byId('name', HTMLElement), name);
byId('again', HTMLButtonElement).addEventListener('click', () => join(performance.now()));
new ChatPanel(byId('chat', HTMLElement), session.socket, { role: 'viewer' });
new PresenceList(byId('people', HTMLElement), session.socket);
new QualityPanel('viewer', {
  words: byId('quality-words', HTMLElement),
  numbers: byId('quality-numbers', HTMLElement),
  connection: () => client.peerConnection,
});
new WaterfallPanel(watch, {
  words: byId('waterfall-words', HTMLElement),
  table: byId('waterfall', HTMLTableElement),
});
leaveWithThePage();
Object.defineProperty(window, 'fanlight', {
  value: {
    get peerConnection() {
      return client.peerConnection;
    },
    get session() {
      return client.sessionId;
    },
  },
});

/** @param {number} clickedAtMs on the clock of `performance.now()`; the page itself was asked for at 0 */
function join(clickedAtMs) {
  watch.start(clickedAtMs);
  session.start();
}

async function view() {
  tracks = await client.view();
  showTracks();
}

function showTracks() {
  if (tracks.length > 0) void player.show(tracks, new Set(broadcast?.tracks.map(({ kind }) => kind)));
}

/** @param {RTCDataChannel} channel */
function listenTo(channel) {
  channel.binaryType = 'arraybuffer';
  channel.onmessage = ({ data }) => {
    if (channel.label === 'fanlight') heardFromServer(data);
    else if (typeof data !== 'string') messages.add(channel.label, `${data.byteLength} bytes of binary data`);
    else if (channel.label !== 'timed' || !timed.take(data)) show(channel.label, data);
  };
}

/**
 * @param {string} label
 * @param {string} text
 */
function show(label, text) {
  // A box of a frame is where it belongs in that frame, not on its way there.
  if (!overlay.take(label, text, { glides: label !== 'timed' })) messages.add(label, text);
}

/** @param {unknown} data a message of the control channel */
function heardFromServer(data) {
  try {
    const report = JSON.parse(String(data));
    if (report.type === 'lost')
      messages.note(`${report.messages} messages on “${report.label}” came too fast for you.`);
  } catch {
    // A newer server may say what this page does not know.
  }
}

function render() {
  if (!status) return;
  const state = joinState({
    ...status,
    isCarried: client.isCarried,
    broadcast: broadcast?.state,
    wasSeen,
    hasPicture,
    hasOldPicture: wasSeen && client.isPreviousAlive,
    isStill: standstill.isStill,
    unsupportedCodec: session.unsupportedCodec,
  });
  const words = { ...JOIN_WORDS[state], ...reasonWords(state, broadcast?.reason) };
  document.body.dataset.state = state;
  setText(byId('status-headline', HTMLElement), words.headline);
  setLine(byId('status-detail', HTMLElement), detailFor(state, words.detail));
  setText(byId('state-word', HTMLElement), words.word);
  countdown.show(state === 'interrupted' ? broadcast?.graceEndsAt : null);
  const again = byId('again', HTMLButtonElement);
  if (state === 'stopped' || state === 'unsupported') again.hidden = false;
  else hideFor(again, byId('status', HTMLElement));
  byId('sound-only', HTMLElement).hidden = state !== 'live' || hasVideo(broadcast);
  if (state === 'needs-key') keyForm.show(status.error?.code === 'wrong_key' ? status.words : '');
  else keyForm.hide();
  renderBroadcast();
}

/**
 * @param {string} state
 * @param {string} detail
 */
function detailFor(state, detail) {
  if (state === 'unsupported') return unsupportedDetail();
  if (state === 'stopped' || state === 'connecting' || state === 'reconnecting') {
    const words = status?.words ?? '';
    return /^(Connecting|Reconnecting)…$/.test(words) ? '' : words;
  }
  return detail;
}

function unsupportedDetail() {
  const detail = status?.error?.detail;
  // The server's refusal is written for programs: of it, a person needs the codec alone.
  const codec = session.unsupportedCodec ?? detail?.match(/^The publisher sends ([^;]+);/)?.[1];
  if (codec === undefined) return detail ?? status?.words ?? '';
  return `The broadcaster sends ${codec}, which this browser cannot decode. Another browser may. When they change it, the picture comes by itself.`;
}

function renderBroadcast() {
  const title = broadcast?.title || name;
  const count = broadcast?.viewers ?? 0;
  setText(byId('title', HTMLElement), title);
  document.title = `${title} · Fanlight`;
  byId('viewers-line', HTMLElement).hidden = broadcast === undefined;
  setText(byId('viewers', HTMLElement), String(count));
}

/** @param {BroadcastView | undefined} view */
function hasVideo(view) {
  return view === undefined || view.tracks.length === 0 || view.tracks.some(({ kind }) => kind === 'video');
}

/** @param {BroadcastView | undefined} view */
function kindsOf(view) {
  return JSON.stringify(view?.tracks ?? []);
}

/** Frees the place at once; a page that comes back out of the browser's memory starts anew. */
function leaveWithThePage() {
  addEventListener('pagehide', () => {
    session.stop().catch(() => {});
    session.socket.close();
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
}
