// What goes for all of HTTP: headers, pages, health, the log.

import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OFFER_TYPE, offerWith, RunningApp } from '../test/running-app.ts';
import { SocketClient } from '../test/socket-client.ts';

let running: RunningApp;
let folder: string;
const BROWSER = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlight-pages-'));
  for (const name of ['home', 'publish', 'join', 'not-found'])
    writeFileSync(join(folder, `${name}.html`), `<h1>${name}</h1>`);
  writeFileSync(join(folder, 'module.js'), 'export const answer = 42;\n');
  writeFileSync(join(folder, '.hidden'), 'hidden');
});

afterEach(() => running.close());

async function start(env: Record<string, string> = {}): Promise<void> {
  running = await RunningApp.start({ env, templatesDir: folder, staticDir: folder });
}

describe('pages', () => {
  it.each([
    ['/', 'home'],
    ['/publish', 'publish'],
    ['/publish/', 'publish'],
    ['/publish/a.b-c_D', 'publish'],
    ['/join', 'join'],
    ['/join/live?muted=1', 'join'],
  ])('%s is %s.html', async (path, name) => {
    await start();
    const response = await running.fetch(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(await response.text()).toBe(`<h1>${name}</h1>`);
  });

  it.each(['/join/a%20b', `/publish/${'x'.repeat(65)}`, '/join/a/b', '/nowhere'])(
    '%s is the page that says not found',
    async (path) => {
      await start();
      const response = await running.fetch(path, { headers: BROWSER });
      expect(response.status).toBe(404);
      expect(await response.text()).toBe('<h1>not-found</h1>');
    },
  );

  it('that do not exist are a problem document for programs', async () => {
    await start();
    const response = await running.fetch('/nowhere');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'not_found', type: 'urn:fanlight:error:not_found' });
  });

  it('cost a 304 when nothing changed', async () => {
    await start();
    const etag = (await running.fetch('/join')).headers.get('etag') ?? '';
    // Not by fetch, which forbids caches on the way when it sees If-None-Match.
    const answer = await running.raw(
      `GET /join HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: ${etag}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 304 /);
  });
});

describe('modules', () => {
  it('may be imported by other sites', async () => {
    await start();
    const response = await running.fetch('/static/module.js', { headers: { Origin: 'https://elsewhere.example' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(response.headers.get('cache-control')).toBe('no-cache');
  });

  it.each(['/static/.hidden', '/static/..%2fpackage.json', '/static/none.js', '/static/'])(
    'are all that is served: not %s',
    async (path) => {
      await start();
      const answer = await running.raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    },
  );
});

describe('every response', () => {
  it('has a strict content security policy and nothing that tells the software', async () => {
    await start();
    const { headers } = await running.fetch('/join');
    expect(headers.get('content-security-policy')?.split(';').sort()).toEqual(
      [
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob: mediastream:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
      ].sort(),
    );
    expect(headers.get('permissions-policy')).toBe(
      'camera=(self), microphone=(self), display-capture=(self), fullscreen=(self)',
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('health', () => {
  it('is alive even when it is not ready, and says why it is not', async () => {
    await start();
    expect((await running.fetch('/readyz')).status).toBe(200);
    running.readiness = { ready: false, reasons: ['media worker 1 is restarting'] };
    expect((await running.fetch('/healthz')).status).toBe(200);
    const response = await running.fetch('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: 'not ready', reasons: ['media worker 1 is restarting'] });
  });

  it('shows metrics, with the joins that were made', async () => {
    await start();
    for (const path of ['/whip/live', '/whep/live']) {
      await running.fetch(path, { method: 'POST', headers: { 'Content-Type': OFFER_TYPE }, body: offerWith() });
    }
    const response = await running.fetch('/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    expect(text).toContain('fanlight_viewers 1\n');
    expect(text).toContain('fanlight_join_seconds_count{phase="request"} 1\n');
    expect(text).toContain('fanlight_join_seconds_count{phase="publish-request"} 1\n');
  });

  it('shows metrics only with the admin key when there is one', async () => {
    await start({ ADMIN_KEY: 'admin-key' });
    expect((await running.fetch('/metrics')).status).toBe(401);
    expect((await running.fetch('/metrics', { headers: { Authorization: 'Bearer admin-key' } })).status).toBe(200);
    expect((await running.fetch('/healthz')).status).toBe(200);
  });
});

describe('the log of requests', () => {
  it('has one line for each, without keys, tokens or session addresses', async () => {
    await start({ VIEW_KEY: 'hush-key' });
    const headers = { 'Content-Type': OFFER_TYPE, Authorization: 'Bearer hush-key' };
    const opened = await running.fetch('/whep/live?key=hush-query', { method: 'POST', headers, body: offerWith() });
    const [session = '', token = ''] = (opened.headers.get('fanlight-resume') ?? '').split('.');
    await running.fetch(`/whep/live/${session}`, { method: 'DELETE', headers });
    await running.fetch('/healthz');
    const lines = running.logLines.map((line) => JSON.parse(line));
    expect(lines.map(({ level, req, res }) => [level, req.method, req.url, res.statusCode])).toEqual([
      ['info', 'POST', '/whep/live?key=[redacted]', 201],
      ['info', 'DELETE', `/whep/live/${session.slice(0, 8)}…`, 200],
      ['debug', 'GET', '/healthz', 200],
    ]);
    for (const secret of ['hush', token, session]) expect(running.logLines.join('')).not.toContain(secret);
  });
});

describe('requests that ask for another protocol', () => {
  it('get a plain answer (Java and curl ask every server for h2c)', async () => {
    await start();
    const answer = await running.raw(
      'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('WebSocket connections', () => {
  it('of one household count together, whichever of its IPv6 addresses they come from', async () => {
    running = await RunningApp.start({
      env: { TRUST_PROXY: 'loopback' },
      webSocketLimits: { connectionsPerAddress: 1 },
    });
    const connect = (address: string) =>
      new SocketClient(running.webSocketUrl, { headers: { 'X-Forwarded-For': address } });
    const first = await connect('2001:db8:1:2:3::4').opened();
    const [refusal] = await once(connect('2001:db8:1:ff::5').socket, 'error');
    expect(refusal.message).toContain('429');
    const elsewhere = await connect('2001:db8:1:102::5').opened();
    for (const { socket } of [first, elsewhere]) socket.terminate();
  });
});
