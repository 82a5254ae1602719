// WHIP and WHEP over real HTTP: endpoints, what they answer, and what bad requests get. Sessions are in session-requests.test.ts.

import { afterEach, describe, expect, it } from 'vitest';
import { FanlightError } from '../errors.ts';
import { OFFER_TYPE, offerWith, RunningApp, type RunningAppOptions } from '../test/running-app.ts';

let running: RunningApp;

async function start(env: Record<string, string> = {}, options: RunningAppOptions = {}): Promise<void> {
  running = await RunningApp.start({ ...options, env });
}

afterEach(() => running.close());

function post(path: string, headers: Record<string, string> = {}, body: string = offerWith()): Promise<Response> {
  return running.fetch(path, { method: 'POST', headers: { 'Content-Type': OFFER_TYPE, ...headers }, body });
}

async function codeOf(response: Response): Promise<unknown> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  const problem = (await response.json()) as { code: string; status: number; type: string };
  expect(problem).toMatchObject({ status: response.status, type: `urn:fanlight:error:${problem.code}` });
  return problem.code;
}

describe('an offer', () => {
  it.each(['whip', 'whep'])('to /%s is answered with everything that the session needs', async (protocol) => {
    await start();
    const response = await post(`/${protocol}/live`);
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe('application/sdp');
    expect(await response.text()).toContain('answer to v=0');
    const location = response.headers.get('location') ?? '';
    expect(location).toMatch(new RegExp(`^/${protocol}/live/[\\w-]{22}$`));
    expect(response.headers.get('etag')).toBe('"ice1"');
    expect(response.headers.get('fanlight-resume')).toMatch(new RegExp(`^${location.split('/')[3]}\\.[\\w-]{22}$`));
    expect(response.headers.get('link')).toContain(`<${location}>; rel="urn:fanlight:ext:resume"`);
    expect(response.headers.get('server-timing')).toMatch(/^read;dur=[\d.]+, worker;dur=[\d.]+, total;dur=[\d.]+$/);
    expect(response.headers.get('timing-allow-origin')).toBe('*');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('access-control-expose-headers')).toMatch(/Location, ETag, Link/);
  });

  it('is told each ICE server in a header of its own', async () => {
    await start({ ICE_SERVERS: 'stun:a.example,stun:b.example', TURN_URLS: 'turn:t.example', TURN_SECRET: 's' });
    const answer = await running.raw(
      `POST /whip/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${OFFER_TYPE}\r\nContent-Length: ${offerWith().length}\r\n\r\n${offerWith()}`,
    );
    const links = answer.split('\r\n').filter((line) => line.startsWith('Link: '));
    expect(links.slice(0, 2)).toEqual([
      'Link: <stun:a.example>; rel="ice-server"',
      'Link: <stun:b.example>; rel="ice-server"',
    ]);
    expect(links[2]).toMatch(
      /^Link: <turn:t.example>; rel="ice-server"; username="\d+:fanlight"; credential="[^"]+"; credential-type="password"$/,
    );
    expect(links).toHaveLength(4);
  });

  it('comes with the address by which the client reached us', async () => {
    await start();
    await post('/whep/live');
    expect(running.stage.media.requests[0]?.addressHints).toEqual(['127.0.0.1']);
  });

  it.each(['Application/SDP', 'application/sdp; charset=utf-8', 'application/sdp;x=y'])(
    'may have the type %s',
    async (type) => {
      await start();
      expect((await post('/whip/live', { 'Content-Type': type })).status).toBe(201);
    },
  );

  it('may be as long as 64 KiB, and not longer', async () => {
    await start();
    expect((await post('/whep/live', {}, offerWith().padEnd(65_536, 'x'))).status).toBe(201);
    const response = await post('/whep/live', {}, offerWith().padEnd(65_537, 'x'));
    expect(response.status).toBe(413);
    expect(await codeOf(response)).toBe('body_too_large');
  });

  it.each([
    ['/whip/live', { 'Content-Type': 'text/plain' }, 415, 'unsupported_content_type'],
    ['/whip/live', { 'Content-Type': 'application/sdpx' }, 415, 'unsupported_content_type'],
    ['/whip/live', { 'Content-Encoding': 'gzip' }, 415, 'unsupported_content_type'],
    ['/whip/live', { 'Content-Type': 'application/sdp; charset=klingon' }, 415, 'unsupported_content_type'],
    ['/whip/a%20b', {}, 400, 'invalid_name'],
    ['/whip/a%2Fb', {}, 400, 'invalid_name'],
    [`/whep/${'x'.repeat(65)}`, {}, 400, 'invalid_name'],
    ['/whip/%E0%A4%A', {}, 400, 'malformed_request'],
    ['/whip/live', { 'Fanlight-Resume': 'nonsense' }, 400, 'malformed_request'],
    ['/whip', {}, 404, 'not_found'],
    ['/whip/live/session/more', {}, 404, 'not_found'],
  ] as const)('to %s with %j gets %i %s', async (path, headers, status, code) => {
    await start();
    const response = await post(path, headers);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });

  it.each(['', '  \r\n'])('that is empty (%j) is malformed SDP', async (body) => {
    await start();
    const response = await post('/whip/live', {}, body);
    expect(response.status).toBe(400);
    expect(await codeOf(response)).toBe('malformed_sdp');
  });

  it.each([
    ['malformed_sdp', 400],
    ['unsupported_offer', 422],
    ['unsupported_codec', 422],
    ['transport_limit', 503],
    ['worker_unavailable', 503],
  ] as const)('that the media layer refuses as %s gets %i', async (code, status) => {
    await start();
    running.stage.media.failure = new FanlightError(code, 'Because.', { retryAfterSeconds: 3 });
    const response = await post('/whip/live');
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await codeOf(response)).toBe(code);
  });

  it('that breaks the server gets 500, says nothing of the inside, and is logged', async () => {
    await start();
    running.stage.media.failure = new Error('the secret inside');
    const response = await post('/whip/live');
    expect(response.status).toBe(500);
    expect(JSON.stringify(await response.json())).not.toContain('secret inside');
    expect(running.logLines.some((line) => line.includes('the secret inside'))).toBe(true);
  });

  it('gets 503 and Retry-After while the server stops', async () => {
    await start();
    running.stage.registry.close();
    const response = await post('/whip/live');
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    // The next try may reach another server at this address.
    expect(response.headers.get('connection')).toBe('close');
    expect(await codeOf(response)).toBe('shutting_down');
  });

  it('is one too many for an address after so many in a minute, and other requests still pass', async () => {
    await start({ FANLIGHT_OFFERS_PER_MINUTE: '2' });
    expect((await post('/whep/live')).status).toBe(201);
    expect((await post('/whip/live')).status).toBe(201);
    const response = await post('/whep/live');
    expect(response.status).toBe(429);
    const waitSeconds = Number(response.headers.get('retry-after'));
    expect(waitSeconds).toBeGreaterThan(0);
    expect(waitSeconds).toBeLessThanOrEqual(60);
    expect(await codeOf(response)).toBe('too_many_requests');
    expect((await running.fetch('/whep/live')).status).toBe(204);
  });

  it('that resumes a session is not counted for its address, so that an office comes back at once after a restart', async () => {
    await start({ FANLIGHT_OFFERS_PER_MINUTE: '2' });
    const [first, second] = [await post('/whep/live'), await post('/whep/live')];
    for (const opened of [first, second, first, second]) {
      const resume = opened.headers.get('fanlight-resume') ?? '';
      const resumed = await post('/whep/live', { 'Fanlight-Resume': resume });
      expect([resumed.status, resumed.headers.get('location')]).toEqual([201, opened.headers.get('location')]);
    }
    expect((await post('/whep/live')).status).toBe(429);
  });

  it.each([
    ['with a wrong token', '/whep/live', (resume: string) => `${resume.split('.')[0]}.AAAAAAAAAAAAAAAAAAAAAA`],
    ['of a session that nobody knows', '/whep/live', () => 'AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA'],
    ['at another broadcast', '/whep/other', (resume: string) => resume],
    ['in another role', '/whip/live', (resume: string) => resume],
    ['that cannot be read', '/whep/live', () => 'nonsense'],
  ])('that resumes %s counts like any other', async (_, path, forge) => {
    await start({ FANLIGHT_OFFERS_PER_MINUTE: '1' });
    const resume = (await post('/whep/live')).headers.get('fanlight-resume') ?? '';
    expect((await post(path, { 'Fanlight-Resume': forge(resume) })).status).toBe(429);
  });

  it('that resumes one session too often is refused, and other sessions still resume', async () => {
    await start();
    const resumes = [await post('/whep/live'), await post('/whep/live')].map(
      (opened) => opened.headers.get('fanlight-resume') ?? '',
    );
    const statuses: number[] = [];
    for (let i = 0; i < 31; i++) {
      statuses.push((await post('/whep/live', { 'Fanlight-Resume': resumes[0] ?? '' })).status);
    }
    expect(statuses.indexOf(429)).toBe(30);
    expect((await post('/whep/live', { 'Fanlight-Resume': resumes[1] ?? '' })).status).toBe(201);
  });

  it('is counted by the address that a trusted proxy names', async () => {
    await start({ FANLIGHT_OFFERS_PER_MINUTE: '1', TRUST_PROXY: 'loopback' });
    expect((await post('/whep/live', { 'X-Forwarded-For': '198.51.100.1' })).status).toBe(201);
    expect((await post('/whep/live', { 'X-Forwarded-For': '198.51.100.2' })).status).toBe(201);
    expect((await post('/whep/live', { 'X-Forwarded-For': '198.51.100.1' })).status).toBe(429);
  });

  it('cannot choose its address when no proxy is trusted', async () => {
    await start({ FANLIGHT_OFFERS_PER_MINUTE: '1' });
    expect((await post('/whep/live', { 'X-Forwarded-For': '198.51.100.1' })).status).toBe(201);
    expect((await post('/whep/live', { 'X-Forwarded-For': '198.51.100.2' })).status).toBe(429);
  });
});

describe('a proxy that TRUST_PROXY does not name', () => {
  const warnings = () => running.logLines.filter((line) => line.includes('TRUST_PROXY'));

  it('is told to the operator, once', async () => {
    await start();
    await running.fetch('/healthz');
    expect(warnings()).toEqual([]);
    for (const client of ['198.51.100.1', '198.51.100.2']) await post('/whep/live', { 'X-Forwarded-For': client });
    expect(warnings()).toHaveLength(1);
    expect(JSON.parse(warnings()[0] ?? '')).toMatchObject({ level: 'warn', peer: '127.0.0.1' });
  });

  it('is no news when the settings trust some', async () => {
    await start({ TRUST_PROXY: 'loopback' });
    await post('/whep/live', { 'X-Forwarded-For': '198.51.100.1' });
    expect(warnings()).toEqual([]);
  });
});

describe('keys', () => {
  it.each([
    [undefined, 'missing_key', 'Bearer'],
    ['Bearer undefined', 'missing_key', 'Bearer'],
    ['Basic aGk6aG8=', 'missing_key', 'Bearer'],
    ['Bearer wrong', 'wrong_key', 'Bearer error="invalid_token"'],
    ['Bearer view-key', 'wrong_key', 'Bearer error="invalid_token"'],
  ])('publishing with Authorization %j gets 401 %s', async (authorization, code, challenge) => {
    await start({ PUBLISH_KEY: 'publish-key', VIEW_KEY: 'view-key' });
    const response = await post('/whip/live', authorization ? { Authorization: authorization } : {});
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe(challenge);
    expect(await codeOf(response)).toBe(code);
    expect(running.stage.media.requests).toEqual([]);
  });

  it.each([
    ['/whip/live', 'publish-key'],
    ['/whep/live', 'view-key'],
    ['/whip/live', 'admin-key'],
    ['/whep/live', 'admin-key'],
  ])('%s is open to the %s', async (path, key) => {
    await start({ PUBLISH_KEY: 'publish-key', VIEW_KEY: 'view-key', ADMIN_KEY: 'admin-key' });
    expect((await post(path, { Authorization: `bearer ${key}` })).status).toBe(201);
  });

  it('are not asked for where none is set', async () => {
    await start({ PUBLISH_KEY: 'publish-key' });
    expect((await post('/whep/live')).status).toBe(201);
    expect((await post('/whep/live', { Authorization: 'Bearer anything' })).status).toBe(201);
    expect((await post('/whep/live', { Authorization: 'Basic x' })).status).toBe(201);
  });
});

describe('a second publisher', () => {
  it('gets 409 when it is somebody else', async () => {
    await start();
    await post('/whip/live');
    const response = await post('/whip/live');
    expect(response.status).toBe(409);
    expect(await codeOf(response)).toBe('already_live');
  });

  it('takes over with the same bearer token, also where none is asked for', async () => {
    await start();
    const first = await post('/whip/live', { Authorization: 'Bearer stream-key' });
    const second = await post('/whip/live', { Authorization: 'Bearer stream-key' });
    expect(second.status).toBe(201);
    expect(second.headers.get('location')).not.toBe(first.headers.get('location'));
    expect((await running.fetch(first.headers.get('location') ?? '')).status).toBe(404);
  });

  it('takes over with the admin key, whoever is live; with a key that only looks like one it does not', async () => {
    await start({ ADMIN_KEY: 'admin-key' });
    const first = await post('/whip/live', { Authorization: 'Bearer stream-key' });
    expect((await post('/whip/live', { Authorization: 'Bearer admin-keys' })).status).toBe(409);
    expect((await post('/whip/live', { Authorization: 'Bearer admin-key' })).status).toBe(201);
    expect((await running.fetch(first.headers.get('location') ?? '')).status).toBe(404);
  });

  it('is nobody in particular with "Bearer undefined"', async () => {
    await start();
    await post('/whip/live', { Authorization: 'Bearer undefined' });
    expect((await post('/whip/live', { Authorization: 'Bearer undefined' })).status).toBe(409);
  });
});

describe('resuming', () => {
  it('keeps the session, its address and its token', async () => {
    await start();
    const first = await post('/whip/live');
    const resume = first.headers.get('fanlight-resume') ?? '';
    const second = await post('/whip/live', { 'Fanlight-Resume': resume }, offerWith('again'));
    expect(second.status).toBe(201);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect(second.headers.get('fanlight-resume')).toBe(resume);
    expect(second.headers.get('etag')).not.toBe(first.headers.get('etag'));
  });

  it('with a wrong token gets 403', async () => {
    await start();
    const [session] = ((await post('/whip/live')).headers.get('fanlight-resume') ?? '').split('.');
    const response = await post('/whip/live', { 'Fanlight-Resume': `${session}.AAAAAAAAAAAAAAAAAAAAAA` });
    expect(response.status).toBe(403);
    expect(await codeOf(response)).toBe('wrong_resume_token');
  });

  it('a session that nobody knows opens a new one', async () => {
    await start();
    const response = await post('/whep/live', { 'Fanlight-Resume': 'AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA' });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).not.toContain('AAAAAAAAAAAAAAAAAAAAAA');
  });
});

describe('other methods on an endpoint', () => {
  it.each([
    ['GET', '/whip/live', 204, null],
    ['HEAD', '/whip/live', 204, null],
    ['GET', '/whep/live', 204, null],
    ['HEAD', '/whep/live', 200, 'application/sdp'],
  ])('%s %s gets %i', async (method, path, status, type) => {
    await start();
    const response = await running.fetch(path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe(type);
    expect(await response.text()).toBe('');
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('%s is not allowed, and the answer says what is', async (method) => {
    await start();
    const response = await running.fetch('/whip/live', { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('OPTIONS, GET, HEAD, POST');
    expect(await codeOf(response)).toBe('method_not_allowed');
  });
});

describe('a preflight', () => {
  it.each([
    ['/whip/live', 'accept-post', 'application/sdp'],
    ['/whep/live', 'accept-post', 'application/sdp'],
    ['/whip/live/any', 'accept-patch', 'application/trickle-ice-sdpfrag'],
  ])('to %s allows what clients do and echoes the headers that they ask for', async (path, accept, type) => {
    await start({ PUBLISH_KEY: 'k', VIEW_KEY: 'k' });
    const asked = 'authorization,content-type,if-match,etag';
    const headers = {
      Origin: 'https://elsewhere.example',
      'Access-Control-Request-Method': 'PATCH',
      'Access-Control-Request-Headers': asked,
    };
    const response = await running.fetch(path, { method: 'OPTIONS', headers });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
    expect(response.headers.get(accept)).toBe(type);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-methods')).toBe('OPTIONS, GET, HEAD, POST, PATCH, DELETE');
    expect(response.headers.get('access-control-allow-headers')).toBe(asked);
    expect(response.headers.get('access-control-max-age')).toBe('86400');
    expect(response.headers.get('access-control-expose-headers')).toMatch(/Access-Control-Allow-Methods/);
    expect(response.headers.get('link')).toBeNull();
  });

  it('that asks for no header names is told the usual ones', async () => {
    await start();
    const response = await running.fetch('/whip/live', {
      method: 'OPTIONS',
      headers: { 'Access-Control-Request-Headers': '<script>' },
    });
    expect(response.headers.get('access-control-allow-headers')).toBe(
      'Authorization, Content-Type, If-Match, Fanlight-Resume',
    );
  });
});
