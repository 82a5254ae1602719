// The waterfall of a join: rows, bars, words.

import { describe, expect, it } from 'vitest';
import { type JoinMarks, waterfall, waterfallWords } from './join-waterfall.js';

const JOIN: JoinMarks = {
  asked: 40,
  answered: 60,
  serverMs: 3.42,
  ice: 100,
  connected: 110,
  packet: 130,
  keyFrame: 180,
  picture: 200,
  socketAsked: 40,
  socketOpen: 80,
};

/** `First packet 110+20`. */
function inWords(marks: JoinMarks): string[] {
  return waterfall(marks).map(({ words, startMs, ms }) => `${words} ${startMs}+${ms}`);
}

describe('the rows of a waterfall', () => {
  it('follow each other without a gap, and the WebSocket comes beside them', () => {
    expect(inWords(JOIN)).toEqual([
      'Loading the page 0+40',
      'Asking the server 40+20',
      'Finding a path 60+40',
      'Agreeing on keys 100+10',
      'First packet 110+20',
      'First key frame 130+50',
      'First picture 180+20',
      'WebSocket 40+40',
    ]);
  });

  it('add up to the picture', () => {
    const phases = waterfall(JOIN).filter(({ words }) => words !== 'WebSocket');
    expect(phases.reduce((sum, { ms }) => sum + ms, 0)).toBe(JOIN.picture);
  });

  it('leave out what a browser does not tell: the next phase takes its time', () => {
    const { keyFrame: _, socketOpen: __, ...marks } = JOIN;
    expect(inWords(marks).slice(-2)).toEqual(['First packet 110+20', 'First picture 130+70']);
  });

  it('never go backwards where an event was told late', () => {
    expect(inWords({ ...JOIN, packet: 190 }).slice(4, 7)).toEqual([
      'First packet 110+80',
      'First key frame 190+0',
      'First picture 190+10',
    ]);
  });

  it('are as many as there are marks so far', () => {
    expect(inWords({})).toEqual([]);
    expect(inWords({ asked: 40, answered: 60 })).toEqual(['Loading the page 0+40', 'Asking the server 40+20']);
  });

  it.each([
    [3.42, 'server: 3.4 ms'],
    [42.7, 'server: 43 ms'],
    [undefined, ''],
  ])("say the server's share (%s)", (serverMs, note) => {
    const { serverMs: _, ...marks } = JOIN;
    expect(waterfall(serverMs === undefined ? marks : { ...marks, serverMs })[1]?.note).toBe(note);
  });
});

describe('the bars of a waterfall', () => {
  it('lie where their time was', () => {
    const [loading, , , , , , picture, socket] = waterfall(JOIN);
    expect([loading?.offsetShare, loading?.widthShare]).toEqual([0, 0.2]);
    expect([picture?.offsetShare, picture?.widthShare]).toEqual([0.9, expect.closeTo(0.1)]);
    expect([socket?.offsetShare, socket?.widthShare]).toEqual([0.2, 0.2]);
  });

  it('stay inside when the WebSocket takes longer than the picture', () => {
    const socket = waterfall({ ...JOIN, socketAsked: 150, socketOpen: 5_000 }).at(-1);
    expect([socket?.ms, socket?.offsetShare, socket?.widthShare]).toEqual([4_850, 0.75, 0.25]);
    expect(waterfall({ ...JOIN, socketAsked: 300, socketOpen: 400 }).at(-1)).toMatchObject({
      offsetShare: 1,
      widthShare: 0,
    });
  });
});

describe('the words over a waterfall', () => {
  it.each([
    [null, 'First picture after 200 ms.'],
    ['came-early', 'You came before the broadcaster: only the connection was measured.'],
    ['hidden', 'This page was in the background, where browsers show no pictures.'],
    ['resumed', 'It took more than one try to connect.'],
  ] as const)('of a join that was spoiled by %s', (spoiledBy, words) => {
    expect(waterfallWords(JOIN, spoiledBy)).toBe(words);
  });

  it('before the picture', () => {
    expect(waterfallWords({ asked: 1 }, null)).toBe('No picture yet.');
  });
});
