// Sessions of WHIP and WHEP over real HTTP: trickle, ICE restart, entity tags, the end; lenient and strict.

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FanlightError } from '../errors.ts';
import { RemoteIce } from '../signaling/remote-ice.ts';
import { FRAGMENT_TYPE, fragmentWith, OFFER_TYPE, offerWith, RunningApp } from '../test/running-app.ts';

const STRICT = { FANLIGHT_STRICT_WHIP: 'true' };
const NEW_PASSWORD = 'anotherpasswordanother12';

let running: RunningApp;
let location: string;
let etag: string;

/** Starts a server with one session, whose offer had the credentials of `offerWith()`. */
async function openSession(env: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<void> {
  running = await RunningApp.start({ env });
  const init = { method: 'POST', headers: { 'Content-Type': OFFER_TYPE, ...headers }, body: offerWith() };
  const response = await running.fetch('/whip/live', init);
  expect(response.status).toBe(201);
  location = response.headers.get('location') ?? '';
  etag = response.headers.get('etag') ?? '';
}

afterEach(() => running.close());

function patch(body: string, headers: Record<string, string> = {}, path = location): Promise<Response> {
  return running.fetch(path, { method: 'PATCH', headers: { 'Content-Type': FRAGMENT_TYPE, ...headers }, body });
}

async function codeOf(response: Response): Promise<unknown> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  return ((await response.json()) as { code: string }).code;
}

function restarts(): number {
  return running.stage.media.commands.filter((command) => command.startsWith('restart')).length;
}

describe('trickle (the credentials of the offer)', () => {
  // The first session of a server has the tag "ice1".
  it.each([
    [undefined, 204, 428],
    ['"ice1"', 204, 204],
    ['"x", "ice1"', 204, 204],
    ['*', 204, 204],
    ['"*"', 204, 204],
    ['"other"', 412, 412],
    ['W/"ice1"', 412, 412],
    ['ice1', 412, 412],
  ])('with If-Match %s gets %i, in strict mode %i', async (ifMatch, lenient, strict) => {
    const headers = ifMatch ? { 'If-Match': ifMatch } : {};
    await openSession();
    const response = await patch(fragmentWith(), headers);
    expect(response.status).toBe(lenient);
    expect(response.headers.get('etag')).toBeNull();
    await running.close();
    await openSession(STRICT);
    expect((await patch(fragmentWith(), headers)).status).toBe(strict);
    expect(restarts()).toBe(0);
  });

  it('has no body in its answer', async () => {
    await openSession();
    expect(await (await patch(fragmentWith())).text()).toBe('');
  });

  it('takes candidates that nobody can read', async () => {
    await openSession();
    const odd =
      'a=candidate:x 0 undefined\r\na=candidate:1 1 tcp 1 abc.local 9 typ host tcptype active\r\na=end-of-candidates\r\n';
    expect((await patch(fragmentWith() + odd)).status).toBe(204);
  });
});

describe('an ICE restart (new credentials)', () => {
  it.each([
    [undefined, 200, 428],
    ['"ice1"', 200, 200],
    ['*', 200, 200],
    ['"*"', 200, 200],
    ['"other"', 412, 412],
  ])('with If-Match %s gets %i, in strict mode %i', async (ifMatch, lenient, strict) => {
    const headers = ifMatch ? { 'If-Match': ifMatch } : {};
    await openSession();
    expect((await patch(fragmentWith('newu', NEW_PASSWORD), headers)).status).toBe(lenient);
    expect(restarts()).toBe(lenient === 200 ? 1 : 0);
    await running.close();
    await openSession(STRICT);
    expect((await patch(fragmentWith('newu', NEW_PASSWORD), headers)).status).toBe(strict);
  });

  it('is answered with our new credentials and a new tag, which counts from then on', async () => {
    await openSession();
    const response = await patch(fragmentWith('newu', NEW_PASSWORD), { 'If-Match': '"*"' });
    expect(response.headers.get('content-type')).toBe(FRAGMENT_TYPE);
    expect(response.headers.get('etag')).toBe('"ice2"');
    const lines = (await response.text()).split('\r\n');
    expect(lines).toEqual(expect.arrayContaining(['a=ice-lite', 'a=ice-ufrag:ice2', 'a=ice-pwd:password', 'a=mid:0']));
    expect((await patch(fragmentWith('newu', NEW_PASSWORD), { 'If-Match': etag })).status).toBe(412);
    expect((await patch(fragmentWith('newu', NEW_PASSWORD), { 'If-Match': '"ice2"' })).status).toBe(204);
    expect(restarts()).toBe(1);
  });

  it('is one already when only the password is new', async () => {
    await openSession();
    expect((await patch(fragmentWith('EsAw', NEW_PASSWORD))).status).toBe(200);
  });

  it('is not undone by a fragment of before that comes late', async () => {
    await openSession();
    await patch(fragmentWith('newu', NEW_PASSWORD));
    expect((await patch(fragmentWith())).status).toBe(204);
    expect(restarts()).toBe(1);
  });

  it('is done once when two come at the same time for the same tag', async () => {
    await openSession();
    const both = await Promise.all(
      ['one1', 'two2'].map((ufrag) => patch(fragmentWith(ufrag, NEW_PASSWORD), { 'If-Match': etag })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect(restarts()).toBe(1);
  });

  it('waits for the one before it', async () => {
    await openSession();
    const restartIce = running.stage.media.restartIce.bind(running.stage.media);
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    running.stage.media.restartIce = async (id) => {
      const answer = await restartIce(id);
      await gate;
      return answer;
    };
    const look = vi.spyOn(running.stage.registry, 'session');
    const both = ['one1', 'two2'].map((ufrag) => patch(fragmentWith(ufrag, NEW_PASSWORD), { 'If-Match': '*' }));
    // Each looks for the session when it comes in, and the first one again when it is its turn.
    await vi.waitFor(() => expect(look.mock.calls.length).toBeGreaterThanOrEqual(3), { timeout: 10_000 });
    expect((await running.fetch(location)).status).toBe(204);
    expect(restarts()).toBe(1);
    open();
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
    expect(restarts()).toBe(2);
  });

  it('that fails leaves everything as it was, and may be tried again', async () => {
    await openSession();
    const restartIce = running.stage.media.restartIce.bind(running.stage.media);
    running.stage.media.restartIce = () => Promise.reject(new FanlightError('worker_unavailable'));
    const failed = await patch(fragmentWith('newu', NEW_PASSWORD));
    expect(failed.status).toBe(503);
    expect(await codeOf(failed)).toBe('worker_unavailable');
    running.stage.media.restartIce = restartIce;
    expect((await patch(fragmentWith(), { 'If-Match': etag })).status).toBe(204);
    expect((await patch(fragmentWith('newu', NEW_PASSWORD))).status).toBe(200);
  });

  it('is compared with the offer of the resumed session, not with the first one', async () => {
    await openSession();
    const headers = { 'Content-Type': OFFER_TYPE };
    const first = await running.fetch('/whep/live', { method: 'POST', headers, body: offerWith('old1') });
    const resume = first.headers.get('fanlight-resume') ?? '';
    const body = offerWith('new1');
    const second = await running.fetch('/whep/live', {
      method: 'POST',
      headers: { ...headers, 'Fanlight-Resume': resume },
      body,
    });
    const path = second.headers.get('location') ?? '';
    expect((await patch(fragmentWith('new1'), {}, path)).status).toBe(204);
  });
});

describe('a session that asks much', () => {
  it('gets ten ICE restarts at once and then one every two seconds, and may still trickle', async () => {
    await openSession();
    const statuses: number[] = [];
    for (let i = 0; i < 10; i++) statuses.push((await patch(fragmentWith(`new${i}`, NEW_PASSWORD))).status);
    expect(statuses).toEqual(Array(10).fill(200));
    const refused = await patch(fragmentWith('new10', NEW_PASSWORD));
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(await codeOf(refused)).toBe('too_many_requests');
    expect(restarts()).toBe(10);
    expect((await patch(fragmentWith('new9', NEW_PASSWORD))).status).toBe(204);
    running.stage.clock.advance(2_000);
    expect((await patch(fragmentWith('new11', NEW_PASSWORD))).status).toBe(200);
    expect((await patch(fragmentWith('new12', NEW_PASSWORD))).status).toBe(429);
  });

  it('gets no more restarts by resuming', async () => {
    await openSession();
    const body = offerWith();
    const headers = { 'Content-Type': OFFER_TYPE };
    const opened = await running.fetch('/whep/live', { method: 'POST', headers, body });
    const resume = { ...headers, 'Fanlight-Resume': opened.headers.get('fanlight-resume') ?? '' };
    const path = opened.headers.get('location') ?? '';
    for (let i = 0; i < 10; i++) await patch(fragmentWith(`new${i}`, NEW_PASSWORD), {}, path);
    await running.fetch('/whep/live', { method: 'POST', headers: resume, body });
    expect((await patch(fragmentWith('new10', NEW_PASSWORD), {}, path)).status).toBe(429);
  });

  it('may send a hundred candidates at once, each in its own request, and no more', async () => {
    await openSession();
    const all = await Promise.all(Array.from({ length: 200 }, () => patch(fragmentWith())));
    const refused = all.filter(({ status }) => status === 429);
    expect(all.filter(({ status }) => status === 204)).toHaveLength(100);
    expect(refused).toHaveLength(100);
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
  });
});

describe('a PATCH', () => {
  it('whose session ends while its body comes gets 404, and nothing of it is remembered', async () => {
    await openSession();
    const look = vi.spyOn(running.stage.registry, 'session');
    const remembered = vi.spyOn(RemoteIce.prototype, 'inTurn');
    const headers = { 'Content-Type': FRAGMENT_TYPE, 'Transfer-Encoding': 'chunked' };
    const sending = request({ port: running.port, path: location, method: 'PATCH', headers });
    const answered = once(sending, 'response');
    sending.flushHeaders();
    await vi.waitFor(() => expect(look).toHaveBeenCalled(), { timeout: 10_000 });
    running.stage.registry.end(location.split('/').at(-1) ?? '');
    sending.end(fragmentWith());
    const [response] = (await answered) as [IncomingMessage];
    expect(response.resume().statusCode).toBe(404);
    expect(remembered).not.toHaveBeenCalled();
    remembered.mockRestore();
  });

  it.each([
    ['the wrong type', fragmentWith(), { 'Content-Type': 'text/plain' }, 415, 'unsupported_content_type'],
    [
      'an SDP answer, since we never counter-offer',
      'v=0',
      { 'Content-Type': OFFER_TYPE },
      415,
      'unsupported_content_type',
    ],
    ['nothing in it', '', {}, 400, 'malformed_fragment'],
    ['no credentials', 'a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n', {}, 400, 'malformed_fragment'],
    ['JSON', '{"candidate":"x"}', {}, 400, 'malformed_fragment'],
    ['more than 16 KiB', fragmentWith().padEnd(16_385, 'x'), {}, 413, 'body_too_large'],
  ])('with %s is refused', async (_, body, headers, status, code) => {
    await openSession();
    const response = await patch(body, headers);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });

  it.each([
    ['an unknown session', () => '/whip/live/AAAAAAAAAAAAAAAAAAAAAA'],
    ['a session under another broadcast', () => location.replace('/live/', '/other/')],
    ['a session of the other role', () => location.replace('/whip/', '/whep/')],
  ])('to %s gets 404', async (_, path) => {
    await openSession();
    const response = await patch(fragmentWith(), {}, path());
    expect(response.status).toBe(404);
    expect(await codeOf(response)).toBe('unknown_session');
  });
});

describe('the end of a session', () => {
  it('comes with DELETE, whatever If-Match says, and only once', async () => {
    await openSession();
    const first = await running.fetch(location, { method: 'DELETE', headers: { 'If-Match': '"other"' } });
    expect(first.status).toBe(200);
    expect(await first.text()).toBe('');
    for (const method of ['DELETE', 'PATCH', 'GET']) {
      const again = method === 'PATCH' ? await patch(fragmentWith()) : await running.fetch(location, { method });
      expect(again.status).toBe(404);
      expect(await codeOf(again)).toBe('unknown_session');
    }
    expect(running.stage.media.openTransports.size).toBe(0);
  });

  it('gets 404 under another path', async () => {
    await openSession();
    expect((await running.fetch(location.replace('/live/', '/other/'), { method: 'DELETE' })).status).toBe(404);
    expect((await running.fetch(location)).status).toBe(204);
  });
});

describe('a key at a session', () => {
  const key = { Authorization: 'Bearer publish-key' };

  it.each([
    [undefined, 204, 401],
    ['Bearer undefined', 204, 401],
    ['Bearer publish-key', 204, 204],
    ['Bearer wrong', 401, 401],
  ])('%s gets %i, in strict mode %i', async (authorization, lenient, strict) => {
    const headers = { 'If-Match': '*', ...(authorization ? { Authorization: authorization } : {}) };
    await openSession({ PUBLISH_KEY: 'publish-key' }, key);
    expect((await patch(fragmentWith(), headers)).status).toBe(lenient);
    await running.close();
    await openSession({ ...STRICT, PUBLISH_KEY: 'publish-key' }, key);
    expect((await patch(fragmentWith(), headers)).status).toBe(strict);
  });

  it.each([
    ['{}', {}, 200, 401],
    ['the wrong one', { Authorization: 'Bearer wrong' }, 401, 401],
    ['the right one', key, 200, 200],
  ])('with DELETE: %s', async (_, headers, lenient, strict) => {
    await openSession({ PUBLISH_KEY: 'publish-key' }, key);
    expect((await running.fetch(location, { method: 'DELETE', headers })).status).toBe(lenient);
    await running.close();
    await openSession({ ...STRICT, PUBLISH_KEY: 'publish-key' }, key);
    expect((await running.fetch(location, { method: 'DELETE', headers })).status).toBe(strict);
  });
});

describe('other methods on a session', () => {
  it.each(['GET', 'HEAD'])('%s gets 204', async (method) => {
    await openSession();
    expect((await running.fetch(location, { method })).status).toBe(204);
  });

  it.each(['POST', 'PUT'])('%s gets 405 with Allow', async (method) => {
    await openSession();
    const response = await running.fetch(location, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('OPTIONS, GET, HEAD, PATCH, DELETE');
  });
});
