// Joins, phase by phase: who is measured, and who is not.

import { beforeEach, describe, expect, it } from 'vitest';
import type { JoinStep } from './broadcast/ports.ts';
import type { OpenedSession } from './broadcast/service.ts';
import { JoinTimes } from './join-times.ts';
import { resumeOf, Stage } from './test/stage.ts';

describe('the times of a join', () => {
  let stage: Stage;
  let times: JoinTimes;
  let measured: string[];

  beforeEach(() => {
    stage = new Stage();
    measured = [];
    const observeJoin = (phase: string, seconds: number) => void measured.push(`${phase} ${seconds}`);
    times = new JoinTimes({ service: stage.registry, metrics: { observeJoin }, now: () => stage.clock.now() });
  });

  /** The request came 20 ms ago. */
  const answeredNow = () => ({ askedAtMs: stage.clock.now() - 20, answeredAtMs: stage.clock.now() });

  /** As the HTTP side does it. */
  async function join(role: 'publisher' | 'viewer', overrides = {}): Promise<OpenedSession & { transportId: string }> {
    const opened = await stage.open(role, overrides);
    times.answered(opened, answeredNow());
    return { ...opened, transportId: stage.media.lastTransportId };
  }

  /** Each step so many ms after the one before it. */
  function progress(transportId: string, steps: Partial<Record<JoinStep, number>>): void {
    for (const [step, ms] of Object.entries(steps)) {
      stage.clock.advance(ms);
      stage.media.emit({ type: 'progress', transportId, step: step as JoinStep, atMs: stage.clock.now() });
    }
  }

  function connect(transportId: string): void {
    progress(transportId, { ice: 30, dtls: 50 });
    stage.media.emit({ type: 'connected', transportId });
  }

  it('are told for each phase of a viewer, and connect is request, ice and dtls together', async () => {
    await stage.publish();
    const viewer = await join('viewer');
    connect(viewer.transportId);
    progress(viewer.transportId, { packet: 5, 'key-frame': 10 });
    times.pictureShown(viewer.session.id, 240);
    expect(measured).toEqual([
      'request 0.02',
      'ice 0.03',
      'dtls 0.05',
      'connect 0.1',
      'packet 0.005',
      'key-frame 0.015',
      'picture 0.24',
    ]);
  });

  it('of publishers have names of their own', async () => {
    const publisher = await join('publisher');
    connect(publisher.transportId);
    progress(publisher.transportId, { packet: 5, 'key-frame': 10 });
    times.pictureShown(publisher.session.id, 240);
    expect(measured).toEqual([
      'publish-request 0.02',
      'publish-ice 0.03',
      'publish-dtls 0.05',
      'publish-connect 0.1',
      'publish-packet 0.005',
      'publish-key-frame 0.015',
    ]);
  });

  it('leave out the media of a viewer whose publisher was away meanwhile', async () => {
    const publisher = await stage.publish();
    const viewer = await join('viewer');
    connect(viewer.transportId);
    progress(viewer.transportId, { packet: 5 });
    stage.media.emit({ type: 'silent', transportId: publisher.transportId, forMs: 2_000 });
    stage.clock.advance(3_000);
    stage.media.emit({ type: 'active', transportId: publisher.transportId });
    progress(viewer.transportId, { 'key-frame': 10 });
    times.pictureShown(viewer.session.id, 3_240);
    expect(measured).toEqual(['request 0.02', 'ice 0.03', 'dtls 0.05', 'connect 0.1', 'packet 0.005']);
  });

  it('count each phase once, whatever a page says', async () => {
    await stage.publish();
    const viewer = await join('viewer');
    connect(viewer.transportId);
    for (const ms of [200, 1, 60_000]) times.pictureShown(viewer.session.id, ms);
    expect(measured.filter((each) => each.startsWith('picture'))).toEqual(['picture 0.2']);
  });

  it('of a viewer who waits for the publisher are those of its connection alone', async () => {
    const viewer = await join('viewer');
    connect(viewer.transportId);
    await stage.publish();
    progress(viewer.transportId, { packet: 10_000, 'key-frame': 10 });
    times.pictureShown(viewer.session.id, 60_000);
    expect(measured.map((each) => each.split(' ')[0])).toEqual(['request', 'ice', 'dtls', 'connect']);
  });

  it('are not those of a session that resumes: its transport comes up, but nobody has clicked', async () => {
    await stage.publish();
    const viewer = await join('viewer');
    measured.length = 0;
    const resumed = await join('viewer', resumeOf(viewer));
    connect(resumed.transportId);
    progress(resumed.transportId, { packet: 5, 'key-frame': 10 });
    times.pictureShown(resumed.session.id, 240);
    expect(measured).toEqual([]);
  });

  it('of a session that has ended, or is not known, are not taken', async () => {
    await stage.publish();
    const viewer = await join('viewer');
    stage.registry.end(viewer.session.id);
    measured.length = 0;
    times.answered(viewer, answeredNow());
    times.pictureShown(viewer.session.id, 240);
    times.pictureShown('nobody', 240);
    expect(measured).toEqual([]);
  });
});
