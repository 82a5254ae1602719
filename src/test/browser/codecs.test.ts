// Every codec that a browser sends, relayed and decoded; and what a viewer is told that cannot decode it. The browser's
// own negotiation decides: the pages only say which codecs they want.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import { SocketClient } from '../socket-client.ts';
import { hasChromium, inState, launchChromium, People, seeFrames } from './browsers.ts';

const suite = hasChromium ? describe : describe.skipIf(true);
const PATIENT = { timeout: 120_000 };

/** A codec as `RTCRtpSender.getCapabilities` names it: each text must be in its MIME type or its parameters. */
type Wish = readonly string[];

const VP8: Wish = ['video/VP8'];
const AV1: Wish = ['video/AV1', 'profile=0'];
const H264: Wish = ['video/H264', 'packetization-mode=1', 'profile-level-id=42e01f'];

/** What the browsers of today send, and what the API says of it. */
const SENT: readonly (readonly [title: string, label: string, wish: Wish])[] = [
  ['VP8', 'VP8', VP8],
  ['VP9', 'VP9', ['video/VP9', 'profile-id=0']],
  ['VP9 with profile 2', 'VP9', ['video/VP9', 'profile-id=2']],
  ['AV1', 'AV1', AV1],
  ['H264 constrained baseline', 'H264 (baseline)', H264],
  ['H264 baseline', 'H264 (baseline)', ['video/H264', 'packetization-mode=1', 'profile-level-id=42001f']],
  ['H264 baseline of mode 0', 'H264 (baseline)', ['video/H264', 'packetization-mode=0', 'profile-level-id=42001f']],
  ['H264 main', 'H264 (main)', ['video/H264', 'packetization-mode=1', 'profile-level-id=4d001f']],
];

/** Codecs whose key frames say how large they are, in the clear. */
const SIZED: readonly (string | undefined)[] = ['video/VP8', 'video/H264'];

interface Signalled {
  readonly status: number;
  readonly code: string | undefined;
  readonly resume: string | undefined;
}

interface Signalling {
  readonly role: 'whip' | 'whep';
  readonly broadcast: string;
  readonly wishes: readonly Wish[];
  readonly resume?: string | undefined;
  /** Another profile than the browser's own is declared to the server. */
  readonly declared?: { readonly from: string; readonly to: string };
}

/**
 * Publishes the camera, or views into `#seen`, with these codecs only. The connection and the DELETE address stay in
 * the page.
 */
function signal(page: Page, signalling: Signalling): Promise<Signalled> {
  return page.evaluate(async ({ role, broadcast, wishes, resume, declared = { from: '-', to: '-' } }) => {
    const kept = globalThis as unknown as { connection: RTCPeerConnection; session: string };
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    const capabilities = (role === 'whip' ? RTCRtpSender : RTCRtpReceiver).getCapabilities('video')?.codecs ?? [];
    const wanted = wishes.flatMap((wish) =>
      capabilities.filter(({ mimeType, sdpFmtpLine = '' }) =>
        wish.every((text) => mimeType === text || sdpFmtpLine.split(';').some((part) => part.startsWith(text))),
      ),
    );
    let transceiver: RTCRtpTransceiver;
    if (role === 'whip') {
      const media = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180 } });
      const [track] = media.getVideoTracks();
      if (!track) throw new Error('no camera');
      transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    } else {
      transceiver = connection.addTransceiver('video', { direction: 'recvonly' });
      const video = document.createElement('video');
      video.id = 'seen';
      video.muted = video.autoplay = true;
      video.srcObject = new MediaStream([transceiver.receiver.track]);
      document.body.replaceChildren(video);
    }
    transceiver.setCodecPreferences([...wanted, ...capabilities.filter(({ mimeType }) => mimeType === 'video/rtx')]);
    await connection.setLocalDescription();
    const response = await fetch(`/${role}/${broadcast}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...(resume ? { 'Fanlight-Resume': resume } : {}) },
      body: connection.localDescription?.sdp.replaceAll(`=${declared.from}`, `=${declared.to}`) ?? '',
    });
    if (!response.ok) {
      connection.close();
      const { code } = (await response.json()) as { code: string };
      return { status: response.status, code, resume: undefined };
    }
    const sdp = (await response.text()).replaceAll(`=${declared.to}`, `=${declared.from}`);
    await connection.setRemoteDescription({ type: 'answer', sdp });
    kept.connection?.close();
    kept.connection = connection;
    kept.session = response.headers.get('Location') ?? '';
    return { status: response.status, code: undefined, resume: response.headers.get('Fanlight-Resume') ?? undefined };
  }, signalling);
}

/** What the statistics of the page's connection say of the video that comes in. */
function incoming(page: Page): Promise<{ codec: string; parameters: string; framesDecoded: number }> {
  return page.evaluate(async () => {
    const kept = globalThis as unknown as {
      connection?: RTCPeerConnection;
      fanlight?: { peerConnection: RTCPeerConnection };
    };
    const report = await (kept.connection ?? kept.fanlight?.peerConnection)?.getStats();
    for (const entry of report?.values() ?? []) {
      if (entry.type !== 'inbound-rtp' || entry.kind !== 'video') continue;
      const codec = report?.get(entry.codecId);
      return {
        codec: codec?.mimeType ?? '',
        parameters: codec?.sdpFmtpLine ?? '',
        framesDecoded: entry.framesDecoded,
      };
    }
    return { codec: '', parameters: '', framesDecoded: 0 };
  });
}

suite('codecs in Chromium', () => {
  let server: TestServer;
  let browser: Browser;
  const people = new People();
  let broadcasts = 0;
  let name: string;

  /** Each page is another person's: its own window and memory. */
  async function newPage(): Promise<Page> {
    return people.newPage(browser);
  }

  async function open(path: string, page?: Page): Promise<Page> {
    const opened = page ?? (await newPage());
    await opened.goto(`http://localhost:${server.fanlight.ports.http}${path}`);
    return opened;
  }

  /** A page of the server's own origin that does nothing by itself. */
  function openNothing(): Promise<Page> {
    return open('/nothing-is-here');
  }

  /** The join page in a browser that knows VP8 only. */
  async function joinWithVp8Only(): Promise<{ readonly page: Page; readonly told: readonly string[] }> {
    const page = await newPage();
    const told: string[] = [];
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => told.push(String(payload))));
    await page.addInitScript(() => {
      const addTransceiver = RTCPeerConnection.prototype.addTransceiver;
      RTCPeerConnection.prototype.addTransceiver = function (...from) {
        const transceiver = addTransceiver.apply(this, from);
        if (from[0] === 'video') {
          const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
          transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === 'video/VP8'));
        }
        return transceiver;
      };
    });
    await open(`/join/${name}`, page);
    return { page, told };
  }

  async function described(): Promise<unknown> {
    return (await fetch(`${server.url}/api/broadcasts/${name}`)).json();
  }

  /** What the WebSocket says of the publisher's layers. */
  async function layersNow(): Promise<unknown> {
    const client = await new SocketClient(server.wsUrl).opened();
    await client.hello({ broadcast: name, layers: true });
    const { layers } = await client.next('layers');
    client.socket.close();
    return layers;
  }

  beforeAll(async () => {
    server = await startTestServer();
    browser = await launchChromium();
  });
  beforeEach(() => {
    name = `codec-${++broadcasts}`;
  });
  afterEach(async () => {
    await people.leave();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  it.each(SENT)(
    '%s is relayed, decoded, and named by the API; its size is told where it can be',
    async (_title, label, wish) => {
      const [publisher, viewer] = await Promise.all([openNothing(), open(`/join/${name}`)]);
      expect(await signal(publisher, { role: 'whip', broadcast: name, wishes: [wish] })).toMatchObject({ status: 201 });
      await seeFrames(viewer, '#video', 20);
      // What is shown was decoded, though the statistics may be some frames behind.
      await eventually('frames are counted', async () => (await incoming(viewer)).framesDecoded >= 20);
      expect((await incoming(viewer)).codec).toBe(wish[0]);
      expect(await described()).toMatchObject({ state: 'live', tracks: [{ kind: 'video', codec: label }] });
      const size = SIZED.includes(wish[0]) ? { width: 320, height: 180 } : { width: null, height: null };
      const layer = { rid: null, active: true, forwarded: true, bitrateBps: expect.any(Number), ...size };
      // Reviewed a few times a second, and told by another way than the picture.
      await vi.waitFor(async () => expect(await layersNow()).toEqual([layer]), { interval: 100, timeout: 10_000 });
    },
  );

  it('H264 high, as Safari and hardware encoders declare it, is relayed to who declares no plain high', async () => {
    const publisher = await openNothing();
    const declared = { from: '42e01f', to: '640c1f' };
    const publish = { role: 'whip', broadcast: name, wishes: [H264], declared } as const;
    expect(await signal(publisher, publish)).toMatchObject({ status: 201 });
    const viewer = await open(`/join/${name}`);
    await seeFrames(viewer, '#video', 20);
    expect(await incoming(viewer)).toMatchObject({ codec: 'video/H264' });
    expect(await described()).toMatchObject({ tracks: [{ codec: 'H264 (high)' }] });
  });

  it('refuses a viewer whose offer lacks what is sent', async () => {
    await signal(await openNothing(), { role: 'whip', broadcast: name, wishes: [AV1] });
    await eventually('AV1', async () => JSON.stringify(await described()).includes('AV1'));
    const viewer = await openNothing();
    const asked = { role: 'whep', broadcast: name } as const;
    expect(await signal(viewer, { ...asked, wishes: [VP8, H264] })).toMatchObject({
      status: 422,
      code: 'unsupported_codec',
    });
    expect(await signal(viewer, { ...asked, wishes: [VP8, AV1] })).toMatchObject({ status: 201 });
    await seeFrames(viewer, '#seen', 20);
    expect(await incoming(viewer)).toMatchObject({ codec: 'video/AV1' });
  });

  it(
    'tells who was there before, and who comes later, that they cannot decode it, until they can',
    PATIENT,
    async () => {
      const before = await joinWithVp8Only();
      await inState(before.page, 'waiting');
      const isKept = await watchConnection(before.page);
      const publisher = await openNothing();
      const publish = { role: 'whip', broadcast: name } as const;
      const { resume } = await signal(publisher, { ...publish, wishes: [AV1] });

      await inState(before.page, 'unsupported');
      expect(await before.page.textContent('#status-detail')).toContain('AV1');
      // Playwright tells of the page and of its WebSocket in no order.
      await eventually('the session says so too', () =>
        before.told.findLast((message) => message.includes('"type":"session"'))?.includes('"unsupportedCodec":"AV1"'),
      );
      const later = await joinWithVp8Only();
      await inState(later.page, 'unsupported');
      expect(await later.page.textContent('#status-detail')).toContain('AV1');

      expect(await signal(publisher, { ...publish, wishes: [VP8], resume })).toMatchObject({ status: 201, resume });
      for (const { page } of [before, later]) {
        await inState(page, 'live');
        await seeFrames(page, '#video', 20);
      }
      expect(await isKept()).toBe(true);

      await signal(publisher, { ...publish, wishes: [AV1], resume });
      for (const { page } of [before, later]) await inState(page, 'unsupported');
      await publisher.evaluate(() =>
        fetch((globalThis as unknown as { session: string }).session, { method: 'DELETE' }).then(
          ({ status }) => status,
        ),
      );
      for (const { page } of [before, later]) await inState(page, 'ended');
      await signal(publisher, { ...publish, wishes: [VP8] });
      for (const { page } of [before, later]) {
        await inState(page, 'live');
        await seeFrames(page, '#video', 20);
      }
      expect(await isKept()).toBe(true);
    },
  );

  it('goes on over the same connection when the publisher changes the codec', PATIENT, async () => {
    const publisher = await openNothing();
    const viewer = await open(`/join/${name}`);
    await inState(viewer, 'waiting');
    const isKept = await watchConnection(viewer);
    let resume: string | undefined;
    for (const wish of [VP8, H264, AV1, VP8]) {
      const signalled = await signal(publisher, { role: 'whip', broadcast: name, wishes: [wish], resume });
      expect(signalled.status).toBe(201);
      if (resume !== undefined) expect(signalled.resume).toBe(resume);
      resume = signalled.resume;
      await eventually('the codec', async () => (await incoming(viewer)).codec === wish[0]);
      await seeFrames(viewer, '#video', 20);
      await inState(viewer, 'live');
    }
    expect(await isKept()).toBe(true);
  });
});

/** @returns whether the join page still has the peer connection that it has now */
async function watchConnection(page: Page): Promise<() => Promise<boolean>> {
  const isMarked = () =>
    page.evaluate(() => {
      const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: { mark?: boolean } } })
        .fanlight;
      const before = peerConnection.mark === true;
      peerConnection.mark = true;
      return before;
    });
  await isMarked();
  return isMarked;
}
