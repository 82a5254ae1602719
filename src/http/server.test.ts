// Listening and closing, on real sockets.

import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { get } from 'node:https';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpServers, type HttpServersOptions, ListenError } from './server.ts';
import { loadCertificate } from './tls.ts';

const opened: (HttpServers | Server)[] = [];

function create(options: Partial<HttpServersOptions> = {}): HttpServers {
  const servers = new HttpServers({
    handler: (_, response) => response.end('hello'),
    host: '127.0.0.1',
    port: 0,
    ...options,
  });
  opened.push(servers);
  return servers;
}

afterEach(async () => {
  for (const each of opened.splice(0)) await (each instanceof HttpServers ? each.close(0) : each.close());
});

async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  opened.push(server);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function certificate(): Promise<{ cert: string; key: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fanlight-server-'));
  return loadCertificate({ tlsCert: undefined, tlsKey: undefined, dataDir, announcedAddresses: [] });
}

describe('the servers', () => {
  it('serve HTTP and HTTPS with the same handler', async () => {
    const { cert, key } = await certificate();
    const servers = create({ https: { port: 0, cert, key } });
    await servers.listen();
    expect(await (await fetch(`http://127.0.0.1:${servers.ports.http}`)).text()).toBe('hello');
    const [response] = await once(get({ host: '127.0.0.1', port: servers.ports.https, ca: cert }), 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  it('listen for IPv4 without a host', async () => {
    const servers = create({ host: '' });
    await servers.listen();
    expect((await fetch(`http://127.0.0.1:${servers.ports.http}`)).status).toBe(200);
  });

  it('say which port is taken and which setting changes it', async () => {
    const port = await takenPort();
    const listening = create({ port }).listen();
    await expect(listening).rejects.toThrow(ListenError);
    await expect(listening).rejects.toThrow(`Port ${port} is taken by another program. Choose another one with PORT.`);
  });

  it('close HTTP again when the HTTPS port is taken', async () => {
    const { cert, key } = await certificate();
    const port = await takenPort();
    const servers = create({ https: { port, cert, key } });
    await expect(servers.listen()).rejects.toThrow(
      `Port ${port} is taken by another program. Choose another one with HTTPS_PORT.`,
    );
    expect(servers.servers.every((server) => !server.listening)).toBe(true);
  });

  it('say that a host is none of this machine', async () => {
    await expect(create({ host: '192.0.2.123' }).listen()).rejects.toThrow(
      '192.0.2.123 is no address of this machine. Change HOST',
    );
  });
});

describe('closing', () => {
  it('lets a running request end', async () => {
    let finish = () => {};
    const servers = create({
      handler: (_, response) => {
        finish = () => void response.end('late');
        servers.servers[0]?.emit('begun');
      },
    });
    await servers.listen();
    const begun = once(servers.servers[0] ?? process, 'begun');
    const answer = fetch(`http://127.0.0.1:${servers.ports.http}`);
    await begun;
    const closed = servers.close();
    finish();
    expect(await (await answer).text()).toBe('late');
    await closed;
  });

  it('ends requests that do not end, and takes no new ones', async () => {
    const servers = create({ handler: () => servers.servers[0]?.emit('begun') });
    await servers.listen();
    const { http: port } = servers.ports;
    const begun = once(servers.servers[0] ?? process, 'begun');
    const request = httpRequest({ host: '127.0.0.1', port });
    const failed = once(request, 'error');
    request.end();
    await begun;
    await servers.close(10);
    expect(((await failed)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    const [error] = await once(connect(port ?? 0, '127.0.0.1'), 'error');
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('of those that wait for a next request only, leaves who is being answered, and goes on listening', async () => {
    const finished = Promise.withResolvers<void>();
    const servers = create({
      handler: async ({ url }, response) => {
        servers.servers[0]?.emit('begun');
        if (url === '/slow') await finished.promise;
        response.end('answer');
      },
    });
    await servers.listen();
    const [idle, busy] = [connect(servers.ports.http ?? 0, '127.0.0.1'), connect(servers.ports.http ?? 0, '127.0.0.1')];
    idle.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    await once(idle, 'data');
    const begun = once(servers.servers[0] ?? process, 'begun');
    busy.write('GET /slow HTTP/1.1\r\nHost: here\r\n\r\n');
    await begun;
    const gone = once(idle, 'close');
    servers.closeIdle();
    await gone;
    finished.resolve();
    expect(String((await once(busy, 'data'))[0])).toContain('answer');
    busy.destroy();
    expect((await fetch(`http://127.0.0.1:${servers.ports.http}`)).status).toBe(200);
    await servers.close();
  });

  it('can be done twice, and before listening', async () => {
    const servers = create();
    await servers.close();
    await servers.listen();
    await servers.close();
    await servers.close();
    expect(servers.ports.http).toBeUndefined();
  });
});
