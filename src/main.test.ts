// The process as an operator meets it: what it says when it cannot start, and how it ends.

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { LibwebrtcViewer } from './test/libwebrtc.ts';
import { eventually } from './test/server.ts';
import { ServerProcess } from './test/server-process.ts';

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function run(settings: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fanlight-main-'));
  undo.push(() => rm(dataDir, { recursive: true, force: true }));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/main.ts'], {
    env: { PATH: process.env.PATH ?? '', PORT: '0', HTTPS_PORT: '0', UDP_PORT: '0', DATA_DIR: dataDir, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

describe('the process', () => {
  it('tells every wrong setting at once and ends with 78', async () => {
    const { code, said } = await run({ PORT: 'http', LOG_LEVEL: 'loud', FANLIGHT_STRICT_WIHP: 'true' });
    expect(code).toBe(78);
    for (const name of ['PORT', 'LOG_LEVEL', 'FANLIGHT_STRICT_WIHP', 'FANLIGHT_STRICT_WHIP?'])
      expect(said).toContain(name);
  });

  it('says which TCP port is taken and by which setting to change it', async () => {
    const other = createServer();
    other.listen(0);
    await once(other, 'listening');
    undo.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    const { code, said } = await run({ PORT: String(port) });
    expect(code).toBe(1);
    expect(said).toMatch(new RegExp(`Port ${port} is taken.*PORT`));
  });

  it('says which UDP port is taken and by which setting to change it', async () => {
    const other = createSocket('udp6');
    other.bind(0);
    await once(other, 'listening');
    undo.push(() => other.close());
    const { code, said } = await run({ UDP_PORT: String(other.address().port) });
    expect(code).toBe(1);
    expect(said).toMatch(new RegExp(`UDP port ${other.address().port} is taken.*UDP_PORT`));
  });

  it('says which certificate cannot be read', async () => {
    const { code, said } = await run({ HTTPS_PORT: '1', TLS_CERT: '/nowhere/cert.pem', TLS_KEY: '/nowhere/key.pem' });
    expect(code).toBe(78);
    expect(said).toMatch(/TLS_CERT.*\/nowhere\/cert\.pem/s);
  });

  it('stops on SIGTERM with 0, and a second start finds everything as it was', async () => {
    const server = await ServerProcess.start();
    undo.push(() => server.stop());
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(await server.end('SIGTERM')).toBe(0);
    await server.start();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});

describe('SIGTERM while somebody watches', () => {
  async function serverWithViewer(settings: Record<string, string>) {
    const server = await ServerProcess.start(settings);
    undo.push(() => server.stop());
    const viewer = new LibwebrtcViewer();
    undo.push(() => viewer.close());
    await viewer.view(`${server.url}/whep/b`);
    await eventually('connected', () => viewer.connection.connectionState === 'connected');
    return { server, viewer };
  }

  it('takes nobody in, keeps who is there, and ends with 0 when the last one has gone', async () => {
    const { server, viewer } = await serverWithViewer({ STOP_GRACE: '60' });
    const ended = server.end('SIGTERM');
    await eventually('not ready', () => server.isUnready());
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    const late = new LibwebrtcViewer();
    undo.push(() => late.close());
    expect(await late.view(`${server.url}/whep/b`)).toMatchObject({ status: 503, code: 'shutting_down' });
    const again = await late.view(`${server.url}/whep/b`, { resume: viewer.session?.resume ?? '' });
    expect(again).toMatchObject({ status: 503, code: 'shutting_down' });
    expect(viewer.connection.connectionState).toBe('connected');
    expect(await viewer.leave()).toBe(200);
    expect(await ended).toBe(0);
  });

  it('ends with 0 after STOP_GRACE, whoever is still there', async () => {
    const { server } = await serverWithViewer({ STOP_GRACE: '1' });
    const beganMs = performance.now();
    expect(await server.end('SIGTERM')).toBe(0);
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(1_000);
  });

  it('ends at once with a second signal', async () => {
    const { server } = await serverWithViewer({ STOP_GRACE: '60' });
    const ended = server.end('SIGTERM');
    await eventually('not ready', () => server.isUnready());
    void server.end('SIGTERM');
    expect(await ended).toBe(1);
  });
});
