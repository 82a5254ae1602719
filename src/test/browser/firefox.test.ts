// Another engine with its own ICE, DTLS, SRTP and SCTP: Firefox publishes to Chromium and views what Chromium publishes.
// H264 stays with Chromium: Firefox downloads it, and here it has none.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import {
  hasChromium,
  hasFirefox,
  hearSound,
  inboundStatistics,
  inState,
  launchChromium,
  launchFirefox,
  People,
  pressGoLive,
  seeFrames,
} from './browsers.ts';

const suite = hasChromium && hasFirefox ? describe : describe.skipIf(true);
const PATIENT = { timeout: 120_000 };

suite('with Firefox', () => {
  let server: TestServer;
  let chromium: Browser;
  let firefox: Browser;
  const people = new People();
  let broadcasts = 0;
  let name: string;

  /** Each page is another person's: its own window and memory. */
  async function open(browser: Browser, path: string): Promise<Page> {
    const page = await people.newPage(browser);
    await page.goto(`http://localhost:${server.fanlight.ports.http}${path}`);
    return page;
  }

  async function goLive(browser: Browser): Promise<Page> {
    return pressGoLive(await open(browser, `/publish/${name}`));
  }

  beforeAll(async () => {
    server = await startTestServer();
    [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);
  });
  beforeEach(() => {
    name = `firefox-${++broadcasts}`;
  });
  afterEach(async () => {
    await people.leave();
  });
  afterAll(async () => {
    await firefox?.close();
    await chromium?.close();
    await server?.stop();
  });

  it('publishes to Chromium, and goes on after an ICE restart and a reload', PATIENT, async () => {
    const publisher = await goLive(firefox);
    await seeFrames(publisher, '#preview', 10);
    const viewer = await open(chromium, `/join/${name}`);
    await seeFrames(viewer, '#video', 20);
    await hearSound(viewer);
    await eventually('the count', async () => (await publisher.textContent('#viewers')) === '1');
    await publisher.fill('#message-text', 'from Firefox');
    await publisher.click('#send-message');
    await viewer.waitForFunction(() => document.querySelector('#messages')?.textContent?.includes('from Firefox'));

    await restartIce(publisher);
    await seeFrames(viewer, '#video', 20);

    const session = await sessionOf(publisher);
    const interrupted = inState(viewer, 'interrupted');
    await publisher.reload();
    await interrupted;
    await inState(publisher, 'live');
    expect(await sessionOf(publisher)).toBe(session);
    await inState(viewer, 'live');
    await seeFrames(viewer, '#video', 20);

    await publisher.click('#stop');
    await inState(viewer, 'ended');
  });

  it(
    'views what Chromium publishes, with boxes and messages, after an ICE restart and a reload too',
    PATIENT,
    async () => {
      const viewer = await open(firefox, `/join/${name}`);
      await inState(viewer, 'waiting');
      const publisher = await goLive(chromium);
      await inState(viewer, 'live');
      await seeFrames(viewer, '#video', 20);
      await hasDecoded(viewer, 20);
      expect((await inboundStatistics(viewer)).codec).toMatch(/^video\//);

      await publisher.fill('#message-text', 'Hello <b>Firefox</b>');
      await publisher.click('#send-message');
      await viewer.waitForFunction(() =>
        document.querySelector('#messages')?.textContent?.includes('Hello <b>Firefox</b>'),
      );
      await publisher.check('#test-overlays');
      await viewer.waitForFunction(() => {
        const box = document.querySelector('#overlay > *')?.getBoundingClientRect();
        const video = document.querySelector('#video')?.getBoundingClientRect();
        return box && video && box.width > 0 && box.left >= video.left - 1 && box.right <= video.right + 1;
      });
      await publisher.uncheck('#test-overlays');
      await viewer.waitForFunction(() => document.querySelectorAll('#overlay > *').length === 0);

      await restartIce(viewer);
      await seeFrames(viewer, '#video', 20);
      expect(await viewer.getAttribute('body', 'data-state')).toBe('live');
      await viewer.reload();
      await inState(viewer, 'live');
      await seeFrames(viewer, '#video', 20);
      await eventually('the count', async () => (await publisher.textContent('#viewers')) === '1');
    },
  );

  it('views what Firefox publishes', PATIENT, async () => {
    await goLive(firefox);
    const viewer = await open(firefox, `/join/${name}`);
    await seeFrames(viewer, '#video', 20);
    await hasDecoded(viewer, 20);
  });
});

/** What is shown was decoded, though the statistics may be some frames behind. */
async function hasDecoded(page: Page, frames: number): Promise<void> {
  await eventually('frames are counted', async () => (await inboundStatistics(page)).framesDecoded >= frames);
}

function sessionOf(page: Page): Promise<string> {
  return page.evaluate(() => (globalThis as unknown as { fanlight: { session: string } }).fanlight.session);
}

/** Tells the page that the network changed, and waits until both sides have new credentials and the connection stands. */
async function restartIce(page: Page): Promise<void> {
  const credentials = () =>
    page.evaluate(() => {
      const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: RTCPeerConnection } })
        .fanlight;
      const ufrag = (description: RTCSessionDescription | null) => /a=ice-ufrag:(.*)/.exec(description?.sdp ?? '')?.[1];
      return {
        state: `${peerConnection.connectionState} ${peerConnection.iceConnectionState}`,
        local: ufrag(peerConnection.currentLocalDescription),
        remote: ufrag(peerConnection.currentRemoteDescription),
      };
    });
  const before = await credentials();
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await eventually('new credentials', async () => {
    const now = await credentials();
    return (
      now.local !== before.local && now.remote !== before.remote && /^connected (connected|completed)$/.test(now.state)
    );
  });
}
