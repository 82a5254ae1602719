// Who may write in the chat, as the page says it, and what becomes of its list.

import { describe, expect, it } from 'vitest';
import {
  authorText,
  type ChatMessage,
  isAboutChat,
  isOfText,
  mergeHistory,
  surplus,
  type WritingFacts,
  waitText,
  writing,
} from './chat-rules.js';

const ANN: WritingFacts = {
  isOpen: true,
  right: 'named',
  isViewer: true,
  hasSession: true,
  name: 'Ann',
  muted: null,
  slowUntilMs: 0,
  nowMs: 1_000,
};
const BROADCASTER: Partial<WritingFacts> = { isViewer: false, name: '' };

describe('writing', () => {
  it.each<[string, Partial<WritingFacts>, string, RegExp]>([
    ['with a name', {}, 'write', /^$/],
    ['without a name', { name: '' }, 'name', /Give a name/],
    ['without a name where everyone may', { right: 'everyone', name: '' }, 'write', /^$/],
    ['where only the broadcaster may', { right: 'publisher' }, 'read', /Only the broadcaster/],
    ['where nobody may', { right: 'off' }, 'read', /off/],
    ['before there is a session', { hasSession: false }, 'wait', /connecting/],
    ['without the server', { isOpen: false }, 'wait', /connecting/],
    ['while muted', { muted: { untilMs: 61_000, reason: '' } }, 'wait', /muted you for another 1 min\.$/],
    ['while muted for a reason', { muted: { untilMs: 9_000, reason: 'Too loud' } }, 'wait', /another 8 s: Too loud$/],
    ['when the mute is over', { muted: { untilMs: 1_000, reason: '' } }, 'write', /^$/],
    ['in slow mode', { slowUntilMs: 13_000 }, 'wait', /in 12 s/],
    ['when the wait is over', { slowUntilMs: 1_000 }, 'write', /^$/],
    ['as the broadcaster', { ...BROADCASTER, right: 'publisher', slowUntilMs: 13_000 }, 'write', /^$/],
    ['as the broadcaster who is not live', { ...BROADCASTER, hasSession: false }, 'write', /^$/],
    ['as the broadcaster where it is off', { ...BROADCASTER, right: 'off' }, 'read', /off/],
  ])('%s', (_, facts, may, why) => {
    expect(writing({ ...ANN, ...facts })).toEqual({ may, why: expect.stringMatching(why) });
  });

  it.each([
    [0, '1 s'],
    [59_000, '59 s'],
    [59_001, '1 min'],
    [61_000, '2 min'],
    [3_600_000, '1 h'],
    [3_601_000, '2 h'],
  ])('in %i ms is in %s', (ms, text) => {
    expect(waitText(ms)).toBe(text);
  });
});

it.each([
  [{ name: 'Ann', role: 'viewer', viewer: 'abcdef' }, 'Ann'],
  [{ name: null, role: 'viewer', viewer: 'abcdef' }, 'Viewer abcd'],
  [{ name: null, role: 'publisher', viewer: 'abcdef' }, 'Broadcaster'],
  [{ name: null, role: 'program', viewer: null }, 'Program'],
] as const)('%j is called %s', (message, text) => {
  expect(authorText(message)).toBe(text);
});

describe('a history that is told again', () => {
  const said = (id: string): ChatMessage => ({
    id,
    viewer: null,
    name: null,
    role: 'viewer',
    text: id,
    at: `2026-01-01T00:00:0${id}.000Z`,
  });
  it.each<[string, string[], string[], string[], string[]]>([
    ['to a new page', [], ['1', '2'], [], ['1', '2']],
    ['as it was', ['1', '2'], ['1', '2'], [], []],
    ['with what was missed', ['1', '2'], ['1', '2', '3'], [], ['3']],
    ['without what was deleted', ['1', '2', '3'], ['1', '3'], ['2'], []],
    ['without what is too old for the server', ['1', '2', '3'], ['2', '3'], [], []],
    ['as nothing', ['1', '2'], [], ['1', '2'], []],
  ])('%s', (_, shown, history, gone, added) => {
    const merged = mergeHistory(shown.map(said), history.map(said));
    expect([merged.gone, merged.added.map(({ id }) => id)]).toEqual([gone, added]);
  });
});

it('the list has an end', () => {
  const ids = Array.from({ length: 203 }, (_, index) => String(index));
  expect(surplus(ids)).toEqual(['0', '1', '2']);
  expect(surplus(ids.slice(3))).toEqual([]);
});

it.each([
  ['chat_muted', true],
  ['invalid_display_name', true],
  ['invalid_chat_message', true],
  ['wrong_key', false],
  ['data_rate_exceeded', false],
])('%s is about the chat: %s', (code, expected) => {
  expect(isAboutChat(code)).toBe(expected);
});

it.each([
  ['chat_slow_mode', true],
  ['invalid_chat_message', true],
  ['chat_mutes_full', false],
  ['unknown_viewer', false],
  ['invalid_display_name', false],
])('%s answers a text: %s', (code, expected) => {
  expect(isOfText(code)).toBe(expected);
});
