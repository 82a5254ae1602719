// What becomes of texts that were sent into the chat.

import { beforeEach, describe, expect, it } from 'vitest';
import { UnansweredTexts } from './chat-unanswered.js';

const ANN = 'alias-of-ann';

const by = (viewer: string | null, ...texts: string[]) => texts.map((text) => ({ viewer, text }));

describe('UnansweredTexts', () => {
  let texts: UnansweredTexts;
  const send = (...sent: string[]) => {
    for (const text of sent) texts.sent(text, ANN);
  };
  const hear = (...heard: string[]) => {
    for (const message of by(ANN, ...heard)) texts.heard(message);
  };

  beforeEach(() => {
    texts = new UnansweredTexts();
  });

  it('gives back the one that was refused, whatever was taken before it', () => {
    send('a', 'b');
    hear('a');
    expect(texts.refused()).toBe('b');
    expect(texts.refused()).toBe('');
  });

  it('does not take the words of others for an answer', () => {
    send('a');
    texts.heard({ viewer: 'somebody', text: 'a' });
    expect(texts.refused()).toBe('a');
  });

  it('knows a text that the server tidied', () => {
    send('a\tb', 'c');
    hear('a b');
    expect(texts.refused()).toBe('c');
  });

  it.each<[string, { sent: string[]; answered: string[]; added: string[]; lost: string[] }]>([
    ['one that never arrived', { sent: ['a'], answered: [], added: [], lost: ['a'] }],
    ['one that arrived, whose answer did not', { sent: ['a'], answered: [], added: ['a'], lost: [] }],
    ['one that was answered', { sent: ['a'], answered: ['a'], added: [], lost: [] }],
    ['two of which the first arrived', { sent: ['a', 'b'], answered: [], added: ['a'], lost: ['b'] }],
    ['the same words twice, of which the first arrived', { sent: ['a', 'a'], answered: ['a'], added: [], lost: ['a'] }],
  ])('after a lost socket: %s', (_name, { sent, answered, added, lost }) => {
    send(...sent);
    hear(...answered);
    texts.socketLost();
    expect(texts.settle(by(ANN, ...added))).toEqual(lost);
    expect(texts.settle([])).toEqual([]);
  });

  it('knows what was written under the alias of a session that is over', () => {
    send('a');
    texts.socketLost();
    texts.sent('b', 'another-alias');
    expect(texts.settle(by(ANN, 'a'))).toEqual([]);
    expect(texts.refused()).toBe('b');
  });

  it('leaves what goes over the open socket to be answered there', () => {
    send('a');
    expect(texts.settle([])).toEqual([]);
    expect(texts.refused()).toBe('a');
  });

  it('keeps apart, by their words alone, those who write without a session', () => {
    texts.sent('a', null);
    texts.sent('b', null);
    texts.socketLost();
    expect(texts.settle(by(null, 'of a program', 'b'))).toEqual(['a']);
  });

  it('keeps no more than a person can have written meanwhile', () => {
    send(...Array.from({ length: 100 }, (_, index) => String(index)));
    texts.socketLost();
    expect(texts.settle([])).toHaveLength(20);
  });
});
