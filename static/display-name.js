// The name that a person gives on the pages, remembered by the browser.

import { localStore } from './storage.js';

const STORED_AS = 'fanlight:display-name';

export const MAX_NAME_CHARACTERS = 40;

/** Empty when none was given. */
export function rememberedName() {
  return (localStore.get(STORED_AS) ?? '').slice(0, 2 * MAX_NAME_CHARACTERS);
}

/** @param {string} name empty: forget it */
export function rememberName(name) {
  if (name === '') localStore.remove(STORED_AS);
  else localStore.set(STORED_AS, name);
}
