import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SharedTimer, type Timed } from './shared-timer.ts';

class Waiting implements Timed {
  dueAtMs = Number.POSITIVE_INFINITY;
  readonly timedOutAt: number[] = [];

  timedOut(nowMs: number): void {
    this.timedOutAt.push(nowMs);
    this.dueAtMs = Number.POSITIVE_INFINITY;
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

it('calls each once when its time has come, and costs nothing while nobody waits', () => {
  const timer = new SharedTimer(Date.now);
  const [early, late, never] = [new Waiting(), new Waiting(), new Waiting()];
  early.dueAtMs = 120;
  late.dueAtMs = 900;
  for (const each of [early, late, never, early]) timer.watch(each);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(10_000);
  expect(early.timedOutAt).toEqual([200]);
  expect(late.timedOutAt).toEqual([900]);
  expect(never.timedOutAt).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  early.dueAtMs = Date.now() + 50;
  timer.watch(early);
  vi.advanceTimersByTime(100);
  expect(early.timedOutAt).toHaveLength(2);
});

it('follows a deadline that moves', () => {
  const timer = new SharedTimer(Date.now);
  const waiting = new Waiting();
  waiting.dueAtMs = 100;
  timer.watch(waiting);
  waiting.dueAtMs = 450;
  vi.advanceTimersByTime(400);
  expect(waiting.timedOutAt).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(waiting.timedOutAt).toEqual([500]);
});

it('gives the sockets time first when the thread was busy, but not for ever', () => {
  let stalledMs = 0;
  const timer = new SharedTimer(() => Date.now() + stalledMs);
  const waiting = new Waiting();
  waiting.dueAtMs = 400;
  timer.watch(waiting);
  vi.advanceTimersByTime(100);
  stalledMs = 1_000;
  vi.advanceTimersByTime(100);
  expect(waiting.timedOutAt).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(waiting.timedOutAt).toEqual([1_300]);
  waiting.dueAtMs = 1_400;
  for (let look = 0; look < 2; look++) {
    stalledMs += 500;
    vi.advanceTimersByTime(100);
  }
  expect(waiting.timedOutAt).toHaveLength(2);
});
