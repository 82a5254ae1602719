// What time it is for the server, on a machine whose clock is off.

import { expect, it, vi } from 'vitest';
import { Emitter } from './emitter.js';
import { ServerClock, timeOfAnswer } from './server-clock.js';
import type { SignalingSocket } from './signaling-socket.js';

const AT = '2026-03-01T12:00:00.000Z';

it('goes by what the server said last, and by our clock until then', () => {
  vi.useFakeTimers({ now: Date.parse(AT) + 300_000 });
  try {
    const socket = new Emitter();
    const clock = new ServerClock(socket as SignalingSocket);
    expect(clock.now()).toBe(Date.parse(AT) + 300_000);
    socket.emit('welcome', { serverTime: AT });
    expect(clock.now()).toBe(Date.parse(AT));
    vi.advanceTimersByTime(1_000);
    expect(clock.now()).toBe(Date.parse(AT) + 1_000);
  } finally {
    vi.useRealTimers();
  }
});

it.each<[string, string | null, number]>([
  ['an answer that tells its time', 'Sun, 01 Mar 2026 12:00:00 GMT', Date.parse(AT)],
  ['one from which a proxy took it', null, 7],
  ['one that tells nonsense', 'soon', 7],
])('%s', (_name, date, expected) => {
  expect(timeOfAnswer(date, 7)).toBe(expected);
});
