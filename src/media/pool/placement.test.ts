import { describe, expect, it } from 'vitest';
import { Placement } from './placement.ts';

function placement() {
  const moves: [string, number | undefined][] = [];
  return { moves, subject: new Placement((broadcast, worker) => moves.push([broadcast, worker])) };
}

const viewer = (worker: number, broadcast = 'b') => ({ worker, broadcast, publisher: false });
const publisher = (worker: number, broadcast = 'b') => ({ worker, broadcast, publisher: true });

describe('Placement', () => {
  it('puts viewers where there is least', () => {
    const { subject } = placement();
    subject.add('1', viewer(0));
    expect(subject.choose('b', false, [0, 1])).toBe(1);
    subject.add('2', viewer(1, 'other'));
    subject.add('3', viewer(1));
    expect(subject.choose('b', false, [0, 1])).toBe(0);
  });

  it('puts a publisher that comes back on the worker it had, and a first one where its viewers are', () => {
    const { subject } = placement();
    subject.add('v', viewer(1));
    expect(subject.choose('b', true, [0, 1])).toBe(1);
    subject.add('p', publisher(0));
    subject.becomeSource('p');
    expect(subject.choose('b', true, [0, 1])).toBe(0);
  });

  it('counts who leaves, once, and nobody who was not there', () => {
    const { subject } = placement();
    subject.add('1', viewer(0));
    subject.add('2', viewer(0));
    subject.add('3', viewer(1));
    subject.remove('1');
    subject.remove('2');
    subject.remove('2');
    subject.remove('unknown');
    expect(subject.choose('b', false, [1, 0])).toBe(0);
    expect(subject.choose('b', true, [0, 1])).toBe(1);
    subject.remove('3');
    subject.add('4', viewer(0));
    expect(subject.choose('b', false, [0, 1])).toBe(1);
  });

  it('goes elsewhere when that worker is not there, and nowhere when none is', () => {
    const { subject } = placement();
    subject.add('p', publisher(0));
    subject.becomeSource('p');
    expect(subject.choose('b', true, [1])).toBe(1);
    expect(subject.choose('b', true, [])).toBeUndefined();
  });

  it('tells when the publisher is on another worker, once', () => {
    const { subject, moves } = placement();
    subject.add('p', publisher(0));
    subject.becomeSource('p');
    subject.add('q', publisher(0));
    subject.becomeSource('q');
    subject.remove('p');
    subject.remove('q');
    expect(moves).toEqual([
      ['b', 0],
      ['b', undefined],
    ]);
  });

  it('leaves the publisher before as the source when a newcomer is given up', () => {
    const { subject, moves } = placement();
    subject.add('old', publisher(0));
    subject.becomeSource('old');
    subject.add('new', publisher(1));
    subject.becomeSource('new');
    subject.remove('new');
    expect(moves).toEqual([
      ['b', 0],
      ['b', 1],
      ['b', 0],
    ]);
    expect(subject.sources()).toEqual([['b', 0]]);
  });

  it('knows what a worker had, and forgets what left', () => {
    const { subject } = placement();
    subject.add('1', viewer(0));
    subject.add('2', viewer(1));
    subject.remove('1');
    expect([subject.on(0), subject.on(1), subject.workerOf('1')]).toEqual([[], ['2'], undefined]);
  });
});
