// What breaks and heals: ICE restart, the death of a media worker, a restart of the server, a viewer that does not read.

import { type ChildProcess, fork } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { LibwebrtcPublisher, LibwebrtcViewer } from '../libwebrtc.ts';
import { eventually, startTestServer, type TestServer } from '../server.ts';

const undo: (() => unknown)[] = [];

async function start(settings: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer(settings);
  undo.push(() => server.stop());
  return server;
}

function use<T extends { close(): void }>(peer: T): T {
  undo.push(() => peer.close());
  return peer;
}

async function liveBroadcast(server: TestServer, labels: readonly string[] = []) {
  const publisher = use(new LibwebrtcPublisher(labels));
  const viewer = use(new LibwebrtcViewer());
  await publisher.publish(`${server.url}/whip/b`);
  await viewer.view(`${server.url}/whep/b`);
  await eventually('a picture', () => viewer.frames > 10);
  return { publisher, viewer };
}

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

describe('an ICE restart by PATCH', () => {
  it('gives new credentials and a new tag, and the picture goes on', async () => {
    const server = await start();
    const { viewer } = await liveBroadcast(server);
    const { connection, session } = viewer;
    const offer = await connection.createOffer({ iceRestart: true });
    await connection.setLocalDescription(offer);
    const local = offer.sdp ?? '';
    const ufrag = /a=ice-ufrag:(\S+)/.exec(local)?.[1];
    const pwd = /a=ice-pwd:(\S+)/.exec(local)?.[1];
    const response = await fetch(session?.location ?? '', {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '"*"' },
      body: `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n`,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).not.toBe(session?.etag);
    const fragment = await response.text();
    const restarted = (session?.answer ?? '')
      .replaceAll(/a=ice-ufrag:\S+/g, `a=ice-ufrag:${/a=ice-ufrag:(\S+)/.exec(fragment)?.[1]}`)
      .replaceAll(/a=ice-pwd:\S+/g, `a=ice-pwd:${/a=ice-pwd:(\S+)/.exec(fragment)?.[1]}`);
    await connection.setRemoteDescription({ type: 'answer', sdp: restarted });
    const before = viewer.frames;
    await eventually('the picture goes on', () => viewer.frames > before + 60);
    expect(connection.iceConnectionState).toMatch(/connected|completed/);
  });
});

describe('the death of a media worker', () => {
  it('takes down only its own transports, and their sessions resume', async () => {
    const server = await start({ MEDIA_WORKERS: '2' });
    const { publisher, viewer } = await liveBroadcast(server);
    const other = use(new LibwebrtcViewer());
    await other.view(`${server.url}/whep/b`);
    await eventually('a picture at the other', () => other.frames > 0);

    // Publisher and the second viewer are on worker 0, the first viewer on worker 1.
    await server.fanlight.media.kill(0);
    await eventually('ready again', async () => (await fetch(`${server.url}/readyz`)).status === 200);
    const again = use(new LibwebrtcPublisher());
    const resumed = await again.publish(`${server.url}/whip/b`, { resume: publisher.session?.resume ?? '' });
    expect([resumed.status, resumed.location]).toEqual([201, publisher.session?.location]);
    const back = use(new LibwebrtcViewer());
    const resumedView = await back.view(`${server.url}/whep/b`, { resume: other.session?.resume ?? '' });
    expect(resumedView.location).toBe(other.session?.location);
    const before = viewer.frames;
    await eventually('a picture at the one who resumed', () => back.frames > 10);
    await eventually('a picture at the one who stayed', () => viewer.frames > before + 10);
  });
});

describe('a restart of the server', () => {
  it('forgets nobody: both sides resume with the same ids, and the state is still there', async () => {
    const server = await start();
    const { publisher, viewer } = await liveBroadcast(server, ['state']);
    (await publisher.channel('state')).send('half-time');
    await eventually('the state', () => viewer.messages.length === 1);

    await server.restart();
    const described = (await (await fetch(`${server.url}/api/broadcasts/b`)).json()) as { state: string };
    expect(described.state).toBe('interrupted');
    const publisherAgain = use(new LibwebrtcPublisher());
    const viewerAgain = use(new LibwebrtcViewer());
    const published = await publisherAgain.publish(`${server.url}/whip/b`, { resume: publisher.session?.resume ?? '' });
    const viewed = await viewerAgain.view(`${server.url}/whep/b`, { resume: viewer.session?.resume ?? '' });
    expect(published.location).toBe(publisher.session?.location);
    expect(viewed.location).toBe(viewer.session?.location);
    expect(published.resume).toBe(publisher.session?.resume);
    await eventually('a picture', () => viewerAgain.frames > 10);
    await eventually('the state again', () => viewerAgain.messages.length === 1);
    expect(viewerAgain.messages[0]).toEqual({ label: 'state', data: 'half-time' });
  });
});

describe('a viewer that does not read', () => {
  it('loses its own messages and is told so; nobody else does', async () => {
    const server = await start();
    const { viewer } = await liveBroadcast(server);
    const stuck = new StuckViewer(`${server.url}/whep/b`);
    undo.push(() => stuck.end());
    await stuck.says('ready');
    stuck.freeze();
    const body = 'x'.repeat(30_000);
    const messages = 50;
    for (let number = 0; number < messages; number++) {
      const response = await fetch(`${server.url}/api/broadcasts/b/data?label=log`, {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain' },
        body: `${number} ${body}`,
      });
      expect(response.status).toBe(202);
      await eventually(`message ${number} at the one who reads`, () => viewer.messages.length === number + 1);
    }
    stuck.thaw();
    const note = await stuck.says('lost');
    expect(note).toMatchObject({ type: 'lost', label: 'log' });
    expect(Number(note.messages)).toBeGreaterThan(0);
    expect(Number(note.messages)).toBeLessThan(messages);
    expect(viewer.notes).toEqual([]);
  });
});

/** A viewer in a process of its own, which can be stopped as a phone is that sleeps. */
class StuckViewer {
  readonly #process: ChildProcess;

  constructor(endpoint: string) {
    this.#process = fork(new URL('../viewer-process.ts', import.meta.url), [endpoint], { execArgv: [] });
  }

  /** Resolves with the process's message of this type. */
  says(type: string): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      this.#process.on('message', (message: Record<string, unknown>) => {
        if (message.type === type) resolve(message);
      });
      this.#process.once('exit', () => reject(new Error('the viewer process ended')));
    });
  }

  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  end(): void {
    this.#process.removeAllListeners('exit');
    this.#process.kill('SIGKILL');
  }
}
