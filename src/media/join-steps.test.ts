// Steps to the first picture: each once, with its moment.

import { beforeEach, describe, expect, it } from 'vitest';
import { JoinSteps } from './join-steps.ts';

describe('the steps of a join', () => {
  let told: string[];
  let steps: JoinSteps;

  beforeEach(() => {
    told = [];
    steps = new JoinSteps((step, atMs) => told.push(`${step} ${atMs}`));
    steps.connected(966, 1_000);
    expect(told.splice(0)).toEqual(['ice 966', 'dtls 1000']);
  });

  it('are told once', () => {
    steps.passed(false, 1_005);
    for (const ms of [1_020, 1_030]) steps.passed(true, ms);
    expect(told).toEqual(['packet 1005', 'key-frame 1020']);
  });

  it('may come together', () => {
    steps.passed(true, 1_005);
    expect(told).toEqual(['packet 1005', 'key-frame 1005']);
  });
});
