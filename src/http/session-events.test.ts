// WHEP's server-sent events over real HTTP: how they are asked for, what is told, and when they end.

import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Limits } from '../broadcast/limits.ts';
import { Registry } from '../broadcast/registry.ts';
import type { BroadcastEvent } from '../broadcast/service.ts';
import { EventReader } from '../test/event-reader.ts';
import { OFFER_TYPE, offerWith, RunningApp } from '../test/running-app.ts';
import { SocketClient } from '../test/socket-client.ts';

const ALL = ['active', 'inactive', 'layers', 'reconnect', 'viewercount'];
const EXTENSION = 'urn:ietf:params:whep:ext:core:server-sent-events';

let running: RunningApp;
const readers: EventReader[] = [];

async function start(env: Record<string, string> = {}, limits: Partial<Limits> = {}): Promise<void> {
  running = await RunningApp.start({ env, limits });
}

beforeEach(() => {
  readers.length = 0;
});
afterEach(async () => {
  for (const reader of readers) reader.close();
  await running.close();
});

function offer(path = '/whep/live', headers: Record<string, string> = {}): Promise<Response> {
  const init = { method: 'POST', headers: { 'Content-Type': OFFER_TYPE, ...headers }, body: offerWith() };
  return running.fetch(path, init);
}

/** A viewer's session; its address. */
async function view(headers: Record<string, string> = {}): Promise<string> {
  const location = (await offer('/whep/live', headers)).headers.get('location') ?? '';
  expect(location).not.toBe('');
  return location;
}

function ask(session: string, events: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return running.fetch(`${session}/events`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof events === 'string' ? events : JSON.stringify(events),
  });
}

/** Asks for events and gives their address. */
async function create(session: string, events: readonly string[] = ALL): Promise<string> {
  const response = await ask(session, events);
  expect(response.status).toBe(201);
  return response.headers.get('location') ?? '';
}

async function listen(address: string, headers: Record<string, string> = {}): Promise<EventReader> {
  const reader = await EventReader.open(`http://127.0.0.1:${running.port}${address}`, headers);
  readers.push(reader);
  return reader;
}

async function codeOf(response: Response): Promise<unknown> {
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  return ((await response.json()) as { code: string }).code;
}

describe('the answer to an offer', () => {
  it('of a viewer says where to ask for events, and which there are; that of a publisher does not', async () => {
    await start();
    const viewer = await offer();
    expect(viewer.headers.get('link')).toContain(
      `<${viewer.headers.get('location')}/events>; rel="${EXTENSION}"; events="${ALL.join(',')}"`,
    );
    const publisher = await offer('/whip/live');
    expect(publisher.headers.get('link')).not.toContain(EXTENSION);
    expect((await ask(publisher.headers.get('location') ?? '', ALL)).status).toBe(404);
  });
});

describe('asking for events', () => {
  it('is answered with an address that nobody can guess', async () => {
    await start();
    const session = await view();
    const response = await ask(session, ['active', 'active', 'viewercount']);
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toMatch(new RegExp(`^${session}/events/[\\w-]{22}$`));
    expect(response.headers.get('access-control-expose-headers')).toContain('Location');
    expect(await response.text()).toBe('');
  });

  it.each([
    ['an event that nobody knows', '["active","scte35"]', {}, 400, 'malformed_request'],
    ['no event', '[]', {}, 400, 'malformed_request'],
    ['one that stands alone', '"active"', {}, 400, 'malformed_request'],
    ['too many', JSON.stringify(Array(21).fill('active')), {}, 400, 'malformed_request'],
    ['what is not JSON', '[active]', {}, 400, 'malformed_json'],
    ['nothing', '', {}, 400, 'malformed_json'],
    ['too much', ' '.repeat(4_097), {}, 413, 'body_too_large'],
    ['another type', '["active"]', { 'Content-Type': 'text/plain' }, 415, 'unsupported_content_type'],
  ])('for %s is refused, and nothing is made', async (_, body, headers, status, code) => {
    await start();
    const session = await view();
    const response = await ask(session, body, headers);
    expect(response.status).toBe(status);
    expect(response.headers.get('location')).toBeNull();
    expect(await codeOf(response)).toBe(code);
  });

  it('at a session that is not there gets 404', async () => {
    await start();
    const session = await view();
    await running.fetch(session, { method: 'DELETE' });
    const response = await ask(session, ALL);
    expect([response.status, await codeOf(response)]).toEqual([404, 'unknown_session']);
  });

  it('needs no key, since the address of the session is secret; a wrong one is refused; strict mode wants it', async () => {
    const key = { Authorization: 'Bearer view-key' };
    await start({ VIEW_KEY: 'view-key' });
    const session = await view(key);
    expect((await ask(session, ALL)).status).toBe(201);
    expect((await ask(session, ALL, { Authorization: 'Bearer other' })).status).toBe(401);
    await running.close();
    await start({ VIEW_KEY: 'view-key', FANLIGHT_STRICT_WHIP: 'true' });
    const strict = await view(key);
    expect((await ask(strict, ALL)).status).toBe(401);
    const asked = await ask(strict, ALL, key);
    expect(asked.status).toBe(201);
    // An EventSource has no key to send.
    expect((await listen(asked.headers.get('location') ?? '')).response.status).toBe(200);
  });

  it('is no offer, and counts for the session', async () => {
    await start({ FANLIGHT_OFFERS_PER_MINUTE: '1' });
    const session = await view();
    for (let i = 0; i < 100; i++) expect((await ask(session, ALL)).status).toBe(201);
    const refused = await ask(session, ALL);
    expect([refused.status, await codeOf(refused)]).toEqual([429, 'too_many_requests']);
  });

  it('more than four times: what nobody listens to gives way, and what somebody listens to does not', async () => {
    await start();
    const session = await view();
    const [idle, ...heard] = [
      await create(session),
      await create(session),
      await create(session),
      await create(session),
    ];
    for (const address of heard) await listen(address);
    const fifth = await listen(await create(session));
    expect((await running.fetch(idle ?? '', { method: 'HEAD' })).status).toBe(404);
    const refused = await ask(session, ALL);
    expect([refused.status, await codeOf(refused)]).toEqual([429, 'too_many_requests']);
    expect(fifth.response.status).toBe(200);
  });
});

describe('events', () => {
  it('come as a response that nothing on the way keeps', async () => {
    await start();
    const { response } = await listen(await create(await view()));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('tell what holds, then what changes', async () => {
    await start();
    const events = await listen(await create(await view()));
    expect(await events.next()).toEqual({ name: 'viewercount', data: { viewercount: 1 } });
    expect(await events.next()).toEqual({ name: 'layers', data: {} });

    const publisher = await running.stage.publish();
    expect(await events.next()).toEqual({ name: 'active', data: {} });

    const layer = { rid: 'h', active: true, bitrateBps: 900_000, width: 640, height: 360, forwarded: true };
    running.stage.media.emit({ type: 'layers', transportId: publisher.transportId, layers: [layer] });
    // The mid that the viewer knows its video by.
    const told = { rid: 'h', bitrate: 900_000, width: 640, height: 360 };
    expect(await events.next()).toEqual({ name: 'layers', data: { 0: [told] } });

    await running.stage.watch();
    running.stage.clock.advance(100);
    expect(await events.next()).toEqual({ name: 'viewercount', data: { viewercount: 2 } });

    running.stage.lose(publisher.transportId);
    expect(await events.next()).toEqual({ name: 'layers', data: {} });
    expect(await events.next()).toEqual({ name: 'inactive', data: {} });
    // Its end brings no second one.
    running.stage.registry.end(publisher.session.id);
    await running.stage.publish();
    expect(await events.next()).toEqual({ name: 'active', data: {} });
  });

  it('are those that were asked for', async () => {
    await start();
    await running.stage.publish();
    const events = await listen(await create(await view(), ['viewercount']));
    await running.stage.watch();
    running.stage.clock.advance(100);
    expect([await events.next(), await events.next()].map(({ name }) => name)).toEqual(['viewercount', 'viewercount']);
  });

  it('tell the viewer count the less often the more listen, here and over WebSockets', async () => {
    await start({}, { newsDeliveriesPerSecond: 2 });
    const session = await view();
    for (const _ of [1, 2]) await create(session);
    const socket = await new SocketClient(`ws://127.0.0.1:${running.port}/ws`).opened();
    await socket.hello();
    running.stage.clock.advance(1_000);
    const { stage } = running;
    const news = stage.newsOf('live').length;
    await stage.watch();
    stage.clock.advance(1_499);
    expect(stage.newsOf('live')).toHaveLength(news);
    stage.clock.advance(1);
    expect(stage.newsOf('live').slice(news)).toEqual(['idle 2']);
    socket.socket.close();
  });

  it('of another broadcast are not heard', async () => {
    await start();
    const events = await listen(await create(await view(), ['active']));
    await running.stage.publish({ broadcast: 'other' });
    await running.stage.publish();
    expect(await events.next()).toEqual({ name: 'active', data: {} });
    expect(events.heard).toEqual([]);
  });

  it('go to the newest connection; who was replaced is told not to come again', async () => {
    await start();
    const address = await create(await view(), ['active']);
    const first = await listen(address);
    const second = await listen(address);
    expect(await first.ended).toBe('ended');
    expect((await running.fetch(address, { headers: { 'Last-Event-ID': '1' } })).status).toBe(204);
    await running.stage.publish();
    expect(await second.next()).toEqual({ name: 'active', data: {} });
  });

  it('end by DELETE, and then there is nothing', async () => {
    await start();
    const address = await create(await view());
    const events = await listen(address);
    expect((await running.fetch(address, { method: 'DELETE' })).status).toBe(200);
    expect(await events.ended).toBe('ended');
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      expect((await running.fetch(address, { method })).status).toBe(404);
    }
  });

  it('end with the session', async () => {
    await start();
    const session = await view();
    const addresses = [await create(session), await create(session)];
    const [one, two] = [await listen(addresses[0] ?? ''), await listen(addresses[1] ?? '')];
    await running.fetch(session, { method: 'DELETE' });
    expect(await Promise.all([one.ended, two.ended])).toEqual(['ended', 'ended']);
    expect((await running.fetch(addresses[0] ?? '')).status).toBe(404);
  });

  it.each<[string, Record<string, string>, () => string]>([
    ['as the client named it', {}, () => `http://127.0.0.1:${running.port}/whep/live`],
    [
      'as a trusted proxy says',
      { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'live.example' },
      () => 'https://live.example/whep/live',
    ],
  ])('say that it is time to come back, with the whole address %s', async (_, headers, url) => {
    const subscribe = vi.spyOn(Registry.prototype, 'subscribe');
    await start({ TRUST_PROXY: 'loopback' });
    const session = await view();
    const events = await listen(await create(session, ['reconnect']), headers);
    const news: BroadcastEvent = {
      type: 'reconnect',
      sessionId: session.split('/').at(-1) ?? '',
      reason: 'codec',
      afterMs: 1,
    };
    for (const [listener] of subscribe.mock.calls) listener(news);
    subscribe.mockRestore();
    expect(await events.next()).toEqual({ name: 'reconnect', data: { url: url() } });
  });

  it('go on while the session is away and when it resumes', async () => {
    await start();
    const opened = await offer();
    const events = await listen(await create(opened.headers.get('location') ?? '', ['active']));
    running.stage.lose(running.stage.media.lastTransportId);
    await offer('/whep/live', { 'Fanlight-Resume': opened.headers.get('fanlight-resume') ?? '' });
    await running.stage.publish();
    expect(await events.next()).toEqual({ name: 'active', data: {} });
  });

  it('end at once when the server stops', async () => {
    await start();
    const events = await listen(await create(await view()));
    await running.close();
    // What is still running after the servers' grace is broken off.
    expect(await events.ended).toBe('ended');
  });

  it('cost nothing after a client has gone', async () => {
    await start();
    const session = await view();
    const address = await create(session);
    const client = request({ port: running.port, path: address });
    client.end();
    const [response] = await once(client, 'response');
    response.destroy();
    client.destroy();
    for (let i = 0; i < 3; i++) await create(session);
    // It gives way, as soon as the server has noticed.
    await expect.poll(async () => (await ask(session, ALL)).status, { timeout: 10_000 }).toBe(201);
  });
});

describe('other methods', () => {
  it('are refused with those that are allowed; preflights are answered', async () => {
    await start();
    const session = await view();
    const address = await create(session);
    for (const [path, methods] of [
      [`${session}/events`, 'OPTIONS, POST'],
      [address, 'OPTIONS, GET, HEAD, DELETE'],
    ] as const) {
      const refused = await running.fetch(path, { method: 'PUT' });
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, methods]);
      const preflight = await running.fetch(path, { method: 'OPTIONS' });
      expect([preflight.status, preflight.headers.get('allow')]).toEqual([200, methods]);
      expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
    }
    const head = await running.fetch(address, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  });
});
