// The whole server put together: in which order it stops.

import { afterEach, describe, expect, it } from 'vitest';
import { EventReader } from './test/event-reader.ts';
import { CHROME_VIEWER, sdp } from './test/sample-offers.ts';
import { startTestServer, type TestServer } from './test/server.ts';
import { postOffer } from './test/session-requests.ts';
import { SocketClient } from './test/socket-client.ts';

let server: TestServer;

afterEach(() => server.stop());

describe('a server that stops', () => {
  it('tells each session why it ends before its WebSocket is closed', async () => {
    server = await startTestServer();
    const { resume } = await postOffer(`${server.url}/whep/live`, sdp(CHROME_VIEWER));
    const client = await new SocketClient(server.wsUrl).opened();
    expect(await client.hello({ resume })).toMatchObject({ resumed: true });
    await server.fanlight.close();
    expect(await client.closed).toEqual({ code: 1012, reason: 'the server restarts' });
    expect(client.heard.at(-1)).toMatchObject({ type: 'session', state: 'ended', endReason: 'server-stopping' });
  });

  it("ends players' event streams before what still runs is broken off", async () => {
    server = await startTestServer();
    const { location } = await postOffer(`${server.url}/whep/live`, sdp(CHROME_VIEWER));
    const asked = await fetch(`${location}/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '["active","viewercount"]',
    });
    const events = await EventReader.open(new URL(asked.headers.get('location') ?? '', location).href);
    expect(await events.next()).toEqual({ name: 'viewercount', data: { viewercount: 1 } });
    await server.fanlight.close();
    expect(await events.ended).toBe('ended');
  });
});
