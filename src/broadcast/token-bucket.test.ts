// A burst, then a rate.

import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

function takeAll(bucket: TokenBucket, nowMs: number): number {
  let taken = 0;
  while (taken < 1_000 && bucket.take(nowMs)) taken += 1;
  return taken;
}

test('gives the burst at once, then the rate', () => {
  const bucket = new TokenBucket(200, 400);
  expect(takeAll(bucket, 0)).toBe(400);
  expect(takeAll(bucket, 4)).toBe(0);
  expect(takeAll(bucket, 5)).toBe(1);
  expect(takeAll(bucket, 1_005)).toBe(200);
});

test('never holds more than the burst', () => {
  const bucket = new TokenBucket(200, 400);
  takeAll(bucket, 0);
  expect(takeAll(bucket, 3_600_000)).toBe(400);
});

test('a clock that was set back neither refills nor blocks', () => {
  const bucket = new TokenBucket(200, 400);
  takeAll(bucket, 10_000);
  expect(takeAll(bucket, 0)).toBe(0);
  expect(takeAll(bucket, 100)).toBe(20);
});
