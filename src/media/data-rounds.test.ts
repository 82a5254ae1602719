import { beforeEach, describe, expect, it } from 'vitest';
import { DataRounds } from './data-rounds.ts';

const turn = () => new Promise(setImmediate);
const MANY = Array.from({ length: 250 }, (_, index) => index);

let rounds: DataRounds<number>;
let served: [string, number][];

beforeEach(() => {
  rounds = new DataRounds();
  served = [];
});

const serving = (name: string) => (viewer: number) => {
  served.push([name, viewer]);
};

describe('data for viewers', () => {
  it('of a small audience goes out at once', () => {
    rounds.add([1, 2], serving('a'));
    rounds.add([2, 1], serving('b'));
    expect(served).toEqual([
      ['a', 1],
      ['a', 2],
      ['b', 2],
      ['b', 1],
    ]);
  });

  it('of a large one goes out in turns, between which the sockets have theirs', async () => {
    rounds.add(MANY, serving('a'));
    expect(served).toHaveLength(100);
    await turn();
    expect(served).toHaveLength(200);
    await turn();
    expect(served).toEqual(MANY.map((viewer) => ['a', viewer]));
    rounds.add([1], serving('b'));
    expect(served.at(-1)).toEqual(['b', 1]);
  });

  it('keeps its order: nobody gets the second message before the first', async () => {
    rounds.add(MANY, serving('a'));
    rounds.add([7], serving('b'));
    rounds.add(MANY, serving('c'));
    while (served.length < 501) await turn();
    expect(served.filter(([, viewer]) => viewer === 7).map(([name]) => name)).toEqual(['a', 'b', 'c']);
    expect(served.findIndex(([name]) => name === 'c')).toBe(251);
  });

  it('passes by those who left meanwhile', async () => {
    const viewers = new Set(MANY);
    rounds.add(viewers, serving('a'));
    viewers.delete(200);
    viewers.delete(5);
    for (let count = 0; count < 5; count++) await turn();
    expect(served).toHaveLength(249);
  });

  it('is forgotten when everything stops', async () => {
    rounds.add(MANY, serving('a'));
    rounds.stop();
    for (let count = 0; count < 3; count++) await turn();
    expect(served).toHaveLength(100);
  });
});
