// The whole server put together: in which order it stops.

import { afterEach, describe, expect, it } from 'vitest';
import { LibwebrtcViewer } from './test/libwebrtc.ts';
import { startTestServer, type TestServer } from './test/server.ts';
import { SocketClient } from './test/socket-client.ts';

let server: TestServer;

afterEach(() => server.stop());

describe('a server that stops', () => {
  it('tells each session why it ends before its WebSocket is closed', async () => {
    server = await startTestServer();
    const viewer = new LibwebrtcViewer();
    await viewer.view(`${server.url}/whep/live`);
    const client = await new SocketClient(server.wsUrl).opened();
    await client.hello({ resume: viewer.session?.resume });
    await server.fanlight.close();
    expect(await client.closed).toEqual({ code: 1012, reason: 'the server restarts' });
    expect(client.heard.at(-1)).toMatchObject({ type: 'session', state: 'ended', endReason: 'server-stopping' });
    viewer.close();
  });
});
