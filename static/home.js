// The start page: what is live now, and the two ways in.

import { byId, durationText, fillIcons, setLine, setText } from './dom.js';
import { KeyForm } from './key-form.js';
import { isValidName, pagePath, readKey, serverInfo } from './page.js';
import { asProblem, request } from './problem.js';
import { timeOfAnswer } from './server-clock.js';

/** @import { BroadcastView } from './signaling-socket.js' */

const REFRESH_MS = 3000;

const list = byId('live-list', HTMLUListElement);
const status = byId('status', HTMLElement);
let key = readKey('view');
const takeKey = (/** @type {string} */ given) => {
  key = given;
  void refresh();
};
const keyForm = new KeyForm('view', takeKey, byId('live-heading', HTMLElement));

fillIcons();
goTo('publish', byId('publish-form', HTMLFormElement), byId('publish-name', HTMLInputElement));
goTo('join', byId('join-form', HTMLFormElement), byId('join-name', HTMLInputElement));
void refresh();
setInterval(() => document.visibilityState === 'visible' && void refresh(), REFRESH_MS);
addEventListener('focus', () => void refresh());
void serverInfo().then(({ version }) => setText(byId('version', HTMLElement), version));

/**
 * @param {'publish' | 'join'} page
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} field
 */
function goTo(page, form, field) {
  field.addEventListener('input', () => field.setCustomValidity(''));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const name = nameFrom(field.value);
    if (isValidName(name)) return location.assign(pagePath(page, name));
    field.setCustomValidity('A name has 1 to 64 letters, digits, dots, dashes or underscores.');
    field.reportValidity();
  });
}

/**
 * People paste the whole link where a name is asked for.
 * @param {string} text
 */
function nameFrom(text) {
  const [, pasted] = /\/join(?:\/([^/?#]*))?(?:[?#].*)?$/.exec(text.trim()) ?? [undefined, text.trim()];
  return pasted || 'live';
}

async function refresh() {
  try {
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    const response = await request('/api/broadcasts', { headers, signal: AbortSignal.timeout(5000) });
    /** @type {{ broadcasts: BroadcastView[] }} */
    const { broadcasts } = await response.json();
    keyForm.hide();
    const nowMs = timeOfAnswer(response.headers.get('Date'), Date.now());
    const shown = broadcasts.filter(({ state }) => state !== 'idle');
    show(shown, nowMs);
  } catch (error) {
    showProblem(asProblem(error));
  }
}

/**
 * @param {BroadcastView[]} broadcasts
 * @param {number} nowMs by the server's clock
 */
function show(broadcasts, nowMs) {
  setLine(status, broadcasts.length === 0 ? 'Nobody is live at the moment. What starts appears here by itself.' : '');
  const old = new Map([...list.children].map((item) => [item.getAttribute('data-name'), item]));
  const items = broadcasts.map((broadcast) =>
    updateItem(old.get(broadcast.name) ?? newItem(broadcast.name), broadcast, nowMs),
  );
  // An item that is put in again loses the keyboard's focus.
  if (items.some((item, index) => item !== list.children[index]) || items.length !== list.children.length) {
    list.replaceChildren(...items);
  }
}

/** @param {string} name */
function newItem(name) {
  const item = document.createElement('li');
  item.dataset.name = name;
  const link = document.createElement('a');
  link.className = 'card live-item';
  link.href = pagePath('join', name);
  for (const part of ['title', 'facts']) {
    const span = document.createElement('span');
    span.className = `live-item-${part}`;
    link.append(span);
  }
  item.append(link);
  return item;
}

/**
 * @param {Element} item
 * @param {BroadcastView} broadcast
 * @param {number} nowMs
 */
function updateItem(item, { name, title, state, since, viewers }, nowMs) {
  const [titleText, facts] = item.firstElementChild?.children ?? [];
  item.setAttribute('data-state', state);
  if (titleText) setText(titleText, title || name);
  if (facts) {
    const stands = state === 'live' ? `live for ${durationText(nowMs - Date.parse(since))}` : 'reconnecting';
    setText(facts, `${title ? `${name} · ` : ''}${stands} · ${viewers} watching`);
  }
  return item;
}

/** @param {import('./problem.js').ProblemError} problem */
function showProblem(problem) {
  if (problem.status !== 401) return setLine(status, `${problem.title} Trying again…`);
  list.replaceChildren();
  setLine(status, '');
  keyForm.show(key ? 'That key is not right.' : '');
}
