// What every page knows: which broadcast its address names, the keys it was given, and what the server says of itself.

import { request } from './problem.js';
import { sessionStore } from './storage.js';

const DEFAULT_BROADCAST = 'live';
const VALID_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** @typedef {'publish' | 'view'} Right */

/**
 * @typedef {object} ServerInfo
 * @property {number | null} httpsPort
 * @property {number | null} httpPort
 * @property {boolean} selfSigned the certificate of the HTTPS port is one that the server made
 * @property {string} version
 * @property {{ publish: boolean, view: boolean }} keys which rights need a key
 */

/** @type {ServerInfo} */
const UNKNOWN_SERVER = {
  httpPort: null,
  httpsPort: null,
  selfSigned: false,
  version: '',
  keys: { publish: false, view: false },
};

// A link with a key that is pasted over the address of an open page only changes the hash: start anew with that key.
addEventListener('hashchange', () => {
  if (keyInAddress()) location.reload();
});

/** The broadcast of `/publish/<name>` or `/join/<name>`; the bare pages mean `live`. */
export function broadcastFromPath(path = location.pathname) {
  const [, , name = ''] = path.split('/');
  return safeDecode(name) || DEFAULT_BROADCAST;
}

/** @param {string} name */
export function isValidName(name) {
  return VALID_NAME.test(name);
}

/**
 * @param {'publish' | 'join'} page
 * @param {string} broadcast
 */
export function pagePath(page, broadcast) {
  return broadcast === DEFAULT_BROADCAST ? `/${page}` : `/${page}/${encodeURIComponent(broadcast)}`;
}

/**
 * The key for a right: from `#key=…`, which is then taken out of the address so that nobody shares it by accident,
 * or from this tab's memory.
 * @param {Right} right
 * @returns {string | undefined}
 */
export function readKey(right) {
  const fromAddress = keyInAddress();
  if (fromAddress) {
    storeKey(right, fromAddress);
    history.replaceState(null, '', location.pathname + location.search);
    return fromAddress;
  }
  return sessionStore.get(storageName(right)) ?? undefined;
}

/**
 * @param {Right} right
 * @param {string} key
 */
export function storeKey(right, key) {
  sessionStore.set(storageName(right), key);
}

/** @returns {Promise<ServerInfo>} */
export async function serverInfo() {
  try {
    const response = await request('/api/server', { signal: AbortSignal.timeout(5000) });
    return { ...UNKNOWN_SERVER, ...(await response.json()) };
  } catch {
    return UNKNOWN_SERVER;
  }
}

/**
 * Where others should go. Not to a certificate that the server made itself: browsers warn of it and OBS refuses it,
 * while viewing and WHIP need no secure page.
 * @param {ServerInfo} server
 * @returns {string}
 */
export function originForOthers({ httpPort, httpsPort, selfSigned }) {
  const isDirect = location.protocol === 'https:' && Number(location.port || 443) === httpsPort;
  return isDirect && selfSigned && httpPort ? `http://${location.hostname}:${httpPort}` : location.origin;
}

function keyInAddress() {
  return new URLSearchParams(location.hash.slice(1)).get('key');
}

/** @param {Right} right */
function storageName(right) {
  return `fanlight:${right}-key`;
}

/** @param {string} text */
function safeDecode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
