// The main job in Chromium: what a person does on /publish and /join, seen by decoded frames and not by states alone.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import {
  hasChromium,
  hearSound,
  inboundStatistics,
  inState,
  launchChromium,
  People,
  pressGoLive,
  seeFrames,
} from './browsers.ts';

const suite = hasChromium ? describe : describe.skipIf(true);

suite('in Chromium', () => {
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

  const hasFocus = (page: Page, id: string) => page.waitForFunction((id) => document.activeElement?.id === id, id);

  async function goLive(): Promise<Page> {
    return pressGoLive(await open(`/publish/${name}`));
  }

  beforeAll(async () => {
    server = await startTestServer();
    browser = await launchChromium();
  });
  beforeEach(() => {
    name = `page-${++broadcasts}`;
  });
  afterEach(async () => {
    await people.leave();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('publishes: own picture, link, viewer count, connection, pickers, mute, screen, stop', async () => {
    const publisher = await goLive();
    await seeFrames(publisher, '#preview', 10);
    expect(await publisher.inputValue('#share-link')).toContain(`/join/${name}`);
    expect(await publisher.locator('#camera option').count()).toBeGreaterThan(0);
    expect(await publisher.locator('#microphone option').count()).toBeGreaterThan(0);

    const viewer = await open(`/join/${name}`);
    await seeFrames(viewer, '#video', 10);
    await eventually('the count', async () => (await publisher.textContent('#viewers')) === '1');
    await eventually('words about the connection', async () =>
      /\S/.test((await publisher.textContent('#quality-words')) ?? ''),
    );

    await hearSound(viewer);
    await publisher.click('#mute');
    const silence = async () => {
      const before = (await inboundStatistics(viewer)).audioEnergy;
      await seeFrames(viewer, '#video', 10);
      return (await inboundStatistics(viewer)).audioEnergy - before < 1e-6;
    };
    await eventually('silence after mute', silence);

    await publisher.click('#share-screen');
    const surface = () =>
      publisher.evaluate(() => {
        const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: RTCPeerConnection } })
          .fanlight;
        const video = peerConnection.getSenders().find(({ track }) => track?.kind === 'video');
        return video?.track?.getSettings().displaySurface;
      });
    await eventually('the screen is sent', async () => (await surface()) === 'monitor');
    await seeFrames(viewer, '#video', 10);
    await publisher.click('#stop');
    await inState(viewer, 'ended');
    const described = await (await fetch(`${server.url}/api/broadcasts/${name}`)).json();
    expect(described).toMatchObject({ state: 'idle' });
  });

  it('goes live by a double-click, of which the second half does not stop it', async () => {
    const publisher = await open(`/publish/${name}`);
    await inState(publisher, 'preview');
    // In the page, so that nothing lies between the two but what the page itself needs.
    await publisher.evaluate(async () => {
      const [goLive, stop] = ['#go-live', '#stop'].map((id) => document.querySelector<HTMLButtonElement>(id));
      goLive?.focus();
      goLive?.click();
      while (stop?.hidden) await new Promise(requestAnimationFrame);
      stop?.click();
    });
    await inState(publisher, 'live');
    await publisher.click('#stop', { trial: true });
    // Who goes by keyboard stands where the button stood.
    await hasFocus(publisher, 'stop');
  });

  it('joins in any number of tabs: waits in plain words, plays muted, one tap gives sound', async () => {
    const tabs = await Promise.all([open(`/join/${name}`), open(`/join/${name}`), open(`/join/${name}`)]);
    await Promise.all(
      tabs.map(async (tab) => {
        await inState(tab, 'waiting');
        expect(await tab.textContent('#status')).toMatch(/waiting for the broadcaster/i);
      }),
    );
    await goLive();
    await Promise.all(
      tabs.map(async (tab) => {
        await inState(tab, 'live');
        await seeFrames(tab, '#video', 10);
        // What is shown was decoded, though the statistics may be some frames behind.
        await eventually('frames are counted', async () => (await inboundStatistics(tab)).framesDecoded >= 10);
      }),
    );
    // A tab that nobody touched: the page must find out by itself that the browser allows no sound. Playwright's own
    // questions to a page count as gestures, so these are asked below it.
    const tab = await open(`/join/${name}`);
    const protocol = await tab.context().newCDPSession(tab);
    const isMuted = async () => {
      const { result } = await protocol.send('Runtime.evaluate', {
        expression: 'document.querySelector("#video").muted',
      });
      return result.value === true;
    };
    await eventually('muted by itself', isMuted);
    await seeFrames(tab, '#video', 10);
    await tab.click('#unmute');
    expect(await isMuted()).toBe(false);
    await hasFocus(tab, 'mute');
    await tab.focus('.brand');
    await tab.keyboard.press('m');
    expect(await isMuted()).toBe(false);
    await tab.focus('#volume');
    await tab.keyboard.press('m');
    expect(await isMuted()).toBe(true);
    await tab.click('#fullscreen');
    await tab.waitForFunction(() => document.fullscreenElement !== null);
  });

  it('goes on after a pause that nobody asked for, and offers a tap after one that somebody did', async () => {
    await goLive();
    const viewer = await open(`/join/${name}`);
    await seeFrames(viewer, '#video', 5);
    await hearSound(viewer);
    const pause = (after?: string) =>
      viewer.evaluate((event) => {
        const video = document.querySelector('#video') as HTMLVideoElement;
        video.pause();
        if (event) video.dispatchEvent(new Event(event));
      }, after);
    await pause();
    await viewer.waitForSelector('#unmute:has-text("Tap to play")');
    await viewer.click('#unmute');
    await seeFrames(viewer, '#video', 5);
    await viewer.waitForSelector('#unmute', { state: 'hidden' });

    // As an iPhone does it at Done.
    await pause('webkitendfullscreen');
    await seeFrames(viewer, '#video', 5);
    await viewer.waitForSelector('#unmute', { state: 'hidden' });
  });

  it('sends messages and overlays to each viewer', async () => {
    const publisher = await goLive();
    const viewers = await Promise.all([open(`/join/${name}`), open(`/join/${name}`)]);
    for (const viewer of viewers) {
      await seeFrames(viewer, '#video', 5);
    }
    await publisher.fill('#message-text', 'Hello <b>viewers</b>');
    await publisher.click('#send-message');
    await publisher.check('#test-overlays');
    for (const viewer of viewers) {
      await viewer.waitForFunction(() =>
        document.querySelector('#messages')?.textContent?.includes('Hello <b>viewers</b>'),
      );
      // The box moves once a second and stays on the picture.
      const box = () =>
        viewer.evaluate(() => {
          const overlay = document.querySelector('#overlay > *');
          const video = document.querySelector('#video')?.getBoundingClientRect();
          const rectangle = overlay?.getBoundingClientRect();
          if (!rectangle || !video || rectangle.width === 0) return undefined;
          const inside = rectangle.left >= video.left - 1 && rectangle.right <= video.right + 1;
          return { left: rectangle.left, top: rectangle.top, inside };
        });
      const first = await eventually('a box', box);
      expect(first.inside).toBe(true);
      await eventually('the box moves', async () => {
        const now = await box();
        return now && (now.left !== first.left || now.top !== first.top);
      });
    }
    await publisher.uncheck('#test-overlays');
    for (const viewer of viewers) {
      await viewer.waitForFunction(() => document.querySelectorAll('#overlay > *').length === 0);
    }
  });

  it('goes on after a reload of either page, for the others too', async () => {
    const publisher = await goLive();
    const viewer = await open(`/join/${name}`);
    const witness = await open(`/join/${name}`);
    await seeFrames(witness, '#video', 10);
    const session = await publisher.evaluate(
      () => (globalThis as unknown as { fanlight: { session: string } }).fanlight.session,
    );
    const connection = () =>
      witness.evaluate(() => {
        const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: { mark?: boolean } } })
          .fanlight;
        const known = peerConnection.mark === true;
        peerConnection.mark = true;
        return known;
      });
    expect(await connection()).toBe(false);

    // Looked for from before: the words are gone as soon as the publisher is back.
    const interrupted = witness.waitForFunction(() => {
      const said = document.querySelector('#status')?.textContent ?? '';
      return document.body.dataset.state === 'interrupted' && /right back.*by itself/is.test(said);
    });
    await Promise.all([interrupted, publisher.reload()]);
    await inState(publisher, 'live');
    expect(
      await publisher.evaluate(() => (globalThis as unknown as { fanlight: { session: string } }).fanlight.session),
    ).toBe(session);
    await inState(witness, 'live');
    await seeFrames(witness, '#video', 10);
    // Nothing was negotiated again: the same peer connection shows the new source.
    expect(await connection()).toBe(true);
    await viewer.reload();
    await inState(viewer, 'live');
    await seeFrames(viewer, '#video', 10);
  });

  it('shows many broadcasts side by side, and lists what is live', async () => {
    await goLive();
    const first = name;
    name = `page-${++broadcasts}`;
    await goLive();
    const home = await open('/');
    await home.waitForFunction((names) => names.every((each) => document.body.textContent?.includes(each)), [
      first,
      name,
    ] as const);
  });
});
