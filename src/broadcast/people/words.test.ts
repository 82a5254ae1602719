// What may be written as a name and in the chat.

import { describe, expect, it } from 'vitest';
import { isNameOfPublishers, parseChatText, parseDisplayName, tidyReason } from './words.ts';

describe('a name', () => {
  it.each([
    ['Ann', 'Ann'],
    ['  Ann  Marie ', 'Ann Marie'],
    ['Ömer 🎥', 'Ömer 🎥'],
    ['👩‍🚀', '👩‍🚀'],
    ['❤️‍🔥 👩🏽‍🚀 1️⃣', '❤️‍🔥 👩🏽‍🚀 1️⃣'],
    ['Việt Nguyễn', 'Việt Nguyễn'],
    ['क्षत्रिय', 'क्षत्रिय'],
    [`a${'\u0301'.repeat(4)}`, `a${'\u0301'.repeat(4)}`],
    ['שלום', 'שלום'],
    ['x'.repeat(40), 'x'.repeat(40)],
    ['🎥'.repeat(40), '🎥'.repeat(40)],
    ['   ', ''],
    ['', ''],
  ])('%j is shown as %j', (text, name) => {
    expect(parseDisplayName(text)).toBe(name);
  });

  it.each([
    ['with a control character', 'a\u0007b'],
    ['of two lines', 'a\nb'],
    ['with a tab', 'a\tb'],
    ['with a right-to-left override', 'a\u202egnp.exe'],
    ['with an isolate', 'a\u2066b'],
    ['with a line separator', 'a\u2028b'],
    ['with half a character', 'a\ud83c'],
    ['that nobody sees', '\u200b\u200d'],
    ['of a Hangul filler', '\u3164'],
    ['of half a Hangul filler', '\uffa0'],
    ['of a Hangul vowel filler', '\u1160'],
    ['of Braille without dots', '\u2800'],
    ['with something invisible inside', 'An\u200bn'],
    ['with a joiner between letters', 'An\u200dn'],
    ['with a variation selector after a letter', 'Ann\ufe0f'],
    ['with a variation selector after a digit', 'Ann1\ufe0f'],
    ['with a joiner after its emoji', '🚀\u200d'],
    ['under a pile of marks', `a${'\u0301'.repeat(5)}`],
    ['of more than 40 characters', 'x'.repeat(41)],
  ])('%s is refused', (_, text) => {
    expect(() => parseDisplayName(text)).toThrow(expect.objectContaining({ code: 'invalid_display_name' }));
  });
});

it.each([
  ['broadcaster', true],
  [' BroadCaster ', true],
  ['ｂｒｏａｄｃａｓｔｅｒ', true],
  ['broadcasters', false],
  ['', false],
])('%j passes for the publisher: %j', (name, passes) => {
  expect(isNameOfPublishers(name)).toBe(passes);
});

describe('a line of chat', () => {
  it.each([
    ['  Hello  ', 'Hello'],
    ['<b>Hello</b>', '<b>Hello</b>'],
    ['one\r\ntwo\rthree', 'one\ntwo\nthree'],
    ['one\n\n\n\n\ntwo', 'one\n\ntwo'],
    ['a\u0000b\u202ec', 'a b c'],
    ['🎥'.repeat(500), '🎥'.repeat(500)],
    [`a${'\u0301'.repeat(90)}b`, `a${'\u0301'.repeat(4)}b`],
  ])('%j is told as %j', (text, told) => {
    expect(parseChatText(text)).toBe(told);
  });

  it.each([
    ['empty', ' \n '],
    ['invisible', '\u200b'],
    ['of fillers', '\u3164\u2800'],
    ['too long', 'x'.repeat(501)],
    ['a tower', 'x\n'.repeat(11)],
  ])('that is %s is refused', (_, text) => {
    expect(() => parseChatText(text)).toThrow(expect.objectContaining({ code: 'invalid_chat_message' }));
  });
});

it('a reason is one line of at most 120 characters', () => {
  expect(tidyReason('  too\n loud ')).toBe('too  loud');
  expect(tidyReason('x'.repeat(1000))).toBe('x'.repeat(120));
});
