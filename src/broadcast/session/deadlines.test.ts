// Many deadlines, one timer.

import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes.ts';
import { Deadlines } from './deadlines.ts';

function setUp() {
  const clock = new FakeClock(0);
  const due: string[] = [];
  const deadlines = new Deadlines<string>(clock, (key) => due.push(`${key}@${clock.now()}`));
  return { clock, due, deadlines };
}

test('each is due at its time, in order, on one timer', () => {
  const { clock, due, deadlines } = setUp();
  deadlines.set('late', 300);
  deadlines.set('early', 100);
  deadlines.set('middle', 200);
  expect(clock.pending).toBe(1);
  clock.advance(1_000);
  expect(due).toEqual(['early@100', 'middle@200', 'late@300']);
  expect(clock.pending).toBe(0);
});

test('a later set replaces, undefined removes', () => {
  const { clock, due, deadlines } = setUp();
  deadlines.set('moved', 100);
  deadlines.set('moved', 200);
  deadlines.set('removed', 150);
  deadlines.set('removed', undefined);
  clock.advance(1_000);
  expect(due).toEqual(['moved@200']);
});

test('one that an earlier one removes is not due any more', () => {
  const clock = new FakeClock(0);
  const due: string[] = [];
  const deadlines: Deadlines<string> = new Deadlines(clock, (key) => {
    due.push(key);
    deadlines.set('second', undefined);
    if (key === 'first') deadlines.set('third', 500);
  });
  deadlines.set('first', 100);
  deadlines.set('second', 100);
  clock.advance(100);
  expect(due).toEqual(['first']);
  clock.advance(400);
  expect(due).toEqual(['first', 'third']);
});

test('nothing is due after clear', () => {
  const { clock, due, deadlines } = setUp();
  deadlines.set('a', 100);
  deadlines.clear();
  clock.advance(1_000);
  expect(due).toEqual([]);
  expect(clock.pending).toBe(0);
});
