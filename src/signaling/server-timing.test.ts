// Server-Timing: what a client reads of how long its request took.

import { expect, it } from 'vitest';
import { ServerTiming } from './server-timing.ts';

it('names each part with its milliseconds, and the whole', () => {
  let nowMs = 1_000;
  const timing = new ServerTiming(() => nowMs);
  nowMs += 0.44;
  timing.lap('read');
  nowMs += 2.1;
  timing.lap('worker');
  nowMs += 50;
  expect(timing.header).toBe('read;dur=0.4, worker;dur=2.1, total;dur=2.5');
  expect(timing.startedAtMs).toBe(1_000);
  expect(timing.lapAtMs).toBeCloseTo(1_002.54);
});
