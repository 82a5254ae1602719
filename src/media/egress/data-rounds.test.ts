import { beforeEach, describe, expect, it } from 'vitest';
import { DataRounds } from './data-rounds.ts';

const turn = () => new Promise(setImmediate);
const MANY = Array.from({ length: 250 }, (_, index) => index);

let rounds: DataRounds<number>;
let troubles: [number, unknown][];
let served: [string, number][];

beforeEach(() => {
  troubles = [];
  rounds = new DataRounds((viewer, error) => troubles.push([viewer, error]));
  served = [];
});

const serving = (name: string) => (viewer: number) => {
  served.push([name, viewer]);
};

describe('data for viewers', () => {
  it('of a small audience goes out at once', () => {
    rounds.add('one', [1, 2], serving('a'));
    rounds.add('one', [2, 1], serving('b'));
    expect(served).toEqual([
      ['a', 1],
      ['a', 2],
      ['b', 2],
      ['b', 1],
    ]);
  });

  it('of a large one goes out in turns, between which the sockets have theirs', async () => {
    rounds.add('one', MANY, serving('a'));
    expect(served).toHaveLength(100);
    await turn();
    expect(served).toHaveLength(200);
    await turn();
    expect(served).toEqual(MANY.map((viewer) => ['a', viewer]));
    rounds.add('one', [1], serving('b'));
    expect(served.at(-1)).toEqual(['b', 1]);
  });

  it('keeps its order: nobody gets the second message before the first', async () => {
    rounds.add('one', MANY, serving('a'));
    rounds.add('one', [7], serving('b'));
    rounds.add('one', MANY, serving('c'));
    while (served.length < 501) await turn();
    expect(served.filter(([, viewer]) => viewer === 7).map(([name]) => name)).toEqual(['a', 'b', 'c']);
    expect(served.findIndex(([name]) => name === 'c')).toBe(251);
  });

  it('passes by those who left meanwhile', async () => {
    const viewers = new Set(MANY);
    rounds.add('one', viewers, serving('a'));
    viewers.delete(200);
    viewers.delete(5);
    for (let count = 0; count < 5; count++) await turn();
    expect(served).toHaveLength(249);
  });

  it('is forgotten when everything stops', async () => {
    rounds.add('one', MANY, serving('a'));
    rounds.stop();
    for (let count = 0; count < 3; count++) await turn();
    expect(served).toHaveLength(100);
  });

  it('of a busy broadcast does not delay that of another', async () => {
    for (let count = 0; count < 20; count++) rounds.add('busy', MANY, serving('a'));
    rounds.add('quiet', [1], serving('b'));
    await turn();
    expect(served.some(([name]) => name === 'b')).toBe(true);
  });

  it.each([
    [512, 0],
    [4, 1024 * 1024],
  ])('is bounded for each broadcast: %i rounds of %i bytes fill it', async (count, bytes) => {
    for (let round = 1; round < count; round++) rounds.add('busy', MANY, serving('a'), bytes);
    expect(rounds.isFull('busy')).toBe(false);
    rounds.add('busy', MANY, serving('a'), bytes);
    expect([rounds.isFull('busy'), rounds.isFull('quiet')]).toEqual([true, false]);
    for (let left = 0; left < 4; left++) await turn();
    expect(rounds.isFull('busy')).toBe(false);
  });

  it('reaches the others when serving one throws', () => {
    rounds.add('one', [1, 2], (viewer) => {
      if (viewer === 1) throw new Error('a bug');
      served.push(['a', viewer]);
    });
    expect(served).toEqual([['a', 2]]);
    expect(troubles).toEqual([[1, new Error('a bug')]]);
  });
});
