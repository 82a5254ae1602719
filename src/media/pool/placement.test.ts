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

  it('puts viewers where sending takes less time, however many are there', () => {
    const { subject } = placement();
    for (let at = 0; at < 10; at++) subject.add(`idle ${at}`, viewer(0));
    subject.add('busy', viewer(1, 'wide'));
    subject.report(0, 0.01);
    subject.report(1, 0.4);
    expect(subject.choose('b', false, [0, 1])).toBe(0);
    subject.forget(1);
    expect(subject.choose('b', false, [0, 1])).toBe(1);
  });

  it('counts those who came since a worker told its load, so that not all of a crowd go to one', () => {
    const { subject } = placement();
    subject.report(0, 0.1);
    subject.report(1, 0.2);
    const chosen = [0, 0];
    for (let at = 0; at < 1000; at++) {
      const worker = subject.choose('b', false, [0, 1]) ?? -1;
      subject.add(`v${at}`, viewer(worker));
      chosen[worker] = (chosen[worker] ?? 0) + 1;
    }
    // A tenth of a worker's time is some 200 viewers.
    expect((chosen[0] ?? 0) - (chosen[1] ?? 0)).toBeGreaterThan(100);
    expect(chosen[1]).toBeGreaterThan(300);
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
