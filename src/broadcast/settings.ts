// What a publisher may set about a broadcast. It must not know who may, or where settings are kept.

import type { BroadcastSettings } from './ports.ts';

export const DEFAULT_SETTINGS: BroadcastSettings = { title: '', listed: true };

const TITLE_CHARACTERS = 120;

export function isDefaultSettings(settings: BroadcastSettings): boolean {
  return settings.title === DEFAULT_SETTINGS.title && settings.listed === DEFAULT_SETTINGS.listed;
}

/** The settings after the change; the same object when nothing is different. */
export function changeSettings(settings: BroadcastSettings, change: Partial<BroadcastSettings>): BroadcastSettings {
  const title = change.title === undefined ? settings.title : tidyTitle(change.title);
  const listed = change.listed ?? settings.listed;
  if (title === settings.title && listed === settings.listed) return settings;
  return { title, listed };
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
