// One publisher, many viewers, over real UDP with libwebrtc on both sides.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LibdatachannelViewer, ObsLikePublisher } from '../libdatachannel.ts';
import { LibwebrtcPublisher, LibwebrtcViewer } from '../libwebrtc.ts';
import { eventually, startTestServer, type TestServer } from '../server.ts';

let server: TestServer;
const peers: { close(): void }[] = [];
let broadcasts = 0;

function use<T extends { close(): void }>(peer: T): T {
  peers.push(peer);
  return peer;
}

/** A fresh broadcast for each test. */
function endpoints() {
  const name = `relay-${++broadcasts}`;
  return { name, whip: `${server.url}/whip/${name}`, whep: `${server.url}/whep/${name}` };
}

async function broadcastOf(name: string): Promise<{ state: string; viewers: number; tracks: { codec: string }[] }> {
  return (await (await fetch(`${server.url}/api/broadcasts/${name}`)).json()) as never;
}

beforeAll(async () => {
  server = await startTestServer({ MEDIA_WORKERS: '2' });
});
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close();
});
afterAll(() => server.stop());

describe('a broadcast', () => {
  it('shows picture and sound to viewers on every worker', async () => {
    const { name, whip, whep } = endpoints();
    expect((await use(new LibwebrtcPublisher()).publish(whip)).status).toBe(201);
    const viewers = [1, 2, 3].map(() => use(new LibwebrtcViewer()));
    for (const viewer of viewers) expect((await viewer.view(whep)).status).toBe(201);
    await eventually('30 frames and sound at each', () => viewers.every((v) => v.frames >= 30 && v.audioChunks > 10));
    expect(await broadcastOf(name)).toMatchObject({ state: 'live', viewers: 3 });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(Number(/^fanlight_viewers (\d+)/m.exec(metrics)?.[1])).toBe(3);
  });

  it('begins at once for viewers on every worker, of a publisher that answers no request for a key frame', async () => {
    const { whip, whep } = endpoints();
    const publisher = use(new ObsLikePublisher());
    await publisher.publish(whip);
    await eventually('connected', () => publisher.isConnected);
    const send = (sequence: number): void =>
      publisher.sendVideo(sequence, { key: sequence === 0, payload: [sequence] });
    for (let sequence = 0; sequence < 20; sequence++) send(sequence);
    const viewers = [1, 2, 3, 4].map(() => use(new LibdatachannelViewer()));
    for (const viewer of viewers) await viewer.view(whep);
    await eventually('what came before', () => viewers.every(({ video }) => video.length === 20));
    for (let sequence = 20; sequence < 30; sequence++) send(sequence);
    await eventually('what comes now', () => viewers.every(({ video }) => video.length === 30));
    for (const { video } of viewers) {
      expect(video.map(({ payload }) => payload.at(-1))).toEqual([...Array(30).keys()]);
      const [first] = video;
      expect(video.map(({ sequence }) => (sequence - (first?.sequence ?? 0)) & 0xffff)).toEqual([...Array(30).keys()]);
    }
  });

  it('shows who joins after its end nothing of what was sent before', async () => {
    const { whip, whep } = endpoints();
    const publisher = use(new ObsLikePublisher());
    await publisher.publish(whip);
    await eventually('connected', () => publisher.isConnected);
    for (let sequence = 0; sequence < 5; sequence++) {
      publisher.sendVideo(sequence, { key: sequence === 0, payload: [sequence] });
    }
    const [early, late] = [use(new LibdatachannelViewer()), use(new LibdatachannelViewer())];
    await early.view(whep);
    await eventually('a picture for who is there', () => early.video.length === 5);
    expect((await fetch(publisher.session?.location ?? '', { method: 'DELETE' })).status).toBe(200);
    await late.view(whep);
    await eventually('who joins is connected', () => late.isConnected);
    const next = use(new ObsLikePublisher());
    await next.publish(whip);
    await eventually('connected', () => next.isConnected);
    next.sendVideo(0, { key: true, payload: [99] });
    await eventually('the next one’s picture', () => late.video.length > 0);
    expect(late.video.map(({ payload }) => payload.at(-1))).toEqual([99]);
  });

  it('tells its publisher how each viewer receives, as soon as the viewers report', async () => {
    const { name, whip, whep } = endpoints();
    await use(new LibwebrtcPublisher()).publish(whip);
    for (const viewer of [1, 2, 3].map(() => use(new LibwebrtcViewer()))) await viewer.view(whep);
    let lookedAtMs = 0;
    const viewers = await eventually(
      'reports of all viewers',
      async () => {
        // It may be asked 60 times a minute.
        if (Date.now() - lookedAtMs < 1_100) return false;
        lookedAtMs = Date.now();
        const answer = (await (await fetch(`${server.url}/api/broadcasts/${name}/viewers`)).json()) as {
          viewers: { viewer: string; roundTripMs: number | null; video: object | null; audio: object | null }[];
        };
        // On the loopback, between threads that are busy: a pause of one makes one report that says more.
        const hasReported = answer.viewers.filter(
          ({ roundTripMs, video, audio }) => roundTripMs !== null && roundTripMs < 1_000 && video && audio,
        );
        return hasReported.length === 3 && answer.viewers;
      },
      // libwebrtc reports on audio each 2.5 to 7.5 s.
      25_000,
    );
    expect(new Set(viewers.map(({ viewer }) => viewer)).size).toBe(3);
    for (const viewer of viewers) {
      expect(viewer).toMatchObject({
        packetsSent: expect.any(Number),
        packetsDropped: 0,
        video: { lossShare: 0, jitterMs: expect.any(Number) },
        audio: { lossShare: 0, jitterMs: expect.any(Number) },
      });
    }
  });

  it('starts for a viewer that came before the publisher', async () => {
    const { whip, whep } = endpoints();
    const viewer = use(new LibwebrtcViewer());
    expect((await viewer.view(whep)).status).toBe(201);
    await use(new LibwebrtcPublisher()).publish(whip);
    await eventually('a picture', () => viewer.frames >= 10);
  });

  it('carries text as text and binary as binary, in order, to every viewer', async () => {
    const { whip, whep } = endpoints();
    const publisher = use(new LibwebrtcPublisher(['overlay']));
    await publisher.publish(whip);
    const viewers = [1, 2].map(() => use(new LibwebrtcViewer()));
    for (const viewer of viewers) await viewer.view(whep);
    const channel = await publisher.channel('overlay');
    await eventually('the channel at the viewers', () => viewers.every((viewer) => viewer.labels.includes('overlay')));
    for (let number = 0; number < 100; number++) channel.send(`message ${number}`);
    channel.send(new Uint8Array([0, 1, 255]));
    channel.send('');
    await eventually('102 messages', () => viewers.every((viewer) => viewer.messages.length === 102));
    for (const { messages } of viewers) {
      expect(messages.slice(0, 100).map(({ data }) => data)).toEqual([...Array(100).keys()].map((n) => `message ${n}`));
      expect(new Uint8Array(messages[100]?.data as ArrayBuffer)).toEqual(new Uint8Array([0, 1, 255]));
      expect(messages[101]?.data).toBe('');
    }
  });

  it('gives the last state to those who come later, and nothing else', async () => {
    const { whip, whep } = endpoints();
    const publisher = use(new LibwebrtcPublisher(['state', 'state/score', 'chat']));
    await publisher.publish(whip);
    const early = use(new LibwebrtcViewer());
    await early.view(whep);
    await eventually('the channels at the early viewer', () => early.labels.length === 3);
    for (const [label, text] of [
      ['state', 'first half'],
      ['state', 'second half'],
      ['state/score', '1:0'],
      ['chat', 'hello'],
    ] as const) {
      (await publisher.channel(label)).send(text);
    }
    await eventually('all messages at the early viewer', () => early.messages.length === 4);
    const late = use(new LibwebrtcViewer());
    await late.view(whep);
    await eventually('the state at the late viewer', () => late.messages.length === 2);
    const byLabel = Object.fromEntries(late.messages.map(({ label, data }) => [label, data]));
    expect(byLabel).toEqual({ state: 'second half', 'state/score': '1:0' });
  });

  it('takes messages from programs over HTTP', async () => {
    const { name, whip, whep } = endpoints();
    await use(new LibwebrtcPublisher()).publish(whip);
    const viewer = use(new LibwebrtcViewer());
    await viewer.view(whep);
    await eventually('a picture', () => viewer.frames > 0);
    const response = await fetch(`${server.url}/api/broadcasts/${name}/data?label=state/score`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"home":1}',
    });
    expect(response.status).toBe(202);
    await eventually('the message', () => viewer.messages.length === 1);
    expect(viewer.messages[0]).toEqual({ label: 'state/score', data: '{"home":1}' });
  });

  it('refuses a second publisher, and lets one with the resume token take over without losing a viewer', async () => {
    const { whip, whep } = endpoints();
    const first = use(new LibwebrtcPublisher());
    const opened = await first.publish(whip);
    const viewer = use(new LibwebrtcViewer());
    await viewer.view(whep);
    await eventually('a picture', () => viewer.frames > 10);

    const stranger = await use(new LibwebrtcPublisher()).publish(whip);
    expect([stranger.status, stranger.code]).toEqual([409, 'already_live']);

    const resumed = await use(new LibwebrtcPublisher()).publish(whip, { resume: opened.resume });
    expect([resumed.status, resumed.location]).toEqual([201, opened.location]);
    const before = viewer.frames;
    await eventually('the picture goes on', () => viewer.frames > before + 30);
    expect(viewer.connection.connectionState).toBe('connected');
  });

  it('is interrupted when the publisher falls silent, and goes on when it comes back', async () => {
    const { name, whip, whep } = endpoints();
    const lost = use(new LibwebrtcPublisher());
    const { resume } = await lost.publish(whip);
    const viewer = use(new LibwebrtcViewer());
    await viewer.view(whep);
    await eventually('a picture', () => viewer.frames > 10);
    lost.close();
    await eventually('interrupted', async () => (await broadcastOf(name)).state === 'interrupted');
    const before = viewer.frames;
    await use(new LibwebrtcPublisher()).publish(whip, { resume });
    await eventually('live again', async () => (await broadcastOf(name)).state === 'live');
    await eventually('the picture goes on', () => viewer.frames > before + 30);
  });

  it('ends at once when the publisher deletes its session, and the viewers stay', async () => {
    const { name, whip, whep } = endpoints();
    const publisher = use(new LibwebrtcPublisher());
    await publisher.publish(whip);
    const viewer = use(new LibwebrtcViewer());
    await viewer.view(whep);
    await eventually('a picture', () => viewer.frames > 0);
    expect(await publisher.leave()).toBe(200);
    expect(await broadcastOf(name)).toMatchObject({ state: 'idle', viewers: 1 });
    expect((await fetch(publisher.session?.location ?? '', { method: 'DELETE' })).status).toBe(404);
    expect(await viewer.leave()).toBe(200);
    expect(await broadcastOf(name)).toMatchObject({ viewers: 0 });
  });

  it('refuses a viewer that cannot decode what is sent', async () => {
    const { name, whip, whep } = endpoints();
    const publisher = use(new LibwebrtcPublisher());
    await publisher.publish(whip);
    await eventually('live', async () => (await broadcastOf(name)).state === 'live');
    const viewer = use(new LibwebrtcViewer());
    const [video] = viewer.connection.getTransceivers();
    video?.setCodecPreferences([{ mimeType: 'video/VP9', clockRate: 90_000, sdpFmtpLine: 'profile-id=0' }]);
    const refused = await viewer.view(whep);
    expect([refused.status, refused.code]).toEqual([422, 'unsupported_codec']);
    expect(await publisher.leave()).toBe(200);
  });
});
