// What a publisher may set about a broadcast. It must not know who may, or where settings are kept.

import type { BroadcastSettings } from './ports.ts';

export const DEFAULT_SETTINGS: BroadcastSettings = { title: '', listed: true, chat: 'named', slowModeSeconds: 0 };

const TITLE_CHARACTERS = 120;

export function isDefaultSettings(settings: BroadcastSettings): boolean {
  return isSame(settings, DEFAULT_SETTINGS);
}

/** The settings after the change; the same object when nothing is different. */
export function changeSettings(settings: BroadcastSettings, change: Partial<BroadcastSettings>): BroadcastSettings {
  const changed = { ...settings, ...change, title: tidyTitle(change.title ?? settings.title) };
  return isSame(changed, settings) ? settings : changed;
}

function isSame(one: BroadcastSettings, other: BroadcastSettings): boolean {
  return (
    one.title === other.title &&
    one.listed === other.listed &&
    one.chat === other.chat &&
    one.slowModeSeconds === other.slowModeSeconds
  );
}

/** One line of at most 120 characters; a character is never cut in two. */
function tidyTitle(title: string): string {
  // Cut roughly first: the exact cut makes an array of characters.
  const line = title
    .slice(0, 16 * TITLE_CHARACTERS)
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return Array.from(line).slice(0, TITLE_CHARACTERS).join('').trimEnd();
}
