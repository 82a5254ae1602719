// Names, presence, chat, mutes and layers over real WebSockets: who hears what, and who may say it.

import { afterEach, describe, expect, it } from 'vitest';
import { RunningApp } from '../test/running-app.ts';
import { type Heard, SocketClient } from '../test/socket-client.ts';
import type { Stage } from '../test/stage.ts';

let running: RunningApp;
let stage: Stage;
const clients: SocketClient[] = [];

async function start(env: Record<string, string> = {}): Promise<void> {
  running = await RunningApp.start({ env: { PORT: '0', HTTPS_PORT: '0', ...env } });
  stage = running.stage;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  await running.close();
});

async function greeted(fields: object = {}): Promise<SocketClient & { welcome: Heard }> {
  const client = await new SocketClient(running.webSocketUrl).opened();
  clients.push(client);
  return Object.assign(client, { welcome: await client.hello(fields) });
}

type Opened = Awaited<ReturnType<Stage['watch']>>;
const resumeOf = ({ session, resumeToken }: Opened) => ({ resume: `${session.id}.${resumeToken}` });

/** A viewer with a session and a socket. */
async function viewer(fields: object = {}) {
  const opened = await stage.watch();
  return Object.assign(await greeted({ ...resumeOf(opened), ...fields }), { opened, alias: opened.session.alias });
}

async function publisher(fields: object = {}) {
  const opened = await stage.publish();
  return greeted({ role: 'publisher', ...resumeOf(opened), ...fields });
}

/** The code of the next error. */
const refusal = async (client: SocketClient) => (await client.next('error')).code;
const typesHeard = (client: SocketClient) => client.heard.map(({ type }) => type);

describe('a name', () => {
  it('comes with hello, belongs to the session and is told in it', async () => {
    await start();
    const ann = await viewer({ name: ' Ann ' });
    expect(ann.welcome).toMatchObject({ session: { viewer: ann.alias, name: 'Ann', muted: null } });
    const again = await greeted(resumeOf(ann.opened));
    expect(again.welcome).toMatchObject({ session: { name: 'Ann' } });
    again.send({ type: 'name', name: 'Anna' });
    expect(await ann.next('session')).toMatchObject({ name: 'Anna' });
    again.send({ type: 'name', name: '' });
    expect(await ann.next('session')).toMatchObject({ name: null });
  });

  it('that is none is refused, in hello and alone; hello may be said again', async () => {
    await start();
    const ann = await viewer();
    ann.send({ type: 'name', name: 'a\u202eb' });
    expect(await refusal(ann)).toBe('invalid_display_name');
    ann.send({ type: 'hello', role: 'viewer', broadcast: 'live', name: 'x'.repeat(41) });
    expect(await refusal(ann)).toBe('invalid_display_name');
    expect(await ann.hello()).toMatchObject({ type: 'welcome' });
  });

  it('is not changed in a hurry', async () => {
    await start();
    const ann = await viewer();
    for (const name of ['a', 'b', 'c', 'd']) ann.send({ type: 'name', name });
    expect(await refusal(ann)).toBe('too_many_requests');
    expect(stage.registry.session(ann.opened.session.id)?.name).toBe('c');
  });

  it('is not changed in a hurry by many sockets of one session either, nor by hello', async () => {
    await start();
    const ann = await viewer();
    const others = await Promise.all(Array.from({ length: 3 }, () => greeted(resumeOf(ann.opened))));
    for (const [index, other] of others.entries()) {
      other.send({ type: 'name', name: `Ann ${index}` });
      await other.settled();
    }
    ann.send({ type: 'name', name: 'Ann 3' });
    expect(await refusal(ann)).toBe('too_many_requests');
    ann.send({ type: 'hello', role: 'viewer', broadcast: 'live', ...resumeOf(ann.opened), name: 'Ann 4' });
    expect(await refusal(ann)).toBe('too_many_requests');
    // Who comes back with the name that it has changes nothing.
    expect(await ann.hello({ ...resumeOf(ann.opened), name: 'Ann 2' })).toMatchObject({ session: { name: 'Ann 2' } });
    expect(typesHeard(ann).filter((type) => type === 'session')).toHaveLength(3);
  });
});

it('a session has eight sockets: one more closes the oldest', async () => {
  await start();
  const ann = await viewer();
  const others = await Promise.all(Array.from({ length: 7 }, () => greeted(resumeOf(ann.opened))));
  await ann.hello(resumeOf(ann.opened));
  await greeted(resumeOf(ann.opened));
  const oldest = await Promise.race(others.map(async (other) => ({ ...(await other.closed), other })));
  expect(oldest).toMatchObject({ code: 1008, reason: 'too many sockets of this session' });
  stage.registry.people.rename(ann.opened.session.id, 'Ann');
  for (const socket of [ann, ...others]) {
    if (socket !== oldest.other) expect(await socket.next('session')).toMatchObject({ name: 'Ann' });
  }
  expect(typesHeard(oldest.other)).not.toContain('session');
});

describe('presence', () => {
  it('is a snapshot after the welcome, then changes, for those who ask', async () => {
    await start();
    const ann = await viewer({ name: 'Ann' });
    stage.clock.advance(250);
    const watcher = await greeted({ presence: true });
    const entry = { viewer: ann.alias, name: 'Ann', role: 'viewer' };
    expect(await watcher.next('presence')).toEqual({ type: 'presence', people: [entry], total: 1 });
    ann.send({ type: 'name', name: 'Anna' });
    await ann.next('session');
    stage.clock.advance(250);
    expect(await watcher.next('presence')).toEqual({
      type: 'presence',
      joined: [],
      left: [],
      changed: [{ ...entry, name: 'Anna' }],
      total: 1,
    });
    stage.registry.end(ann.opened.session.id);
    stage.clock.advance(250);
    expect(await watcher.next('presence')).toMatchObject({ left: [{ name: 'Anna' }], total: 0 });
    await ann.settled();
    expect(typesHeard(ann)).not.toContain('presence');
  });

  it('is not told again to a socket that says hello again and heard all of it', async () => {
    await start();
    const watcher = await greeted({ presence: true });
    await watcher.hello({ presence: true });
    await watcher.settled();
    expect(typesHeard(watcher).filter((type) => type === 'presence')).toHaveLength(1);
    await watcher.hello({ broadcast: 'other', presence: true });
    await watcher.settled();
    expect(typesHeard(watcher).filter((type) => type === 'presence')).toHaveLength(2);
  });
});

describe('chat', () => {
  it('goes to those who ask, with who wrote it and when, and late joiners get what was said', async () => {
    await start();
    const [ann, other] = [await viewer({ name: 'Ann', chat: true }), await greeted()];
    expect(await ann.next('chat-history')).toEqual({ type: 'chat-history', messages: [] });
    ann.send({ type: 'chat', text: ' Hello <b> ' });
    const told = await ann.next('chat');
    const message = {
      viewer: ann.alias,
      name: 'Ann',
      role: 'viewer',
      text: 'Hello <b>',
      at: '2026-01-01T00:00:00.000Z',
    };
    expect(told).toEqual({ type: 'chat', id: expect.any(String), ...message });
    const late = await greeted({ chat: true });
    expect(await late.next('chat-history')).toEqual({ type: 'chat-history', messages: [{ id: told.id, ...message }] });
    await other.settled();
    expect(typesHeard(other)).not.toContain('chat');
  });

  it('takes a publisher and a program with the key, and says what they are', async () => {
    await start({ PUBLISH_KEY: 'publish-key' });
    const onAir = await publisher({ chat: true, key: 'publish-key' });
    onAir.send({ type: 'chat', text: 'Welcome' });
    expect(await onAir.next('chat')).toMatchObject({ role: 'publisher', name: null, viewer: expect.any(String) });
    const bot = await greeted({ role: 'program', key: 'publish-key', name: 'Bot' });
    bot.send({ type: 'chat', text: 'Beep' });
    expect(await onAir.next('chat')).toMatchObject({ role: 'program', name: 'Bot', viewer: null });
  });

  it.each<[string, object, object, string]>([
    ['without a name', { chat: 'named' }, { text: 'x' }, 'chat_needs_name'],
    ['where only the publisher writes', { chat: 'publisher' }, { text: 'x' }, 'chat_publisher_only'],
    ['where it is off', { chat: 'off' }, { text: 'x' }, 'chat_off'],
    ['of nothing', { chat: 'everyone' }, { text: ' ' }, 'invalid_chat_message'],
    ['that is too long', { chat: 'everyone' }, { text: 'x'.repeat(501) }, 'invalid_chat_message'],
    ['without text', { chat: 'everyone' }, {}, 'malformed_request'],
  ])('%s is refused', async (_, settings, message, code) => {
    await start();
    const ann = await viewer();
    stage.registry.updateSettings('live', settings);
    ann.send({ type: 'chat', ...message });
    expect(await refusal(ann)).toBe(code);
  });

  it('is refused in slow mode, with how long to wait', async () => {
    await start();
    const ann = await viewer({ name: 'Ann' });
    stage.registry.updateSettings('live', { slowModeSeconds: 30 });
    ann.send({ type: 'chat', text: '1' });
    ann.send({ type: 'chat', text: '2' });
    expect(await ann.next('error')).toMatchObject({
      code: 'chat_slow_mode',
      detail: 'Wait 30 s.',
      retryAfterSeconds: 30,
    });
  });

  it('of somebody who has no session is refused', async () => {
    await start();
    const stranger = await greeted({ name: 'Ann' });
    stranger.send({ type: 'chat', text: 'x' });
    expect(await refusal(stranger)).toBe('unknown_session');
  });
});

describe('the publisher', () => {
  it('sets who may write and how often, which everybody is told', async () => {
    await start();
    const [onAir, ann] = [await publisher(), await viewer()];
    onAir.send({ type: 'settings', chat: 'everyone', slowModeSeconds: 10 });
    await onAir.settled();
    stage.clock.advance(100);
    expect(await ann.next('broadcast')).toMatchObject({ chat: 'everyone', slowModeSeconds: 10 });
    for (const settings of [{ chat: 'nobody' }, { slowModeSeconds: 301 }, { slowModeSeconds: 1.5 }]) {
      onAir.send({ type: 'settings', ...settings });
      expect(await refusal(onAir)).toBe('malformed_request');
    }
  });

  it('deletes a message, which everybody is told', async () => {
    await start();
    const [onAir, ann] = [await publisher({ chat: true }), await viewer({ name: 'Ann', chat: true })];
    ann.send({ type: 'chat', text: 'x' });
    const { id } = await onAir.next('chat');
    onAir.send({ type: 'chat-delete', id });
    expect(await ann.next('chat-deleted')).toEqual({ type: 'chat-deleted', ids: [id] });
  });

  it('mutes a viewer, who is told why and until when; only those who moderate get the list', async () => {
    await start();
    const [onAir, ann] = [await publisher({ chat: true }), await viewer({ name: 'Ann', chat: true })];
    expect(await onAir.next('chat-mutes')).toEqual({ type: 'chat-mutes', mutes: [] });
    onAir.send({ type: 'chat-mute', viewer: ann.alias, seconds: 60, reason: 'Too loud' });
    const muted = { until: '2026-01-01T00:01:00.000Z', reason: 'Too loud' };
    expect(await ann.next('session')).toMatchObject({ muted });
    expect(await onAir.next('chat-mutes')).toMatchObject({ mutes: [{ viewer: ann.alias, name: 'Ann', ...muted }] });
    ann.send({ type: 'chat', text: 'x' });
    expect(await ann.next('error')).toMatchObject({ code: 'chat_muted', retryAfterSeconds: 60 });
    onAir.send({ type: 'chat-mute', viewer: ann.alias, seconds: 0 });
    expect(await ann.next('session')).toMatchObject({ muted: null });
    expect(await onAir.next('chat-mutes')).toEqual({ type: 'chat-mutes', mutes: [] });
    await ann.settled();
    expect(typesHeard(ann)).not.toContain('chat-mutes');
  });

  it.each([
    [{ type: 'chat-delete', id: '' }],
    [{ type: 'chat-delete', id: 'x'.repeat(33) }],
    [{ type: 'chat-mute', viewer: 'x', seconds: -1 }],
    [{ type: 'chat-mute', viewer: 'x', seconds: 86_401 }],
  ])('cannot say %j', async (message) => {
    await start();
    const onAir = await publisher();
    onAir.send(message);
    expect(await refusal(onAir)).toBe('malformed_request');
  });

  it('alone may do so', async () => {
    await start();
    const ann = await viewer();
    for (const message of [
      { type: 'chat-delete', id: 'x' },
      { type: 'chat-mute', viewer: ann.alias, seconds: 60 },
    ]) {
      ann.send(message);
      expect(await refusal(ann)).toBe('malformed_request');
    }
  });
});

describe('why a broadcast is not live, and its layers,', () => {
  it('are told', async () => {
    await start();
    const opened = await stage.publish();
    const watcher = await greeted({ layers: true });
    expect(watcher.welcome).toMatchObject({ broadcast: { reason: null } });
    expect(await watcher.next('layers')).toEqual({ type: 'layers', layers: [] });
    const layer = { rid: null, active: true, bitrateBps: 1, width: 640, height: 360, forwarded: true };
    stage.media.emit({ type: 'layers', transportId: opened.transportId, layers: [layer] });
    expect(await watcher.next('layers')).toEqual({ type: 'layers', layers: [layer] });
    stage.registry.leave(opened.session.id);
    expect(await watcher.next('broadcast')).toMatchObject({ state: 'interrupted', reason: 'left' });
    expect(await watcher.next('layers')).toMatchObject({ layers: [{ active: false }] });
  });
});
