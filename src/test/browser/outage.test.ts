// What a person sees when the network goes away: both pages say what they do, and come back by themselves.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ServerProcess } from '../server-process.ts';
import { hasChromium, inState, launchChromium, People, pressGoLive, seeFrames } from './browsers.ts';

const suite = hasChromium ? describe : describe.skipIf(true);
const OUTAGE_MS = 10_000;

suite('in Chromium', () => {
  let browser: Browser;
  let server: ServerProcess;
  const people = new People();

  async function open(path: string): Promise<Page> {
    const page = await people.newPage(browser);
    await page.goto(`${server.url}${path}`);
    return page;
  }

  async function liveBroadcast(): Promise<{ publisher: Page; viewer: Page }> {
    const publisher = await pressGoLive(await open('/publish'));
    const viewer = await open('/join');
    await seeFrames(viewer, '#video', 20);
    return { publisher, viewer };
  }

  const sessionOf = (page: Page): Promise<string> =>
    page.evaluate(() => (globalThis as unknown as { fanlight: { session: string } }).fanlight.session);

  beforeAll(async () => {
    browser = await launchChromium();
  });
  beforeEach(async () => {
    server = await ServerProcess.start();
  });
  afterEach(async () => {
    await people.leave();
    await server.stop();
  });
  afterAll(() => browser?.close());

  it('both sides come back after ten seconds without network', { timeout: 60_000 }, async () => {
    const { publisher, viewer } = await liveBroadcast();
    const sessions = [await sessionOf(publisher), await sessionOf(viewer)];
    server.freeze();
    const back = new Promise<void>((resolve) =>
      setTimeout(() => {
        server.thaw();
        resolve();
      }, OUTAGE_MS),
    );
    await Promise.all([inState(publisher, 'reconnecting'), inState(viewer, 'reconnecting'), back]);
    await Promise.all([inState(publisher, 'live', 20_000), inState(viewer, 'live', 20_000)]);
    await seeFrames(viewer, '#video', 30);
    expect([await sessionOf(publisher), await sessionOf(viewer)]).toEqual(sessions);
  });
});
