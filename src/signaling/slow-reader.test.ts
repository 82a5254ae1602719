// A WebSocket client that does not read loses its own data messages, is told so, and costs nobody else anything.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Rights } from '../http/rights.ts';
import { createLogger } from '../logger.ts';
import { SocketClient } from '../test/socket-client.ts';
import { Stage } from '../test/stage.ts';
import { attachWebSocket, type WebSocketLimits } from './websocket.ts';

let stage: Stage;
let server: Server;
let endpoint: { close(): Promise<void> };
const clients: SocketClient[] = [];
const LARGE = 'x'.repeat(60_000);

async function start(limits: Partial<WebSocketLimits> = {}): Promise<void> {
  stage = new Stage();
  server = createServer();
  endpoint = attachWebSocket({
    servers: [server],
    service: stage.registry,
    access: new Rights({}),
    iceServers: () => [],
    logger: createLogger({ level: 'silent' }),
    limits: { closeTimeoutMs: 50, ...limits },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  await endpoint.close();
  server.close();
});

async function reader(): Promise<SocketClient> {
  const client = await new SocketClient(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`).opened();
  clients.push(client);
  await client.hello({ data: true });
  return client;
}

/** More than the kernel and the limit together take; numbered. */
async function sendMuch(label: string, messages: number): Promise<void> {
  for (let i = 0; i < messages; i++) {
    stage.clock.advance(5);
    stage.registry.publishData('live', { label, binary: false, payload: Buffer.from(`${i} ${LARGE}`) });
    // The event loop runs, so that a client that reads can.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const MESSAGES = 400;

describe('a client that does not read', () => {
  it('loses messages and is told how many, in order, while another one gets all', async () => {
    await start();
    const [slow, fast] = [await reader(), await reader()];
    slow.socket.pause();
    await sendMuch('chat', MESSAGES);
    slow.socket.resume();
    const lost = await slow.next('lost');
    expect(lost).toMatchObject({ label: 'chat' });
    const got = slow.heard.filter(({ type }) => type === 'data').map(({ text }) => Number.parseInt(String(text), 10));
    expect(got.length + Number(lost.messages)).toBe(MESSAGES);
    expect(got.length).toBeLessThan(MESSAGES);
    expect(got).toEqual(got.map((_, index) => index));
    await fast.settled();
    expect(fast.heard.filter(({ type }) => type === 'data')).toHaveLength(MESSAGES);
    expect(fast.heard.filter(({ type }) => type === 'lost')).toEqual([]);
    await sendMuch('chat', 1);
    expect(await slow.next('data')).toBeDefined();
  });

  it('gets the newest message of a state label when it reads again', async () => {
    await start();
    const slow = await reader();
    slow.socket.pause();
    await sendMuch('chat', MESSAGES);
    for (const text of ['1:0', '2:0', '3:0']) {
      stage.clock.advance(100);
      stage.registry.publishData('live', { label: 'state', binary: false, payload: Buffer.from(text) });
    }
    slow.socket.resume();
    const losses = [await slow.next('lost'), await slow.next('lost')];
    expect(losses.find(({ label }) => label === 'state')).toMatchObject({ messages: 2 });
    await slow.settled();
    expect(slow.heard.filter(({ label }) => label === 'state')).toEqual([
      { type: 'data', label: 'state', text: '3:0' },
    ]);
  });

  it('is dropped when much too much waits for it', async () => {
    await start({ slowBytes: 1e9, terminateBytes: 100_000 });
    const slow = await reader();
    slow.socket.pause();
    await sendMuch('chat', MESSAGES);
    slow.socket.resume();
    expect((await slow.closed).code).toBe(1006);
  });
});
