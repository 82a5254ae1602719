// The system's Chromium and Firefox for tests, with fake camera and microphone. With REQUIRE_BROWSERS=1 a missing one is a
// failure; else its tests are left out, and that is said.

import { existsSync } from 'node:fs';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type BrowserServer,
  chromium,
  firefox,
  type Page,
} from 'playwright-core';
import { eventually } from '../server.ts';

const CHROMIUM = '/usr/bin/chromium';
const FIREFOX = '/usr/bin/firefox-esr';

const CHROMIUM_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** `media.navigator.streams.fake` gives a moving colour and a tone. */
const FIREFOX_PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
};

export const hasChromium = isThere(CHROMIUM, 'Chromium');
export const hasFirefox = isThere(FIREFOX, 'Firefox');

function isThere(path: string, name: string): boolean {
  if (existsSync(path)) return true;
  if (process.env.REQUIRE_BROWSERS) throw new Error(`${name} is needed at ${path} (REQUIRE_BROWSERS is set).`);
  process.stderr.write(`${name} is not at ${path}: its browser tests are left out.\n`);
  return false;
}

export const CHROMIUM_LAUNCH = { executablePath: CHROMIUM, args: CHROMIUM_ARGUMENTS };

export function launchChromium(): Promise<Browser> {
  return chromium.launch(CHROMIUM_LAUNCH);
}

/** A Chromium whose processes can be seen; `connectChromium` leads into it. */
export function serveChromium(): Promise<BrowserServer> {
  return chromium.launchServer({ executablePath: CHROMIUM, args: CHROMIUM_ARGUMENTS });
}

export function connectChromium(server: BrowserServer): Promise<Browser> {
  return chromium.connect(server.wsEndpoint());
}

export function launchFirefox(): Promise<Browser> {
  // Stable Firefox is driven by WebDriver BiDi.
  return firefox.launch({
    channel: 'moz-firefox',
    executablePath: FIREFOX,
    firefoxUserPrefs: FIREFOX_PREFERENCES,
  });
}

/** The people of a test: each has a window and a memory of their own. */
export class People {
  readonly #contexts: BrowserContext[] = [];

  /** Another person's page. */
  async newPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    this.#contexts.push(context);
    return context.newPage();
  }

  /** All of them close their windows. */
  async leave(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await context.close();
  }
}

/** Presses Go live on a publish page. */
export async function pressGoLive(page: Page): Promise<Page> {
  await inState(page, 'preview');
  await page.click('#go-live');
  await inState(page, 'live');
  return page;
}

/** Counts frames of a <video> as they are shown, from now on. */
export async function countFrames(page: Page, selector: string): Promise<void> {
  await page.evaluate((css) => {
    const counted = globalThis as unknown as { shownFrames: Record<string, number>; counter: symbol };
    counted.shownFrames ??= {};
    counted.shownFrames[css] = 0;
    const counter = Symbol();
    counted.counter = counter;
    const video = document.querySelector(css) as HTMLVideoElement;
    const next = (): void => {
      // Who counted before must not count along.
      if (counted.counter !== counter) return;
      counted.shownFrames[css] = (counted.shownFrames[css] ?? 0) + 1;
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }, selector);
}

/** Waits until `frames` more frames were shown in the video. */
export async function seeFrames(page: Page, selector: string, frames: number, withinMs = 15_000): Promise<void> {
  await countFrames(page, selector);
  await page.waitForFunction(
    ([css, wanted]) =>
      ((globalThis as unknown as { shownFrames: Record<string, number> }).shownFrames[css as string] ?? 0) >=
      (wanted as number),
    [selector, frames] as const,
    { timeout: withinMs, polling: 50 },
  );
}

export async function inState(page: Page, state: string, withinMs = 15_000): Promise<void> {
  await page.waitForSelector(`body[data-state="${state}"]`, { timeout: withinMs });
}

/**
 * Turns the sound of a join page on, which autoplay may have muted. Chromium counts as audio energy only what it plays;
 * whether it mutes hangs on whether Playwright's first question, a gesture to it, came before the picture.
 */
export async function tapForSound(page: Page): Promise<void> {
  if (!(await page.isVisible('#unmute'))) return;
  // It goes by itself when the browser allows sound meanwhile.
  await page.click('#unmute', { timeout: 2_000 }).catch(() => {});
}

/** Waits until the sound of a join page is heard. The page may ask for the tap at any time until then. */
export async function hearSound(page: Page): Promise<void> {
  await eventually(
    'sound',
    async () => {
      await tapForSound(page);
      return (await inboundStatistics(page)).audioEnergy > 0;
    },
    20_000,
  );
}

/** Numbers of the page's own connection, by the browser's statistics. */
export function inboundStatistics(page: Page): Promise<{
  framesDecoded: number;
  audioEnergy: number;
  codec: string;
  pliCount: number;
}> {
  return page.evaluate(async () => {
    const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: RTCPeerConnection } }).fanlight;
    const report = await peerConnection.getStats();
    const found = { framesDecoded: 0, audioEnergy: 0, codec: '', pliCount: 0 };
    for (const entry of report.values()) {
      if (entry.type !== 'inbound-rtp') continue;
      if (entry.kind === 'audio') found.audioEnergy = entry.totalAudioEnergy ?? 0;
      if (entry.kind !== 'video') continue;
      found.framesDecoded = entry.framesDecoded;
      found.pliCount = entry.pliCount;
      found.codec = report.get(entry.codecId)?.mimeType ?? '';
    }
    return found;
  });
}
