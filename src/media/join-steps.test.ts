// Steps to the first picture: each once, with its time.

import { beforeEach, describe, expect, it } from 'vitest';
import { JoinSteps } from './join-steps.ts';

const UP_AT_MS = 1_000;

describe('the steps of a join', () => {
  let told: string[];
  let steps: JoinSteps;

  beforeEach(() => {
    told = [];
    steps = new JoinSteps((step, ms) => told.push(`${step} ${ms}`));
    steps.connected({ iceMs: 12, dtlsMs: 34 }, UP_AT_MS);
    expect(told.splice(0)).toEqual(['ice 12', 'dtls 34']);
  });

  it('count media from the moment at which the transport is up', () => {
    steps.passed(false, UP_AT_MS + 5);
    steps.passed(true, UP_AT_MS + 20);
    expect(told).toEqual(['packet 5', 'key-frame 20']);
  });

  it('are told once', () => {
    for (const ms of [5, 10, 15]) steps.passed(true, UP_AT_MS + ms);
    expect(told).toEqual(['packet 5', 'key-frame 5']);
  });

  it('of a viewer are reached when what begins has left, and not before', () => {
    steps.begins('audio');
    steps.begins('video');
    expect(told).toEqual([]);
    steps.left(UP_AT_MS + 7);
    expect(told).toEqual(['packet 7', 'key-frame 7']);
  });

  it('of a viewer that hears before it sees part', () => {
    steps.begins('audio');
    steps.left(UP_AT_MS + 3);
    // Another codec of the same kind begins anew, and is no step.
    steps.begins('audio');
    steps.left(UP_AT_MS + 4);
    steps.begins('video');
    steps.left(UP_AT_MS + 90);
    expect(told).toEqual(['packet 3', 'key-frame 90']);
  });
});
