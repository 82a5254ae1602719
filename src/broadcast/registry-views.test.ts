// What is told about broadcasts: lists, counts, settings, news.

import { expect, test } from 'vitest';
import { textMessage } from '../test/fakes.ts';
import { resumeOf, Stage } from '../test/stage.ts';
import { DEFAULT_SETTINGS } from './settings.ts';

test('an unknown broadcast is idle since the start of the server', () => {
  const stage = new Stage();
  const sinceMs = stage.clock.now();
  stage.clock.advance(5_000);
  expect(stage.registry.describe('nowhere')).toEqual({
    name: 'nowhere',
    state: 'idle',
    sinceMs,
    reason: undefined,
    viewers: 0,
    tracks: [],
    title: '',
    listed: true,
    chat: 'named',
    slowModeSeconds: 0,
    graceEndsAtMs: undefined,
    free: true,
  });
  expect(() => stage.registry.describe('no where')).toThrow(expect.objectContaining({ code: 'invalid_name' }));
});

test('the list has the live ones first, newest first, and leaves out what is not listed', async () => {
  const stage = new Stage();
  const later = () => stage.clock.advance(10);
  await stage.watch({ broadcast: 'waiting' });
  later();
  await stage.publish({ broadcast: 'old' });
  later();
  await stage.publish({ broadcast: 'new' });
  later();
  const lost = await stage.publish({ broadcast: 'lost' });
  stage.lose(lost.transportId);
  later();
  await stage.publish({ broadcast: 'hidden' });
  stage.registry.updateSettings('hidden', { listed: false });
  stage.registry.updateSettings('titled', { title: 'Soon' });
  await stage.open('publisher', { broadcast: 'connecting' });
  const names = (all: boolean) => stage.registry.list({ all }).map((view) => view.name);
  expect(names(false)).toEqual(['new', 'old', 'lost', 'titled', 'waiting']);
  expect(names(true)).toEqual(['hidden', 'new', 'old', 'lost', 'titled', 'waiting']);
});

test('a state is told with the time at which it began', async () => {
  const stage = new Stage();
  await stage.publish();
  const sinceMs = stage.clock.now();
  stage.clock.advance(5_000);
  const viewer = await stage.watch();
  stage.registry.end(viewer.session.id);
  expect(stage.registry.describe('live').sinceMs).toBe(sinceMs);
});

test('totals count who is there or on the way', async () => {
  const stage = new Stage();
  const publisher = await stage.publish({ broadcast: 'a' });
  await stage.open('publisher', { broadcast: 'b' });
  await stage.open('viewer', { broadcast: 'a' });
  const lost = await stage.watch({ broadcast: 'b' });
  stage.lose(lost.transportId);
  expect(stage.registry.totals()).toEqual({ broadcasts: 1, viewers: 1, publishers: 2 });
  stage.lose(publisher.transportId);
  expect(stage.registry.totals()).toEqual({ broadcasts: 1, viewers: 1, publishers: 1 });
});

test('settings are tidied, told and kept', () => {
  const stage = new Stage();
  const view = stage.registry.updateSettings('live', { title: `  ${'x'.repeat(200)}` });
  expect(view).toMatchObject({ title: 'x'.repeat(120), listed: true });
  stage.clock.advance(100);
  expect(stage.newsOf('live')).toHaveLength(1);
  stage.registry.updateSettings('live', { listed: true });
  stage.clock.advance(100);
  expect(stage.newsOf('live')).toHaveLength(1);
  expect(stage.registry.updateSettings('live', { listed: false })).toMatchObject({
    title: 'x'.repeat(120),
    listed: false,
  });
});

test('of the names that nobody uses, the one touched longest ago gives way with its settings and messages', async () => {
  const stage = new Stage({ broadcasts: 2 });
  const titled = (name: string) => {
    stage.clock.advance(1_000);
    stage.registry.updateSettings(name, { title: name });
  };
  titled('a');
  stage.registry.publishData('a', textMessage('state', '1'));
  titled('b');
  titled('c');
  const kept = () => stage.store.load().broadcasts.map(({ name }) => name);
  expect(kept()).toEqual(['b', 'c']);
  expect(stage.registry.describe('a').title).toBe('');
  expect(stage.registry.stateMessages('a')).toEqual([]);
  stage.clock.advance(1_000);
  stage.registry.publishData('b', textMessage('state', '1'));
  titled('d');
  expect(kept()).toEqual(['b', 'd']);
  await stage.watch({ broadcast: 'b' });
  await stage.watch({ broadcast: 'd' });
  expect(() => titled('e')).toThrow(expect.objectContaining({ code: 'broadcast_limit' }));
  expect(kept()).toEqual(['b', 'd']);
});

test('a name whose publisher has stopped keeps its title, and another one gives way', async () => {
  const stage = new Stage({ broadcasts: 1 });
  stage.registry.updateSettings('old', { title: 'Old' });
  stage.clock.advance(1_000);
  const publisher = await stage.publish({ broadcast: 'new' });
  stage.registry.updateSettings('new', { title: 'New' });
  stage.registry.end(publisher.session.id);
  expect(stage.registry.list({ all: true }).map(({ title }) => title)).toEqual(['New']);
  expect(stage.restart().registry.list({ all: true })).toHaveLength(1);
});

test('more names from before a restart than there are places are forgotten', () => {
  const stage = new Stage({ broadcasts: 1 });
  stage.store.saveSettings('a', { ...DEFAULT_SETTINGS, title: 'A' });
  stage.store.saveSettings('b', { ...DEFAULT_SETTINGS, title: 'B' });
  expect(stage.restart().registry.list({ all: true })).toHaveLength(1);
  expect(stage.store.load().broadcasts).toHaveLength(1);
});

test('settings that change again and again are told a few times, and refused beyond so many', () => {
  const stage = new Stage({ noticeBurst: 3 });
  const change = (title: string) => stage.registry.updateSettings('live', { title });
  for (const title of ['1', '2', '3']) change(title);
  expect(() => change('4')).toThrow(expect.objectContaining({ code: 'too_many_requests' }));
  stage.clock.advance(100);
  expect(stage.newsOf('live')).toHaveLength(1);
  expect(stage.registry.describe('live').title).toBe('3');
  stage.clock.advance(1_000);
  expect(change('4')).toMatchObject({ title: '4' });
});

test('settings that nobody uses are kept for 30 days after the last change, those in use for ever', async () => {
  const DAY_MS = 24 * 60 * 60 * 1000;
  const stage = new Stage();
  stage.registry.updateSettings('a', { title: 'A' });
  stage.clock.advance(29 * DAY_MS);
  stage.registry.updateSettings('a', { listed: false });
  stage.registry.publishData('a', textMessage('state', '1'));
  await stage.watch({ broadcast: 'b' });
  stage.registry.updateSettings('b', { title: 'B' });
  stage.clock.advance(29 * DAY_MS);
  expect(stage.registry.describe('a')).toMatchObject({ title: 'A', listed: false });
  expect(stage.registry.stateMessages('a')).toEqual([]);
  stage.clock.advance(2 * DAY_MS);
  expect(stage.registry.describe('a')).toMatchObject({ title: '', listed: true });
  stage.clock.advance(100);
  expect(stage.newsOf('a')).toHaveLength(3);
  stage.clock.advance(30 * DAY_MS);
  expect(stage.store.load().broadcasts.map(({ name }) => name)).toEqual(['b']);
});

test('a crowd that comes at once is told as one change of the count', async () => {
  const stage = new Stage();
  for (let i = 0; i < 20; i += 1) await stage.watch();
  expect(stage.newsOf('live')).toEqual([]);
  stage.clock.advance(100);
  expect(stage.newsOf('live')).toEqual(['idle 20']);
});

test('a viewer who connects or resumes in time changes no count', async () => {
  const stage = new Stage();
  const viewer = await stage.open('viewer');
  stage.clock.advance(100);
  stage.events.length = 0;
  stage.media.emit({ type: 'connected', transportId: stage.media.lastTransportId });
  await stage.watch(resumeOf(viewer));
  stage.clock.advance(1_000);
  expect(stage.newsOf('live')).toEqual([]);
});

test('a viewer who goes away and comes back is counted all the time', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.clock.advance(100);
  stage.lose(viewer.transportId);
  stage.clock.advance(100);
  await stage.watch(resumeOf(viewer));
  stage.clock.advance(100);
  expect(stage.newsOf('live')).toEqual(['idle 1']);
  stage.lose(stage.media.lastTransportId);
  stage.clock.advance(30_000 + 100);
  expect(stage.newsOf('live')).toEqual(['idle 1', 'idle 0']);
});

test('a viewer who never connects is counted while it tries, and again when it tries again', async () => {
  const stage = new Stage();
  const viewer = await stage.open('viewer');
  stage.clock.advance(15_000 + 100);
  await stage.open('viewer', resumeOf(viewer));
  stage.clock.advance(100);
  expect(stage.newsOf('live')).toEqual(['idle 1', 'idle 0', 'idle 1']);
});

test('the last viewer’s going is told, although the broadcast is forgotten by then', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.clock.advance(100);
  stage.registry.end(viewer.session.id);
  stage.clock.advance(100);
  expect(stage.newsOf('live')).toEqual(['idle 1', 'idle 0']);
});

test('a listener may act on the news: nothing is half-changed', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  const publisher = await stage.publish();
  stage.registry.subscribe((event) => {
    if (event.type === 'session' && event.session.endReason === 'stopped' && event.session.role === 'publisher') {
      expect(stage.registry.describe('live').state).toBe('idle');
      stage.registry.end(viewer.session.id);
    }
  });
  stage.registry.end(publisher.session.id);
  expect(stage.logged.filter((line) => line.includes('failed'))).toEqual([]);
  expect(stage.registry.totals()).toEqual({ broadcasts: 0, viewers: 0, publishers: 0 });
  expect(stage.media.openTransports.size).toBe(0);
});

test('whoever unsubscribed hears nothing more', async () => {
  const stage = new Stage();
  const heard: string[] = [];
  const unsubscribe = stage.registry.subscribe((event) => heard.push(event.type));
  unsubscribe();
  await stage.publish();
  expect(heard).toEqual([]);
});
