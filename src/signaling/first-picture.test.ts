// A page that tells when its first picture came: over HTTP and the WebSocket, as operators see it.

import { afterEach, describe, expect, it } from 'vitest';
import { OFFER_TYPE, offerWith, RunningApp } from '../test/running-app.ts';
import { SocketClient } from '../test/socket-client.ts';

let running: RunningApp;
let client: SocketClient;

afterEach(async () => {
  client.socket.terminate();
  await running.close();
});

/** A socket tied to a session that came over HTTP and is connected, in a broadcast that is live. */
async function join(role: 'viewer' | 'publisher'): Promise<void> {
  running = await RunningApp.start();
  const { media } = running.stage;
  if (role === 'viewer') await running.stage.publish();
  const path = role === 'viewer' ? '/whep/live' : '/whip/live';
  const init = { method: 'POST', headers: { 'Content-Type': OFFER_TYPE }, body: offerWith() };
  const resume = (await running.fetch(path, init)).headers.get('fanlight-resume') ?? '';
  media.emit({ type: 'progress', transportId: media.lastTransportId, step: 'ice', atMs: running.stage.clock.now() });
  media.emit({ type: 'connected', transportId: media.lastTransportId });
  client = await new SocketClient(running.webSocketUrl).opened();
  await client.hello({ role, resume });
}

async function pictures(): Promise<string | undefined> {
  const text = await (await running.fetch('/metrics')).text();
  return /fanlight_join_seconds_sum\{phase="picture"\} (.*)/.exec(text)?.[1];
}

describe('a first picture', () => {
  it('is measured, once for a session', async () => {
    await join('viewer');
    client.send({ type: 'first-picture', ms: 250 });
    client.send({ type: 'first-picture', ms: 250 });
    await client.settled();
    expect(await pictures()).toBe('0.25');
  });

  it('is not taken from a socket without the session of a viewer', async () => {
    await join('publisher');
    client.send({ type: 'first-picture', ms: 250 });
    expect(await client.next('error')).toMatchObject({ code: 'malformed_request' });
    const stranger = await new SocketClient(running.webSocketUrl).opened();
    await stranger.hello();
    stranger.send({ type: 'first-picture', ms: 250 });
    expect(await stranger.next('error')).toMatchObject({ code: 'malformed_request' });
    stranger.socket.terminate();
    expect(await pictures()).toBeUndefined();
  });

  it('that took longer than a minute is refused', async () => {
    await join('viewer');
    client.send({ type: 'first-picture', ms: 60_001 });
    expect(await client.next('error')).toMatchObject({ code: 'malformed_request' });
    expect(await pictures()).toBeUndefined();
  });
});
