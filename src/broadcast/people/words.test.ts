// What may be written as a name and in the chat.

import { describe, expect, it } from 'vitest';
import { parseChatText, parseDisplayName, tidyReason } from './words.ts';

describe('a name', () => {
  it.each([
    ['Ann', 'Ann'],
    ['  Ann  Marie ', 'Ann Marie'],
    ['Ömer 🎥', 'Ömer 🎥'],
    ['👩‍🚀', '👩‍🚀'],
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
    ['of more than 40 characters', 'x'.repeat(41)],
  ])('%s is refused', (_, text) => {
    expect(() => parseDisplayName(text)).toThrow(expect.objectContaining({ code: 'invalid_display_name' }));
  });
});

describe('a line of chat', () => {
  it.each([
    ['  Hello  ', 'Hello'],
    ['<b>Hello</b>', '<b>Hello</b>'],
    ['one\r\ntwo\rthree', 'one\ntwo\nthree'],
    ['one\n\n\n\n\ntwo', 'one\n\ntwo'],
    ['a\u0000b\u202ec', 'a b c'],
    ['🎥'.repeat(500), '🎥'.repeat(500)],
  ])('%j is told as %j', (text, told) => {
    expect(parseChatText(text)).toBe(told);
  });

  it.each([
    ['empty', ' \n '],
    ['invisible', '\u200b'],
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
