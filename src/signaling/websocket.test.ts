// The WebSocket over real sockets: hello, rights, events, and what clients can do wrong. Slow readers are in slow-reader.test.ts.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ClientOptions } from 'ws';
import { Rights, type RightsOptions } from '../http/rights.ts';
import { createLogger } from '../logger.ts';
import { SocketClient } from '../test/socket-client.ts';
import { Stage } from '../test/stage.ts';
import { attachWebSocket, type WebSocketLimits } from './websocket.ts';

let stage: Stage;
let server: Server;
let endpoint: { close(): Promise<void> };
let logLines: string[];
const clients: SocketClient[] = [];

async function start(keys: RightsOptions = {}, limits: Partial<WebSocketLimits> = {}): Promise<void> {
  stage = new Stage();
  server = createServer();
  logLines = [];
  endpoint = attachWebSocket({
    servers: [server],
    service: stage.registry,
    access: new Rights(keys),
    iceServers: () => [{ urls: ['stun:s.example'] }],
    logger: createLogger({ level: 'trace', destination: { write: (line) => void logLines.push(line) } }),
    limits: { closeTimeoutMs: 50, ...limits },
    now: () => stage.clock.now(),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

/** Timers run when the test says so, and sockets as ever: a pause of this process is no client's silence. */
function holdTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
}

afterEach(async () => {
  vi.useRealTimers();
  for (const client of clients.splice(0)) client.socket.terminate();
  await endpoint.close();
  server.close();
});

function connect(options: ClientOptions = {}, path = '/ws'): SocketClient {
  const client = new SocketClient(`ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, options);
  clients.push(client);
  return client;
}

async function greeted(fields: object = {}): Promise<SocketClient> {
  const client = await connect().opened();
  await client.hello(fields);
  return client;
}

function resumeOf({ session, resumeToken }: { session: { id: string }; resumeToken: string }): string {
  return `${session.id}.${resumeToken}`;
}

function keyHashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

describe('hello', () => {
  it('is answered by welcome with the broadcast, the ICE servers and the time', async () => {
    await start();
    await stage.publish();
    const client = await connect().opened();
    expect(await client.hello()).toEqual({
      type: 'welcome',
      broadcast: expect.objectContaining({
        name: 'live',
        state: 'live',
        since: '2026-01-01T00:00:00.000Z',
        graceEndsAt: null,
      }),
      session: null,
      iceServers: [{ urls: ['stun:s.example'] }],
      resumed: false,
      serverTime: '2026-01-01T00:00:00.000Z',
    });
  });

  it('with a resume token ties the socket to the session', async () => {
    await start();
    const viewer = await stage.watch();
    const client = await connect().opened();
    expect(await client.hello({ resume: resumeOf(viewer) })).toMatchObject({
      resumed: true,
      session: { id: viewer.session.id, role: 'viewer', state: 'connected', endReason: null, unsupportedCodec: null },
    });
    stage.lose(viewer.transportId);
    expect(await client.next('session')).toMatchObject({ id: viewer.session.id, state: 'away' });
  });

  it.each([
    ['of a session that nobody knows', async () => 'AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA'],
    ['of another broadcast', async () => resumeOf(await stage.watch({ broadcast: 'other' }))],
    ['of the other role', async () => resumeOf(await stage.publish())],
  ])('with a resume token %s is welcome without a session', async (_, resume) => {
    await start();
    const client = await connect().opened();
    expect(await client.hello({ resume: await resume() })).toMatchObject({ resumed: false, session: null });
  });

  it('may be said again: then the socket hears about the new broadcast only', async () => {
    await start();
    const client = await greeted();
    expect(await client.hello({ broadcast: 'other' })).toMatchObject({ broadcast: { name: 'other' } });
    await stage.publish();
    await stage.publish({ broadcast: 'other' });
    await client.settled();
    const names = client.heard.map(({ name }) => name);
    expect(names).toContain('other');
    expect(names).not.toContain('live');
  });

  it('for data gets the remembered messages right after the welcome', async () => {
    await start();
    stage.registry.publishData('live', { label: 'state', binary: false, payload: Buffer.from('2:1') });
    const client = await greeted({ data: true });
    expect(await client.next('data')).toEqual({ type: 'data', label: 'state', text: '2:1' });
  });

  it('said again brings the remembered messages only for a broadcast that the socket had none of', async () => {
    await start();
    for (const [name, text] of [
      ['live', '2:1'],
      ['other', '0:0'],
    ] as const) {
      stage.registry.publishData(name, { label: 'state', binary: false, payload: Buffer.from(text) });
    }
    const client = await connect().opened();
    for (const [broadcast, data] of [
      ['live', false],
      ['live', true],
      ['live', true],
      ['other', true],
      ['live', true],
    ] as const) {
      await client.hello({ broadcast, data });
      stage.clock.advance(1_000);
    }
    await client.settled();
    expect(client.heard.filter(({ type }) => type === 'data').map(({ text }) => text)).toEqual(['2:1', '0:0']);
  });

  it('is taken three times at once and then once a second; the socket stays', async () => {
    await start();
    const client = await connect().opened();
    for (let i = 0; i < 4; i++) client.send({ type: 'hello', role: 'viewer', broadcast: 'live' });
    expect(await client.next('error')).toMatchObject({ code: 'too_many_requests' });
    expect(client.heard.map(({ type }) => type)).toEqual(['welcome', 'welcome', 'welcome']);
    stage.clock.advance(1_000);
    client.heard.length = 0;
    await client.hello({ broadcast: 'other' });
  });

  it('with a name that no broadcast can have is refused, and the socket stays', async () => {
    await start();
    const client = await connect().opened();
    client.send({ type: 'hello', role: 'viewer', broadcast: 'a b' });
    expect(await client.next('error')).toMatchObject({ code: 'invalid_name' });
    expect(await client.hello()).toMatchObject({ type: 'welcome' });
  });

  it.each([
    [{ role: 'viewer' }, 'missing_key'],
    [{ role: 'viewer', key: 'wrong' }, 'wrong_key'],
    [{ role: 'publisher', key: 'view-key' }, 'wrong_key'],
    [{ role: 'program', key: 'view-key' }, 'wrong_key'],
  ])('%j without the right key gets %s and the socket is closed', async (fields, code) => {
    await start({ publishKey: 'publish-key', viewKey: 'view-key' });
    const client = await connect().opened();
    client.send({ type: 'hello', broadcast: 'live', ...fields });
    expect(await client.next('error')).toMatchObject({ code });
    expect(await client.closed).toEqual({ code: 1008, reason: code });
  });

  it('with a wrong resume token is closed too', async () => {
    await start();
    const viewer = await stage.watch();
    const client = await connect().opened();
    client.send({
      type: 'hello',
      role: 'viewer',
      broadcast: 'live',
      resume: `${viewer.session.id}.AAAAAAAAAAAAAAAAAAAAAA`,
    });
    expect(await client.next('error')).toMatchObject({ code: 'wrong_resume_token' });
    expect((await client.closed).code).toBe(1008);
  });

  it('needs no key from whoever has the token of a session that was opened with one', async () => {
    await start({ publishKey: 'publish-key', viewKey: 'view-key' });
    const publisher = await stage.publish({ keyHash: keyHashOf('publish-key') });
    const client = await connect().opened();
    expect(await client.hello({ role: 'publisher', resume: resumeOf(publisher) })).toMatchObject({ resumed: true });
  });

  it('must come in time', async () => {
    await start({}, { helloTimeoutMs: 20 });
    expect(await connect().closed).toEqual({ code: 1008, reason: 'no hello' });
  });

  it('that came in time keeps the socket open', async () => {
    holdTimers();
    await start({}, { helloTimeoutMs: 60 });
    const client = await greeted();
    vi.advanceTimersByTime(1_000);
    await client.settled();
  });

  it('must come first, and a refused message does not buy time', async () => {
    holdTimers();
    await start({}, { helloTimeoutMs: 100 });
    const client = await connect().opened();
    vi.advanceTimersByTime(99);
    client.send({ type: 'ping' });
    expect(await client.next('error')).toMatchObject({ code: 'malformed_request', detail: 'Say hello first.' });
    vi.advanceTimersByTime(1);
    expect((await client.closed).code).toBe(1008);
  });
});

describe('events', () => {
  it('go to the sockets of that broadcast', async () => {
    await start();
    const [here, there] = [await greeted(), await greeted({ broadcast: 'other' })];
    await stage.publish();
    expect(await here.next('broadcast')).toMatchObject({
      name: 'live',
      state: 'live',
      tracks: [{ codec: 'VP8' }, { codec: 'opus' }],
    });
    await there.settled();
    expect(there.heard).toEqual([]);
  });

  it('about a session go to its own sockets only', async () => {
    await start();
    const viewer = await stage.watch();
    const [own, other] = [await greeted({ resume: resumeOf(viewer) }), await greeted()];
    stage.registry.end(viewer.session.id);
    expect(await own.next('session')).toMatchObject({ state: 'ended', endReason: 'stopped' });
    await other.settled();
    expect(other.heard.filter(({ type }) => type === 'session')).toEqual([]);
  });

  it('asking for another connection go to the session that is asked', async () => {
    await start();
    const viewer = await stage.watch();
    const [own, other] = [await greeted({ resume: resumeOf(viewer) }), await greeted()];
    void stage.registry.drain(5_000);
    const asked = { type: 'reconnect', reason: 'server-stopping', afterMs: expect.any(Number) };
    expect(await own.next('reconnect')).toEqual(asked);
    await other.settled();
    expect(other.heard).toEqual([]);
  });

  it('with data go to those who asked for it, text as text and binary as base64', async () => {
    await start();
    const [reader, other] = [await greeted({ data: true }), await greeted()];
    stage.registry.publishData('live', { label: 'chat', binary: false, payload: Buffer.from('hi') });
    stage.registry.publishData('live', { label: 'raw', binary: true, payload: Buffer.of(1, 2, 3) });
    expect(await reader.next('data')).toEqual({ type: 'data', label: 'chat', text: 'hi' });
    expect(await reader.next('data')).toEqual({ type: 'data', label: 'raw', base64: 'AQID' });
    await other.settled();
    expect(other.heard).toEqual([]);
  });

  it('do not reach a socket that is gone', async () => {
    await start();
    const client = await greeted({ data: true });
    client.socket.close();
    await client.closed;
    stage.registry.publishData('live', { label: 'chat', binary: false, payload: Buffer.from('hi') });
    expect(logLines).toEqual([]);
  });
});

describe('a program', () => {
  it('sends data, and changes settings', async () => {
    await start({ publishKey: 'publish-key' });
    const [program, viewer] = [await greeted({ role: 'program', key: 'publish-key' }), await greeted({ data: true })];
    program.send({ type: 'data', label: 'chat', text: 'hi' });
    expect(await viewer.next('data')).toMatchObject({ label: 'chat', text: 'hi' });
    expect(stage.media.sent).toHaveLength(1);
    program.send({ type: 'settings', title: 'Finals' });
    await program.settled();
    stage.clock.advance(100);
    expect(await viewer.next('broadcast')).toMatchObject({ title: 'Finals' });
  });

  it('is told what is refused, and stays', async () => {
    await start();
    const program = await greeted({ role: 'program' });
    program.send({ type: 'data', label: 'fanlight', text: 'x' });
    expect(await program.next('error')).toMatchObject({ code: 'invalid_label' });
    program.send({ type: 'data', label: 'chat', text: 'x'.repeat(65_537) });
    expect(await program.next('error')).toMatchObject({ code: 'message_too_large' });
    program.send({ type: 'ping', id: 1 });
    expect(await program.next('pong')).toEqual({ type: 'pong', id: 1 });
  });
});

describe('a viewer', () => {
  it.each([
    { type: 'data', label: 'chat', text: 'x' },
    { type: 'settings', title: 'x' },
  ])('may not send %j', async (message) => {
    await start();
    const client = await greeted();
    client.send(message);
    expect(await client.next('error')).toMatchObject({ code: 'malformed_request' });
    expect(stage.media.sent).toEqual([]);
    expect(stage.registry.describe('live').title).toBe('');
  });
});

describe('a publisher', () => {
  it('that leaves for a moment begins its grace', async () => {
    await start();
    const publisher = await stage.publish();
    const client = await greeted({ role: 'publisher', resume: resumeOf(publisher) });
    client.send({ type: 'leaving' });
    expect(await client.next('session')).toMatchObject({ state: 'away' });
    expect(stage.registry.describe('live').state).toBe('interrupted');
  });

  it('that resumed since its socket said hello leaves by that socket all the same', async () => {
    await start();
    const publisher = await stage.publish();
    const client = await greeted({ role: 'publisher', resume: resumeOf(publisher) });
    const [sessionId, token] = [publisher.session.id, publisher.resumeToken];
    await stage.publish({ resume: { sessionId, token } });
    client.send({ type: 'leaving' });
    await client.settled();
    expect(stage.registry.describe('live').state).toBe('interrupted');
  });

  it.each([
    ['is there', async () => {}],
    ['has come and gone', async (newer: SocketClient) => newer.socket.close()],
  ])(
    'whose page was reloaded is not put away by the late farewell of the old page when the socket of the new one %s',
    async (_, happens) => {
      await start();
      const resume = resumeOf(await stage.publish());
      const older = await greeted({ role: 'publisher', resume });
      const newer = await greeted({ role: 'publisher', resume });
      await happens(newer);
      older.send({ type: 'leaving' });
      await older.settled();
      expect(stage.registry.describe('live').state).toBe('live');
    },
  );

  it('leaves by the socket that said hello last', async () => {
    await start();
    const resume = resumeOf(await stage.publish());
    const older = await greeted({ role: 'publisher', resume });
    await greeted({ role: 'publisher', resume });
    await older.hello({ role: 'publisher', resume });
    older.send({ type: 'leaving' });
    await older.settled();
    expect(stage.registry.describe('live').state).toBe('interrupted');
  });

  it('that has its rights from its session loses them with it', async () => {
    await start({ publishKey: 'publish-key' });
    const publisher = await stage.publish({ keyHash: keyHashOf('publish-key') });
    const client = await greeted({ role: 'publisher', resume: resumeOf(publisher) });
    client.send({ type: 'data', label: 'chat', text: 'one' });
    await client.settled();
    expect(stage.media.sent).toHaveLength(1);
    stage.registry.end(publisher.session.id);
    client.send({ type: 'data', label: 'chat', text: 'two' });
    expect(await client.next('error')).toMatchObject({ code: 'unknown_session' });
    expect(stage.media.sent).toHaveLength(1);
  });
});

describe('a client that does wrong', () => {
  it.each([
    ['{', 'malformed_json'],
    ['{"type":"nonsense"}', 'malformed_request'],
  ])('by sending %s gets %s and stays', async (text, code) => {
    await start();
    const client = await greeted();
    client.send(text);
    expect(await client.next('error')).toMatchObject({ code, title: expect.any(String) });
    await client.settled();
  });

  it('by sending binary is told that messages are text', async () => {
    await start();
    const client = await greeted();
    client.socket.send(Buffer.from('{"type":"ping"}'), { binary: true });
    expect(await client.next('error')).toMatchObject({ code: 'malformed_json' });
  });

  it('by flooding gets an error and is closed, and what it sent after is not done', async () => {
    await start({}, { messagesPerSecond: 50, messageBurst: 10 });
    const client = await greeted({ role: 'program' });
    for (let i = 0; i < 30; i++) client.send({ type: 'data', label: 'chat', text: String(i) });
    expect(await client.next('error')).toMatchObject({ code: 'too_many_requests' });
    expect(await client.closed).toEqual({ code: 1008, reason: 'flood' });
    // One of the ten was the hello.
    expect(stage.media.sent).toHaveLength(9);
  });

  it('may send on when its time has come', async () => {
    await start({}, { messagesPerSecond: 50, messageBurst: 2 });
    const client = await greeted();
    for (let i = 0; i < 10; i++) {
      stage.clock.advance(20);
      await client.settled();
    }
  });

  it('by a message that is too large is closed with 1009', async () => {
    await start();
    const client = await greeted();
    client.send('x'.repeat(96 * 1024 + 1));
    expect((await client.closed).code).toBe(1009);
  });

  it('by breaking the server is told no more than that, and it is logged', async () => {
    await start();
    const client = await greeted({ role: 'program' });
    stage.media.sendData = () => {
      throw new Error('the secret inside');
    };
    client.send({ type: 'data', label: 'chat', text: 'x' });
    const error = await client.next('error');
    expect(error).toMatchObject({ code: 'internal' });
    expect(JSON.stringify(error)).not.toContain('secret inside');
    expect(logLines.join('')).toContain('the secret inside');
  });

  it('by not answering pings is dropped, others stay', async () => {
    holdTimers();
    await start({}, { keepAliveMs: 30 });
    const deaf = await connect({ autoPong: false }).opened();
    const alive = await greeted();
    for (let round = 0; round < 3; round++) {
      const pinged = once(alive.socket, 'ping');
      vi.advanceTimersByTime(30);
      await pinged;
      // The pong went before this.
      await alive.settled();
    }
    expect((await deaf.closed).code).toBe(1006);
  });
});

describe('a client that was refused', () => {
  it('is not listened to any more, whatever it sent along', async () => {
    await start({ publishKey: 'publish-key' });
    const client = await connect().opened();
    const hello = { type: 'hello', role: 'program', broadcast: 'live' };
    client.send({ ...hello, key: 'wrong' });
    client.send({ ...hello, key: 'publish-key' });
    client.send({ type: 'data', label: 'chat', text: 'x' });
    await client.closed;
    expect(client.heard.map(({ type }) => type)).toEqual(['error']);
    expect(stage.media.sent).toEqual([]);
  });
});

describe('the endpoint', () => {
  it.each(['/', '/ws/more', '/wss'])('is not at %s', async (path) => {
    await start();
    const [error] = await once(connect({}, path).socket, 'error');
    expect(error.message).toContain('404');
  });

  it('takes so many connections from one address, and one more when one is gone', async () => {
    await start({}, { connectionsPerAddress: 2 });
    const first = await connect().opened();
    await connect().opened();
    const [error] = await once(connect().socket, 'error');
    expect(error.message).toContain('429');
    first.socket.close();
    await first.closed;
    await (await connect().opened()).hello();
  });

  it('takes nobody while the server lets its clients go, and keeps those that it has', async () => {
    await start();
    await stage.watch();
    const client = await greeted();
    void stage.registry.drain(5_000);
    const [error] = await once(connect().socket, 'error');
    expect(error.message).toContain('503');
    client.send({ type: 'ping', id: 1 });
    expect(await client.next('pong')).toEqual({ type: 'pong', id: 1 });
  });

  it('tells everybody when the server restarts, and takes nobody then', async () => {
    await start();
    const client = await greeted();
    const closing = endpoint.close();
    expect(await client.closed).toEqual({ code: 1012, reason: 'the server restarts' });
    await closing;
  });

  it('does not wait for a client that does not answer the close', async () => {
    await start();
    const client = await greeted();
    client.socket.pause();
    await endpoint.close();
    client.socket.resume();
    expect((await client.closed).code).toBe(1012);
  });
});
