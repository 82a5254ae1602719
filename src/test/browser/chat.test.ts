// What people do beside the picture: names, chat, moderation, and that nobody seems to leave who only reconnects.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import { hasChromium, inState, launchChromium, People, pressGoLive, seeFrames } from './browsers.ts';

/** Longer than a mute. */
const AHEAD_MS = 11 * 60_000;

const suite = hasChromium ? describe : describe.skipIf(true);

interface Watched {
  sockets: WebSocket[];
  seen: string[];
  fanlight: { peerConnection: RTCPeerConnection };
}

suite('in Chromium', () => {
  let server: TestServer;
  let browser: Browser;
  const people = new People();

  /** @param clockAheadMs of this person's machine, before the server's */
  async function open(path: string, clockAheadMs = 0): Promise<Page> {
    const page = await people.newPage(browser);
    await page.addInitScript((aheadMs) => {
      const now = Date.now;
      Date.now = () => now() + aheadMs;
    }, clockAheadMs);
    // To be cut.
    await page.addInitScript(() => {
      const watched = globalThis as unknown as Watched;
      watched.sockets = [];
      globalThis.WebSocket = class extends WebSocket {
        constructor(url: string | URL) {
          super(url);
          watched.sockets.push(this);
        }
      };
    });
    await page.goto(`http://localhost:${server.fanlight.ports.http}${path}`);
    return page;
  }

  async function join(name: string, clockAheadMs = 0): Promise<Page> {
    const page = await open('/join', clockAheadMs);
    await saveName(page, name);
    await page.waitForSelector('#chat-send:enabled');
    return page;
  }

  async function saveName(page: Page, name: string): Promise<void> {
    await page.fill('#chat-name', name);
    await page.click('#chat-name-save');
  }

  async function rename(page: Page, name: string): Promise<void> {
    await page.click('#chat-name-change');
    await saveName(page, name);
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.fill('#chat-text', text);
    await page.click('#chat-send');
  }

  /** Waits until each page has a WebSocket that is open and none of those that it had before `step`. */
  async function withNewSockets(pages: readonly Page[], step: () => Promise<void>): Promise<void> {
    const before = await Promise.all(
      pages.map((page) => page.evaluate(() => (globalThis as unknown as Watched).sockets.length)),
    );
    await step();
    await Promise.all(
      pages.map((page, at) =>
        page.waitForFunction((count) => {
          const { sockets } = globalThis as unknown as Watched;
          return sockets.length > count && sockets.at(-1)?.readyState === WebSocket.OPEN;
        }, before[at] ?? 0),
      ),
    );
  }

  const hears = (page: Page, text: string) =>
    page.locator('.chat-lines li', { hasText: text }).first().waitFor({ state: 'visible' });
  const names = (page: Page) => page.locator('.people li bdi').allTextContents();
  const seesPeople = (page: Page, count: number) =>
    page.waitForFunction((wanted) => document.querySelectorAll('.people li').length === wanted, count);
  const says = (page: Page, words: RegExp) =>
    page.waitForFunction(
      (source) => new RegExp(source).test(document.querySelector('#chat-why')?.textContent ?? ''),
      words.source,
    );

  /** Writes down from now on what the page says of people: how many watch, and who is here. */
  const writeDown = (page: Page) =>
    page.evaluate(() => {
      const watched = globalThis as unknown as Watched;
      const look = () => {
        const who = [...document.querySelectorAll('.people li bdi')].map(({ textContent }) => textContent);
        watched.seen.push(`${document.querySelector('#viewers')?.textContent} ${who}`);
      };
      watched.seen = [];
      look();
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
  const writtenDown = (page: Page) => page.evaluate(() => [...new Set((globalThis as unknown as Watched).seen)]);

  /** The page's transport and WebSocket go. It comes back by itself when the answer lets it. */
  async function cut(page: Page): Promise<() => Promise<void>> {
    const asked: (() => void)[] = [];
    let isHeld = true;
    await page.route('**/whep/**', (route) =>
      isHeld ? void asked.push(() => void route.continue()) : route.continue(),
    );
    await page.evaluate(() => {
      const { fanlight, sockets } = globalThis as unknown as Watched;
      fanlight.peerConnection.close();
      for (const socket of sockets) socket.close();
    });
    await eventually('the server misses the viewer', async () =>
      /^fanlight_viewers 1$/m.test(await (await fetch(`${server.url}/metrics`)).text()),
    );
    return async () => {
      isHeld = false;
      for (const go of asked) go();
      await page.waitForFunction(
        () => (globalThis as unknown as Watched).fanlight.peerConnection.connectionState === 'connected',
      );
    };
  }

  beforeAll(async () => {
    server = await startTestServer();
    browser = await launchChromium();
  });
  afterEach(() => people.leave());
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  // Five pages, a reconnect and a restart.
  it('people have names, write to each other, are moderated, and stay through a reconnect and a restart', {
    timeout: 150_000,
  }, async () => {
    const publisher = await pressGoLive(await open('/publish', AHEAD_MS));
    const [ann, bob] = [await join('Ann'), await join('Bob', AHEAD_MS)];
    await Promise.all([ann, bob].map((page) => seeFrames(page, '#video', 5)));
    // By the server's clock: this machine's is 11 minutes ahead.
    expect(await publisher.textContent('#duration')).toMatch(/^[01]:\d\d$/);
    for (const page of [publisher, ann, bob]) {
      await seesPeople(page, 2);
      expect(await names(page)).toEqual(['Ann', 'Bob']);
    }

    await say(ann, 'Hello <b>all</b>');
    for (const page of [publisher, bob]) await hears(page, 'Hello <b>all</b>');
    await say(publisher, 'Welcome');
    await hears(ann, 'Welcome');
    await say(bob, 'Something rude');
    await hears(ann, 'Something rude');

    // Nobody leaves who only lost the line for a moment.
    await writeDown(publisher);
    const comeBack = await cut(ann);
    await rename(bob, 'Bobby');
    await publisher.locator('.people li', { hasText: 'Bobby' }).waitFor();
    await comeBack();
    await say(ann, 'I am back');
    await hears(publisher, 'I am back');
    expect(await writtenDown(publisher)).toEqual(['2 Ann,Bob', '2 Ann,Bobby']);

    // What went into a line that was dead already comes back to who wrote it.
    await ann.evaluate(() => {
      for (const socket of (globalThis as unknown as Watched).sockets) socket.send = () => {};
    });
    await say(ann, 'Into the void');
    await ann.evaluate(() => {
      for (const socket of (globalThis as unknown as Watched).sockets) socket.close();
    });
    await ann.waitForFunction(() => document.querySelector<HTMLInputElement>('#chat-text')?.value === 'Into the void');

    const rude = publisher.locator('.chat-lines li', { hasText: 'Something rude' });
    expect(await rude.getByText('Mute').getAttribute('title')).toMatch(/10 minutes, or until they reload/);
    await rude.getByText('Mute').click();
    await says(bob, /muted you for another 10 min/);
    expect(await bob.isDisabled('#chat-send')).toBe(true);
    await publisher.locator('.chat-muted li', { hasText: /Bobby is muted for 10 min/ }).waitFor();
    await rude.getByText('Delete').click();
    for (const page of [publisher, ann, bob])
      await page.locator('.chat-lines li', { hasText: 'Something rude' }).waitFor({ state: 'detached' });

    await publisher.selectOption('#slow-mode', '300');
    await say(publisher, 'Not for me');
    await hears(ann, 'Not for me');
    await say(ann, 'Too soon');
    await says(ann, /Slow mode: you can write again in \d+ (s|min)/);
    expect(await ann.inputValue('#chat-text')).toBe('Too soon');

    const history = ['Hello <b>all</b>', 'Welcome', 'I am back', 'Not for me'];
    const textsAt = (page: Page) => page.locator('.chat-lines .chat-text').allTextContents();
    const cy = await join('Cy');
    expect(await textsAt(cy)).toEqual(history);

    // What the pages show from before the restart would pass for what they show after it.
    await withNewSockets([publisher, ann, bob, cy], () => server.restart());
    await Promise.all([publisher, ann, bob, cy].map((page) => inState(page, 'live')));
    for (const page of [publisher, ann, bob]) await seesPeople(page, 3);
    await says(bob, /muted you/);
    const dee = await join('Dee');
    expect(await textsAt(dee)).toEqual(history);
    expect(await textsAt(ann)).toEqual(history);

    await publisher.selectOption('#chat-right', 'publisher');
    await says(dee, /Only the broadcaster writes here/);
    await publisher.click('#stop');
    await inState(ann, 'ended');
    expect(await ann.textContent('#status')).toMatch(/The broadcaster ended the broadcast/);
  });

  it('a name that the server refuses is told to who gives it, and bothers nobody later', async () => {
    const page = await open('/join/names');
    const focus = () => page.evaluate(() => document.activeElement?.id);
    const refusal = () => page.locator('#chat [role=alert]', { hasText: /name/i }).waitFor();
    const remembered = () => page.evaluate(() => localStorage.getItem('fanlight:display-name'));
    await page.waitForSelector('#chat-name');
    await saveName(page, 'Bad\u202eName');
    await refusal();
    expect([await focus(), await remembered()]).toEqual(['chat-name', null]);

    // As an older page kept it.
    await page.evaluate((name) => localStorage.setItem('fanlight:display-name', name), 'Bad\u202eName');
    await page.reload();
    await refusal();
    expect([await focus(), await remembered()]).toEqual(['', null]);

    await saveName(page, 'Good');
    await page.waitForSelector('#chat-send:enabled');
    await eventually('remembered', async () => (await remembered()) === 'Good');
  });
});
