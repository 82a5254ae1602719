// OBS and players on its library: libdatachannel on both sides, packets compared byte for byte.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BadLink, GOOD } from '../bad-link.ts';
import { LibdatachannelViewer, ObsLikePublisher } from '../libdatachannel.ts';
import { eventually, startTestServer, type TestServer } from '../server.ts';

let server: TestServer;
const peers: { close(): void }[] = [];

function use<T extends { close(): void }>(peer: T): T {
  peers.push(peer);
  return peer;
}

beforeAll(async () => {
  server = await startTestServer({ PUBLISH_KEY: 'stream-key' });
});
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close();
});
afterAll(() => server.stop());

describe('a publisher like OBS', () => {
  it('needs the stream key as a bearer token', async () => {
    const endpoint = `${server.url}/whip/keyed`;
    expect((await use(new ObsLikePublisher()).publish(endpoint)).code).toBe('missing_key');
    expect((await use(new ObsLikePublisher()).publish(endpoint, { key: 'wrong' })).code).toBe('wrong_key');
    expect((await use(new ObsLikePublisher()).publish(endpoint, { key: 'stream-key' })).status).toBe(201);
  });

  it('reaches a viewer with its payload untouched and the viewer’s own numbers', async () => {
    const publisher = use(new ObsLikePublisher());
    const viewer = use(new LibdatachannelViewer());
    await publisher.publish(`${server.url}/whip/obs`, { key: 'stream-key' });
    const { answer } = await viewer.view(`${server.url}/whep/obs`);
    await eventually('both connected', () => publisher.isConnected && viewer.isConnected);
    const ssrcs = [...answer.matchAll(/^a=ssrc:(\d+) cname/gm)].map(([, ssrc]) => Number(ssrc));

    // OBS never answers a wish for a key frame: what comes before its next one is not for this viewer.
    for (let sequence = 65_530; sequence < 65_533; sequence++) publisher.sendVideo(sequence, { key: false });
    for (let sequence = 65_533; sequence < 65_543; sequence++) {
      publisher.sendVideo(sequence, { key: sequence === 65_533, payload: [sequence & 0xff, 7] });
      publisher.sendAudio(sequence);
    }
    await eventually('10 packets of each', () => viewer.video.length >= 10 && viewer.audio.length >= 10);
    expect(viewer.video.map(({ payload }) => payload.at(-2))).toEqual(
      [...Array(10).keys()].map((n) => (253 + n) & 0xff),
    );
    const [first] = viewer.video;
    for (const [at, packet] of viewer.video.entries()) {
      expect(packet.payloadType).toBe(LibdatachannelViewer.videoPayloadType);
      expect(ssrcs).toContain(packet.ssrc);
      expect((packet.sequence - (first?.sequence ?? 0)) & 0xffff).toBe(at);
      expect((packet.timestamp - (first?.timestamp ?? 0)) >>> 0).toBe(at * 3000);
    }
  });

  it('takes its own session over with the same key when it comes back before we noticed', async () => {
    const endpoint = `${server.url}/whip/again`;
    const viewer = use(new LibdatachannelViewer());
    await viewer.view(`${server.url}/whep/again`);
    const before = use(new ObsLikePublisher());
    await before.publish(endpoint, { key: 'stream-key' });
    await eventually('connected', () => before.isConnected && viewer.isConnected);
    before.sendVideo(100, { key: true });
    await eventually('a packet', () => viewer.video.length === 1);

    const after = use(new ObsLikePublisher());
    expect((await after.publish(endpoint, { key: 'stream-key' })).status).toBe(201);
    await eventually('connected', () => after.isConnected);
    // Same SSRC, numbers from 0 again, as OBS does.
    after.sendVideo(0, { key: false });
    after.sendVideo(1, { key: true });
    after.sendVideo(2, { key: false });
    await eventually('two more packets', () => viewer.video.length === 3);
    const [first, second, third] = viewer.video;
    expect(((second?.sequence ?? 0) - (first?.sequence ?? 0)) & 0xffff).toBe(1);
    expect(((third?.sequence ?? 0) - (second?.sequence ?? 0)) & 0xffff).toBe(1);
    expect(((second?.timestamp ?? 0) - (first?.timestamp ?? 0)) >>> 0).toBeLessThan(90_000 * 10);
    expect(viewer.isConnected).toBe(true);
  });

  it('ends with 200 for its DELETE, which OBS insists on', async () => {
    const publisher = use(new ObsLikePublisher());
    const { location } = await publisher.publish(`${server.url}/whip/bye`, { key: 'stream-key' });
    await eventually('connected', () => publisher.isConnected);
    const response = await fetch(location, { method: 'DELETE', headers: { Authorization: 'Bearer stream-key' } });
    expect(response.status).toBe(200);
    await eventually('the transport is closed', () => publisher.connection.state() === 'closed');
  });
});

describe('a viewer on libdatachannel', () => {
  it('gets what the network lost when it asks for it, byte for byte', async () => {
    const link = await BadLink.open(server.fanlight.ports.udp[0] ?? 0, 11);
    const publisher = use(new ObsLikePublisher());
    const viewer = use(new LibdatachannelViewer());
    await publisher.publish(`${server.url}/whip/lossy`, { key: 'stream-key' });
    await viewer.view(`${server.url}/whep/lossy`, { rewriteAnswer: (answer) => link.through(answer) });
    await eventually('both connected', () => publisher.isConnected && viewer.isConnected);
    publisher.sendVideo(0, { key: true, payload: [0, 0] });
    await eventually('the first packet', () => viewer.video.length === 1);

    link.toClients.conditions = { loss: 0.2 };
    for (let sequence = 1; sequence < 100; sequence++) {
      publisher.sendVideo(sequence, { key: false, payload: [sequence, 7] });
    }
    await eventually('what was not lost', () => viewer.video.length > 60);
    link.conditions = GOOD;
    const first = viewer.video[0]?.sequence ?? 0;
    const missing = () => {
      const seen = new Set(viewer.video.map(({ sequence }) => (sequence - first) & 0xffff));
      return [...Array(100).keys()].filter((number) => !seen.has(number));
    };
    expect(missing().length).toBeGreaterThan(5);
    await eventually('the rest', () => {
      viewer.askAgain(missing().map((number) => (first + number) & 0xffff));
      return missing().length === 0;
    });
    for (const { sequence, payload } of viewer.video.slice(1)) {
      expect(payload.at(-2)).toBe((sequence - first) & 0xffff);
    }
    link.close();
  });

  it('gets data messages beside the media', async () => {
    const viewer = use(new LibdatachannelViewer({ data: true }));
    await viewer.view(`${server.url}/whep/data`);
    await eventually('connected', () => viewer.isConnected);
    const send = (text: string) =>
      fetch(`${server.url}/api/broadcasts/data/data?label=state`, {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain', Authorization: 'Bearer stream-key' },
        body: text,
      });
    expect((await send('kick-off')).status).toBe(202);
    await eventually('the message', () => viewer.messages.length === 1);
    expect(viewer.messages[0]).toEqual({ label: 'state', data: 'kick-off' });
  });
});
