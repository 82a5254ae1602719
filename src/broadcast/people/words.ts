// What people write that others read: names and lines of chat. It must not know who wrote them or who reads them.

import { FanlightError } from '../../errors.ts';

export const NAME_CHARACTERS = 40;
export const CHAT_CHARACTERS = 500;
export const MUTE_REASON_CHARACTERS = 120;
/** A line of chat is not a tower. */
const MAX_LINES = 10;

/** They would turn the text around them, or hide what is written; a lone surrogate does not survive UTF-8. */
const FORBIDDEN_IN_NAMES = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u;
/** Nothing to see: alone they are no words, in a name they make a twin of another name. U+2800 is Braille without dots. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** What holds an emoji together (UTS #51): between pictures, after one, and in a keycap. */
const INSIDE_EMOJI =
  /(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d(?=\p{Extended_Pictographic})|(?<=\p{Extended_Pictographic})\ufe0f|(?<=[0-9#*])\ufe0f(?=\u20e3)/gu;
/** Something to see, once what is invisible is gone. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;
/** Marks pile up over the lines around them. No script needs so many on one letter. */
const PILED_MARKS = /(\p{M}{4})\p{M}+/gu;
/** What the pages call the publisher. */
const NAME_OF_PUBLISHERS = 'broadcaster';

/** A name as it is shown; empty when it is taken back. Errors: invalid_display_name. */
export function parseDisplayName(text: string): string {
  const name = text.trim().replace(/\s+/gu, (blank) => (FORBIDDEN_IN_NAMES.test(blank) ? blank : ' '));
  if (name === '') return '';
  const isPlain = !FORBIDDEN_IN_NAMES.test(name) && name.replace(INSIDE_EMOJI, '').search(INVISIBLE) < 0;
  const isFine = isPlain && isVisible(name) && name.search(PILED_MARKS) < 0 && characters(name) <= NAME_CHARACTERS;
  if (!isFine) throw new FanlightError('invalid_display_name');
  return name;
}

/** No viewer passes for the publisher by a name that looks the same (NFKC). */
export function isNameOfPublishers(name: string): boolean {
  return name.normalize('NFKC').trim().toLowerCase() === NAME_OF_PUBLISHERS;
}

/** Line breaks stay, other control characters become blanks. Errors: invalid_chat_message. */
export function parseChatText(text: string): string {
  const tidy = text
    .replace(/\r\n?/g, '\n')
    .replace(/[\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]|(?!\n)\p{Cc}/gu, ' ')
    .replace(/\n{3,}/g, '\n\n')
    .replace(PILED_MARKS, '$1')
    .trim();
  if (!isVisible(tidy)) throw new FanlightError('invalid_chat_message', 'It is empty.');
  if (characters(tidy) > CHAT_CHARACTERS) throw new FanlightError('invalid_chat_message', 'It is too long.');
  if (tidy.split('\n').length > MAX_LINES) throw new FanlightError('invalid_chat_message', 'It has too many lines.');
  return tidy;
}

/** One line, cut where it is too long. */
export function tidyReason(text: string): string {
  const line = text
    .slice(0, 4 * MUTE_REASON_CHARACTERS)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return Array.from(line).slice(0, MUTE_REASON_CHARACTERS).join('').trimEnd();
}

function isVisible(text: string): boolean {
  return VISIBLE.test(text.replace(INVISIBLE, ''));
}

/** Characters as people count them, near enough: code points. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
