// The API for programs over real HTTP.

import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { RunningApp } from '../test/running-app.ts';

let running: RunningApp;

async function start(env: Record<string, string> = {}): Promise<void> {
  running = await RunningApp.start({ env });
}

afterEach(() => running.close());

function send(
  method: string,
  path: string,
  type: string,
  body: BodyInit,
  headers: Record<string, string> = {},
): Promise<Response> {
  return running.fetch(path, { method, headers: { 'Content-Type': type, ...headers }, body });
}

async function codeOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { code: string }).code;
}

describe('how viewers receive', () => {
  const quality = {
    packetsSent: 10,
    packetsDropped: 0,
    roundTripMs: 12,
    estimatedBitrateBps: null,
    audio: null,
    video: { lossShare: 0.25, packetsLost: 3, jitterMs: 1.5 },
  };

  it('is told with the greatest loss first, without the ids of sessions', async () => {
    await start();
    const first = await running.stage.watch();
    const second = await running.stage.watch();
    running.stage.media.qualities.set('live', [
      { ...quality, transportId: first.transportId, video: null },
      { ...quality, transportId: second.transportId },
      { ...quality, transportId: 'of a session that is gone' },
    ]);
    const text = await (await running.fetch('/api/broadcasts/live/viewers')).text();
    const { viewers } = JSON.parse(text) as { viewers: { viewer: string }[] };
    expect(viewers).toMatchObject([quality, { ...quality, video: null }]);
    expect(new Set(viewers.map(({ viewer }) => viewer)).size).toBe(2);
    for (const { session } of [first, second]) expect(text).not.toContain(session.id);
    expect(text).not.toContain('transport');
  });

  it('is for those who may publish', async () => {
    await start({ PUBLISH_KEY: 'publish-key' });
    expect((await running.fetch('/api/broadcasts/live/viewers')).status).toBe(401);
    const headers = { Authorization: 'Bearer publish-key' };
    expect(await (await running.fetch('/api/broadcasts/live/viewers', { headers })).json()).toEqual({ viewers: [] });
    expect(await codeOf(await running.fetch('/api/broadcasts/a%20b/viewers', { headers }))).toBe('invalid_name');
  });
});

describe('what is live', () => {
  it('is listed as in the protocol', async () => {
    await start();
    await running.stage.publish();
    const response = await running.fetch('/api/broadcasts');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await response.json()).toEqual({
      broadcasts: [
        {
          name: 'live',
          state: 'live',
          since: '2026-01-01T00:00:00.000Z',
          reason: null,
          viewers: 0,
          tracks: [
            { kind: 'video', codec: 'VP8', layers: 1 },
            { kind: 'audio', codec: 'opus', layers: 1 },
          ],
          title: '',
          listed: true,
          chat: 'named',
          slowModeSeconds: 0,
          graceEndsAt: null,
          free: false,
        },
      ],
    });
  });

  it('is not listed when it is unlisted, except for the admin', async () => {
    await start({ ADMIN_KEY: 'admin-key' });
    await running.stage.publish();
    running.stage.registry.updateSettings('live', { listed: false });
    expect(await (await running.fetch('/api/broadcasts')).json()).toEqual({ broadcasts: [] });
    const all = await running.fetch('/api/broadcasts', { headers: { Authorization: 'Bearer admin-key' } });
    expect(await all.json()).toMatchObject({ broadcasts: [{ name: 'live' }] });
  });

  it('can be asked by name, and a name that nobody uses is idle', async () => {
    await start();
    expect(await (await running.fetch('/api/broadcasts/nobody')).json()).toMatchObject({
      name: 'nobody',
      state: 'idle',
      viewers: 0,
    });
    const response = await running.fetch('/api/broadcasts/a%20b');
    expect(response.status).toBe(400);
    expect(await codeOf(response)).toBe('invalid_name');
  });
});

describe('what is live, with a key for viewing', () => {
  it('is told to those who may view', async () => {
    await start({ VIEW_KEY: 'view-key' });
    for (const path of ['/api/broadcasts', '/api/broadcasts/live']) {
      expect((await running.fetch(path)).status).toBe(401);
      expect((await running.fetch(path, { headers: { Authorization: 'Bearer view-key' } })).status).toBe(200);
    }
  });
});

describe('settings', () => {
  const path = '/api/broadcasts/live';

  it('change what is given and answer with the broadcast', async () => {
    await start();
    const response = await send('PATCH', path, 'application/json', '{"title":"Finals"}');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ name: 'live', title: 'Finals', listed: true });
    expect(
      await (await send('PATCH', path, 'application/json; charset=utf-8', '{"listed":false}')).json(),
    ).toMatchObject({ title: 'Finals', listed: false });
  });

  it.each([
    ['application/json', '{"title":1}', 400, 'malformed_request'],
    ['application/json', '{"name":"x"}', 400, 'malformed_request'],
    ['application/json', '[]', 400, 'malformed_request'],
    ['application/json', '{', 400, 'malformed_json'],
    ['application/json', '', 400, 'malformed_json'],
    ['text/plain', '{}', 415, 'unsupported_content_type'],
    ['application/json', ' '.repeat(16_385), 413, 'body_too_large'],
  ])('of type %s that are %j get %i %s', async (type, body, status, code) => {
    await start();
    const response = await send('PATCH', path, type, body);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });

  it('need the key for publishing', async () => {
    await start({ PUBLISH_KEY: 'publish-key' });
    expect((await send('PATCH', path, 'application/json', '{}')).status).toBe(401);
    expect((await send('PATCH', path, 'application/json', '{}', { Authorization: 'Bearer publish-key' })).status).toBe(
      200,
    );
  });
});

it('who may write in the chat is set by whoever might take the broadcast over', async () => {
  await start();
  const patch = (body: object, headers = {}) =>
    send('PATCH', '/api/broadcasts/live', 'application/json', JSON.stringify(body), headers);
  expect((await patch({ chat: 'off' })).status).toBe(200);
  await running.stage.publish({ keyHash: createHash('sha256').update('mine').digest('hex') });
  for (const change of [{ chat: 'everyone' }, { slowModeSeconds: 10 }]) {
    const refused = await patch(change);
    expect([refused.status, await codeOf(refused)]).toEqual([409, 'already_live']);
    expect((await patch(change, { Authorization: 'Bearer mine' })).status).toBe(200);
  }
  expect((await patch({ title: 'Finals' })).status).toBe(200);
});

describe('ending a broadcast', () => {
  const keyHashOf = (key: string) => createHash('sha256').update(key).digest('hex');
  const remove = (key?: string, path = '/api/broadcasts/live') =>
    running.fetch(path, { method: 'DELETE', headers: key ? { Authorization: `Bearer ${key}` } : {} });

  it('with the admin key ends the publisher’s session, whoever it is, and leaves the viewers', async () => {
    await start({ ADMIN_KEY: 'admin-key', PUBLISH_KEY: 'publish-key' });
    const publisher = await running.stage.publish({ keyHash: keyHashOf('publish-key') });
    const viewer = await running.stage.watch();
    const response = await remove('admin-key');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ name: 'live', state: 'idle', viewers: 1 });
    expect(running.stage.storyOf(publisher.session.id).at(-1)).toBe('ended stopped');
    expect(running.stage.registry.session(viewer.session.id)?.state).toBe('connected');
    const again = await remove('admin-key');
    expect([again.status, await codeOf(again)]).toEqual([404, 'unknown_session']);
  });

  it('with the key of its publisher does the same, asked for or not', async () => {
    await start();
    await running.stage.publish({ keyHash: keyHashOf('mine') });
    expect((await remove('mine')).status).toBe(200);
  });

  it.each([
    ['no key', {}, undefined, 409, 'already_live'],
    ['another key', {}, 'other', 409, 'already_live'],
    ['no key where one is needed', { PUBLISH_KEY: 'publish-key' }, undefined, 401, 'missing_key'],
    ['the key for viewing', { PUBLISH_KEY: 'publish-key', VIEW_KEY: 'view-key' }, 'view-key', 401, 'wrong_key'],
  ])('with %s is refused, so that nobody ends what strangers publish', async (_, env, key, status, code) => {
    await start(env);
    const publisher = await running.stage.publish({ keyHash: keyHashOf('mine') });
    const response = await remove(key);
    expect([response.status, await codeOf(response)]).toEqual([status, code]);
    expect(running.stage.registry.session(publisher.session.id)?.state).toBe('connected');
  });

  it('of a name that cannot be is refused', async () => {
    await start();
    expect(await codeOf(await remove(undefined, '/api/broadcasts/a%20b'))).toBe('invalid_name');
  });
});

describe('a data message', () => {
  const path = '/api/broadcasts/live/data';

  it.each([
    ['text/plain', 'hello ü', '', false, 'data'],
    ['application/json', ' {"x": 1} ', '?label=boxes', false, 'boxes'],
    ['application/octet-stream', Uint8Array.of(0, 255, 128), '?label=state%2Fscore', true, 'state/score'],
    ['text/plain', '', '', false, 'data'],
  ])('of type %s goes to the viewers as it came', async (type, body, query, binary, label) => {
    await start();
    const response = await send('POST', path + query, type, body);
    expect(response.status).toBe(202);
    expect(await response.text()).toBe('');
    const [sent] = running.stage.media.sent;
    expect(sent).toMatchObject({ broadcast: 'live', message: { label, binary } });
    expect(Buffer.from(sent?.message.payload ?? [])).toEqual(Buffer.from(body));
  });

  it.each([
    ['application/json', '{"x":', '', 400, 'malformed_json'],
    ['text/plain', Uint8Array.of(0xff, 0xfe), '', 400, 'malformed_request'],
    ['text/html', 'x', '', 415, 'unsupported_content_type'],
    ['text/plain', 'x'.repeat(65_537), '', 413, 'message_too_large'],
    ['text/plain', 'x', '?label=', 400, 'invalid_label'],
    ['text/plain', 'x', '?label=fanlight', 400, 'invalid_label'],
    ['text/plain', 'x', '?label=a&label=b', 400, 'invalid_label'],
    ['application/json', '{"rtpTimestamp":-1}', '?label=timed', 400, 'malformed_timed_message'],
  ])('of type %s, %s…, %s is refused', async (type, body, query, status, code) => {
    await start();
    const response = await send('POST', path + query, type, body);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
    expect(running.stage.media.sent).toEqual([]);
  });

  it('may have 64 KiB', async () => {
    await start();
    expect((await send('POST', path, 'text/plain', 'x'.repeat(65_536))).status).toBe(202);
  });

  it('needs the key for publishing', async () => {
    await start({ PUBLISH_KEY: 'publish-key' });
    const response = await send('POST', path, 'text/plain', 'x');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('remembered messages', () => {
  it('are given as text or base64', async () => {
    await start();
    await send('POST', '/api/broadcasts/live/data?label=state', 'text/plain', '2:1');
    await send(
      'POST',
      '/api/broadcasts/live/data?label=state/logo',
      'application/octet-stream',
      Uint8Array.of(1, 2, 3),
    );
    const response = await running.fetch('/api/broadcasts/live/state');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual({
      messages: [
        { label: 'state', text: '2:1' },
        { label: 'state/logo', base64: 'AQID' },
      ],
    });
  });

  it('may be asked for 120 times a minute from one address', async () => {
    await start();
    const read = async () => (await running.fetch('/api/broadcasts/live/state')).status;
    const statuses = [];
    for (let i = 0; i < 121; i++) statuses.push(await read());
    expect(statuses.indexOf(429)).toBe(120);
    expect((await running.fetch('/api/broadcasts/live')).status).toBe(200);
  });

  it('are what viewers see, so they need the key for viewing', async () => {
    await start({ VIEW_KEY: 'view-key' });
    expect((await running.fetch('/api/broadcasts/live/state')).status).toBe(401);
    expect(
      (await running.fetch('/api/broadcasts/live/state', { headers: { Authorization: 'Bearer view-key' } })).status,
    ).toBe(200);
  });
});

describe('about the server', () => {
  it('pages learn where HTTP and HTTPS are and which keys are asked for', async () => {
    await start({ VIEW_KEY: 'view-key', HTTPS_PORT: '9443' });
    expect(await (await running.fetch('/api/server')).json()).toEqual({
      httpPort: running.port,
      httpsPort: 9443,
      selfSigned: true,
      version: '1.2.3',
      keys: { publish: false, view: true },
    });
  });

  it('pages learn that there is no HTTPS', async () => {
    await start({ HTTPS_PORT: '0' });
    expect(await (await running.fetch('/api/server')).json()).toMatchObject({ httpsPort: null });
  });
});

describe('other requests', () => {
  it.each([
    ['DELETE', '/api/broadcasts', 'OPTIONS, GET, HEAD'],
    ['POST', '/api/broadcasts/live', 'OPTIONS, GET, HEAD, PATCH, DELETE'],
    ['GET', '/api/broadcasts/live/data', 'OPTIONS, POST'],
    ['PUT', '/api/server', 'OPTIONS, GET, HEAD'],
  ])('%s %s gets 405 with Allow', async (method, path, allow) => {
    await start();
    const response = await running.fetch(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    const preflight = await running.fetch(path, {
      method: 'OPTIONS',
      headers: { 'Access-Control-Request-Headers': 'authorization' },
    });
    expect(preflight.status).toBe(200);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization');
  });

  it('under /api that nobody knows get a problem document, from browsers too', async () => {
    await start();
    const response = await running.fetch('/api/nothing', { headers: { Accept: 'text/html' } });
    expect(response.status).toBe(404);
    expect(await codeOf(response)).toBe('not_found');
  });
});
