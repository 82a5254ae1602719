// What keys and sessions allow over real WebSockets, and until when.

import { createHash } from 'node:crypto';
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

async function connected(): Promise<SocketClient> {
  const client = await new SocketClient(running.webSocketUrl).opened();
  clients.push(client);
  return client;
}

async function greeted(fields: object = {}): Promise<SocketClient & { welcome: Heard }> {
  const client = await connected();
  return Object.assign(client, { welcome: await client.hello(fields) });
}

/** The code with which a hello is refused. */
async function refusalOf(fields: object): Promise<unknown> {
  const client = await connected();
  client.send({ type: 'hello', role: 'viewer', broadcast: 'live', ...fields });
  return (await client.next('error')).code;
}

type Opened = Awaited<ReturnType<Stage['watch']>>;
const resumeOf = ({ session, resumeToken }: Opened) => ({ resume: `${session.id}.${resumeToken}` });
const keyHashOf = (key: string) => createHash('sha256').update(key).digest('hex');
const typesHeard = (client: SocketClient) => client.heard.map(({ type }) => type);

describe('a session whose key was taken back', () => {
  it.each([
    ['of a publisher', 'publisher', { PUBLISH_KEY: 'new' }],
    ['of a viewer', 'viewer', { VIEW_KEY: 'new' }],
  ] as const)('%s needs a key that is good now, and has one by it', async (_, role, env) => {
    await start(env);
    const open = (key: string | null) => {
      const overrides = { keyHash: key && keyHashOf(key) };
      return role === 'publisher' ? stage.publish(overrides) : stage.watch(overrides);
    };
    for (const before of [null, 'old']) {
      const opened = await open(before);
      expect(await refusalOf({ role, ...resumeOf(opened) })).toBe('missing_key');
      expect(await refusalOf({ role, ...resumeOf(opened), key: 'old' })).toBe('wrong_key');
      const { welcome } = await greeted({ role, ...resumeOf(opened), key: 'new' });
      expect(welcome).toMatchObject({ resumed: true, session: { id: opened.session.id } });
      stage.registry.end(opened.session.id);
    }
    const opened = await open('new');
    expect((await greeted({ role, ...resumeOf(opened) })).welcome).toMatchObject({ resumed: true });
  });

  it('of the admin is as good as one of the role', async () => {
    await start({ VIEW_KEY: 'view', ADMIN_KEY: 'admin' });
    const opened = await stage.watch({ keyHash: keyHashOf('admin') });
    expect((await greeted(resumeOf(opened))).welcome).toMatchObject({ resumed: true });
  });
});

describe('what a socket reads', () => {
  it('because of its session ends with it, and what it reads by key goes on', async () => {
    await start({ VIEW_KEY: 'view' });
    const viewer = await stage.watch({ keyHash: keyHashOf('view') });
    const asks = { ...resumeOf(viewer), chat: true, presence: true, data: true };
    const [bySession, byKey] = [await greeted(asks), await greeted({ ...asks, key: 'view' })];
    const say = (text: string) => {
      stage.registry.chat.post('live', { role: 'program', name: '' }, text);
      stage.registry.publishData('live', { label: 'x', binary: false, payload: Buffer.from(text) });
    };
    say('before');
    await bySession.next('chat');
    await bySession.next('data');
    stage.registry.end(viewer.session.id);
    say('after');
    await bySession.settled();
    expect(typesHeard(bySession)).not.toContain('chat');
    expect(typesHeard(bySession)).not.toContain('data');
    await byKey.settled();
    expect(byKey.heard.filter(({ type }) => type === 'chat')).toHaveLength(2);
    expect(byKey.heard.filter(({ type }) => type === 'data')).toHaveLength(2);
  });

  it('on an open server goes on without its session', async () => {
    await start();
    const viewer = await stage.watch();
    const client = await greeted({ ...resumeOf(viewer), chat: true });
    stage.registry.end(viewer.session.id);
    stage.registry.chat.post('live', { role: 'program', name: '' }, 'after');
    expect(await client.next('chat')).toMatchObject({ text: 'after' });
  });
});

describe('on an open server, while somebody else publishes,', () => {
  async function scene() {
    await start();
    const publisher = await stage.publish({ keyHash: keyHashOf('mine') });
    const ann = await stage.watch();
    const moderation = [
      { type: 'chat-delete', id: 'x' },
      { type: 'chat-mute', viewer: ann.session.alias, seconds: 60 },
      { type: 'settings', chat: 'everyone' },
      { type: 'settings', slowModeSeconds: 10 },
    ];
    return { publisher, ann, moderation };
  }

  it.each(['publisher', 'program'])('a stranger as %s does not moderate, and sends data and a title', async (role) => {
    const { ann, moderation } = await scene();
    const stranger = await greeted({ role });
    for (const message of moderation) {
      stranger.send(message);
      expect(await stranger.next('error')).toMatchObject({ code: 'already_live' });
    }
    expect(stage.registry.session(ann.session.id)?.mute).toBeUndefined();
    expect(stage.registry.describe('live')).toMatchObject({ chat: 'named', slowModeSeconds: 0 });
    stranger.send({ type: 'settings', title: 'Finals' });
    stranger.send({ type: 'data', label: 'x', text: 'x' });
    await stranger.settled();
    expect(stage.registry.describe('live').title).toBe('Finals');
    expect(stage.media.sent).toHaveLength(1);
  });

  it('the publisher’s session and its key moderate', async () => {
    const { publisher, moderation } = await scene();
    const both = [
      await greeted({ role: 'publisher', ...resumeOf(publisher) }),
      await greeted({ role: 'program', key: 'mine' }),
    ];
    for (const client of both) {
      for (const message of moderation) client.send(message);
      await client.settled();
      expect(typesHeard(client)).not.toContain('error');
    }
  });

  it('a stranger who says that it is the publisher is shown as a program, until nobody publishes', async () => {
    const { publisher } = await scene();
    const stranger = await greeted({ role: 'publisher', name: 'Zoe', chat: true });
    stranger.send({ type: 'chat', text: 'Send me money' });
    expect(await stranger.next('chat')).toMatchObject({ role: 'program', name: 'Zoe' });
    stage.registry.end(publisher.session.id);
    stranger.send({ type: 'chat', text: 'Soon' });
    expect(await stranger.next('chat')).toMatchObject({ role: 'publisher' });
  });
});

describe('where viewers need a key and publishers none', () => {
  const asks = [{ chat: true }, { presence: true }, { layers: true }, { data: true }];

  it.each(asks)('a program that asks for %j needs the key of viewers', async (wish) => {
    await start({ VIEW_KEY: 'view' });
    expect(await refusalOf({ role: 'program', ...wish })).toBe('missing_key');
    expect(await refusalOf({ role: 'program', ...wish, key: 'other' })).toBe('wrong_key');
    expect((await greeted({ role: 'program', ...wish, key: 'view' })).welcome).toMatchObject({ type: 'welcome' });
    expect((await greeted({ role: 'program' })).welcome).toMatchObject({ type: 'welcome' });
  });

  it('a publisher reads when it has a session', async () => {
    await start({ VIEW_KEY: 'view' });
    stage.registry.chat.post('live', { role: 'program', name: '' }, 'for viewers');
    const page = await greeted({ role: 'publisher', chat: true, presence: true, data: true });
    await page.settled();
    expect(page.heard).toEqual([]);
    await page.hello({ role: 'publisher', chat: true, ...resumeOf(await stage.publish()) });
    expect(await page.next('chat-history')).toMatchObject({ messages: [{ text: 'for viewers' }] });
  });
});
