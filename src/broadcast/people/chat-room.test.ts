// Who may write in a chat, how often, and how much of it is remembered.

import { describe, expect, it, test } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { BroadcastSettings, ChatMessage, ChatRight } from '../ports.ts';
import { DEFAULT_SETTINGS } from '../settings.ts';
import { type Author, ChatRoom } from './chat-room.ts';

const NAMED: Author = { viewer: 'a', name: 'Ann', role: 'viewer', mute: undefined, who: {} };
const NAMELESS: Author = { ...NAMED, name: '', who: {} };
const PUBLISHER: Author = { ...NAMELESS, viewer: 'p', role: 'publisher', who: {} };
const PROGRAM: Author = { ...NAMELESS, viewer: null, role: 'program', who: undefined };

/** The code of the refusal; undefined when it was admitted. */
function refusal(room: ChatRoom, author: Author, settings: Partial<BroadcastSettings> = {}, nowMs = 0, viewers = 1) {
  try {
    room.admit(author, { ...DEFAULT_SETTINGS, ...settings }, viewers, nowMs);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

function message(id: string, text = id): ChatMessage {
  return { id, viewer: 'a', name: 'Ann', role: 'viewer', text, atMs: 0 };
}

describe('with the setting', () => {
  it.each<[ChatRight, (string | undefined)[]]>([
    ['off', ['chat_off', 'chat_off', 'chat_off', 'chat_off']],
    ['publisher', ['chat_publisher_only', 'chat_publisher_only', undefined, undefined]],
    ['named', [undefined, 'chat_needs_name', undefined, undefined]],
    ['everyone', [undefined, undefined, undefined, undefined]],
  ])('%s: named, nameless, publisher, program', (chat, expected) => {
    const verdicts = [NAMED, NAMELESS, PUBLISHER, PROGRAM].map((author) =>
      refusal(new ChatRoom(DEFAULT_LIMITS), author, { chat }),
    );
    expect(verdicts).toEqual(expected);
  });
});

test('who is muted may write when the time is over', () => {
  const room = new ChatRoom(DEFAULT_LIMITS);
  const muted = { ...NAMED, mute: { untilMs: 10_000, reason: '' } };
  expect(() => room.admit(muted, DEFAULT_SETTINGS, 1, 2_500)).toThrow(
    expect.objectContaining({ code: 'chat_muted', detail: 'Wait 8 s.', retryAfterSeconds: 8 }),
  );
  expect(refusal(room, muted, {}, 10_000)).toBeUndefined();
});

test('slow mode holds each viewer to one message in a while, and not the publisher', () => {
  const room = new ChatRoom(DEFAULT_LIMITS);
  const slow = { slowModeSeconds: 30 };
  expect(refusal(room, NAMED, slow, 0)).toBeUndefined();
  expect(() => room.admit(NAMED, { ...DEFAULT_SETTINGS, ...slow }, 1, 10_500)).toThrow(
    expect.objectContaining({ code: 'chat_slow_mode', detail: 'Wait 20 s.' }),
  );
  expect(refusal(room, { ...NAMED, who: {} }, slow, 10_500)).toBeUndefined();
  expect(refusal(room, NAMED, slow, 30_000)).toBeUndefined();
  for (const nowMs of [0, 1, 2]) expect(refusal(room, PUBLISHER, slow, nowMs)).toBeUndefined();
});

test('nobody writes faster than people do, the publisher neither', () => {
  const room = new ChatRoom(DEFAULT_LIMITS);
  for (const author of [NAMED, PUBLISHER, PROGRAM]) {
    const verdicts = Array.from({ length: 6 }, () => refusal(room, author));
    expect(verdicts).toEqual([...Array(5).fill(undefined), 'chat_rate_exceeded']);
    expect(refusal(room, author, {}, 2_000)).toBeUndefined();
  }
});

test('a crowd together writes only so much', () => {
  const room = new ChatRoom({ ...DEFAULT_LIMITS, chatBurst: 3 });
  const verdicts = Array.from({ length: 4 }, () => refusal(room, { ...NAMED, who: {} }));
  expect(verdicts).toEqual([undefined, undefined, undefined, 'chat_rate_exceeded']);
});

/** How many of so many people may write at this moment. */
function writers(room: ChatRoom, viewers: number, nowMs: number): number {
  const verdicts = Array.from({ length: 50 }, () => refusal(room, { ...NAMED, who: {} }, {}, nowMs, viewers));
  return verdicts.filter((verdict) => verdict === undefined).length;
}

test.each([
  [1, 40, 20],
  [1_000, 40, 20],
  [5_000, 8, 4],
  [20_000, 2, 1],
  [1_000_000, 1, 1],
])('a crowd of %i writes %i at once, then %i in two seconds or one', (viewers, burst, more) => {
  const room = new ChatRoom(DEFAULT_LIMITS);
  expect(writers(room, viewers, 0)).toBe(burst);
  expect(writers(room, viewers, viewers > 20_000 ? 2_000 : 1_000)).toBe(more);
});

test('a crowd that writes too much keeps neither the publisher nor programs from writing', () => {
  const room = new ChatRoom(DEFAULT_LIMITS);
  writers(room, 1, 0);
  expect([refusal(room, NAMED), refusal(room, PUBLISHER), refusal(room, PROGRAM)]).toEqual([
    'chat_rate_exceeded',
    undefined,
    undefined,
  ]);
});

test('who is refused because of the crowd keeps its turns, and who is refused alone costs the crowd none', () => {
  const room = new ChatRoom({ ...DEFAULT_LIMITS, chatBurst: 6 });
  for (let i = 0; i < 5; i += 1) refusal(room, NAMED);
  for (let i = 0; i < 9; i += 1) expect(refusal(room, NAMED)).toBe('chat_rate_exceeded');
  const late = { ...NAMED, who: {} };
  expect(refusal(room, late)).toBeUndefined();
  for (let i = 0; i < 9; i += 1) expect(refusal(room, late)).toBe('chat_rate_exceeded');
  const verdicts = Array.from({ length: 5 }, () => refusal(room, late, {}, 1_000));
  expect(verdicts).toEqual([undefined, undefined, undefined, undefined, 'chat_rate_exceeded']);
});

describe('the history', () => {
  it('keeps the newest, by number and by bytes', () => {
    const room = new ChatRoom({ ...DEFAULT_LIMITS, chatMessages: 3, chatBytes: 20 });
    for (const id of ['1', '2', '3']) expect(room.remember(message(id))).toEqual([]);
    expect(room.remember(message('4'))).toEqual([message('1')]);
    expect(room.remember(message('5', '🎥🎥🎥')).map(({ id }) => id)).toEqual(['2', '3']);
    expect(room.history.map(({ id }) => id)).toEqual(['4', '5']);
  });

  it('gives the same array until something changes', () => {
    const room = new ChatRoom(DEFAULT_LIMITS);
    room.restore([message('1'), message('2')]);
    const { history } = room;
    expect(room.history).toBe(history);
    expect(room.has('unknown')).toBe(false);
    room.remove('unknown');
    expect(room.history).toBe(history);
    expect(room.has('1')).toBe(true);
    room.remove('1');
    expect(room.history).toEqual([message('2')]);
    expect(history).toHaveLength(2);
  });

  it('is forgotten as a whole', () => {
    const room = new ChatRoom(DEFAULT_LIMITS);
    expect(room.forget()).toBe(false);
    room.remember(message('1'));
    expect(room.forget()).toBe(true);
    expect(room.history).toEqual([]);
  });
});
