// What somebody meets who opens the pages from another machine: over plain http a browser gives no camera, so the publish
// page shows the way to the secure one; watching needs none of that.

import { networkInterfaces } from 'node:os';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostAddresses } from '../../media/transport/candidates.ts';
import { startTestServer, type TestServer } from '../server.ts';
import { freePort } from '../server-process.ts';
import { hasChromium, inState, launchChromium, People, seeFrames } from './browsers.ts';

/** Of this machine, as others reach it. Browsers trust a loopback address as they trust https. */
const [ADDRESS = ''] = hostAddresses(networkInterfaces()).filter((address) => !/^127\.|:/.test(address));
const suite = hasChromium && ADDRESS !== '' ? describe : describe.skipIf(true);
if (ADDRESS === '')
  process.stderr.write('This machine has no IPv4 address but loopback: pages over plain http are not tested.\n');

suite('over plain http from another machine, in Chromium', () => {
  let server: TestServer;
  let browser: Browser;
  let httpsPort: number;
  const people = new People();
  const plain = () => `http://${ADDRESS}:${server.fanlight.ports.http}`;

  /** Each page is another person's: its own window and memory. */
  async function open(path: string): Promise<Page> {
    const page = await people.newPage(browser, { ignoreHTTPSErrors: true });
    await page.goto(new URL(path, plain()).href);
    expect(await page.evaluate(() => isSecureContext)).toBe(false);
    return page;
  }

  function linksOf(page: Page): Promise<string[]> {
    const links = page.locator('main a:visible');
    return links.evaluateAll((anchors) => anchors.map((anchor) => (anchor as HTMLAnchorElement).href));
  }

  beforeAll(async () => {
    httpsPort = await freePort();
    server = await startTestServer({ HTTPS_PORT: String(httpsPort) });
    browser = await launchChromium();
  });
  afterEach(async () => {
    await people.leave();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('the publish page explains it and shows one link, which leads to a page that goes live', async () => {
    const viewer = await open('/join/kitchen');
    await inState(viewer, 'waiting');
    const publisher = await open('/publish/kitchen');
    await publisher.waitForSelector('#notice:visible');
    expect(await publisher.textContent('#notice')).toMatch(/secure page/i);
    expect(await publisher.textContent('#notice')).toMatch(/camera/i);
    expect(await linksOf(publisher)).toEqual([`https://${ADDRESS}:${httpsPort}/publish/kitchen`]);
    expect(await publisher.isDisabled('#go-live')).toBe(true);

    await publisher.click('#notice-link');
    await publisher.waitForURL(`https://${ADDRESS}:${httpsPort}/publish/kitchen`);
    expect(await publisher.evaluate(() => isSecureContext)).toBe(true);
    await inState(publisher, 'preview');
    await seeFrames(publisher, '#preview', 10);
    await publisher.click('#go-live');
    await inState(publisher, 'live');

    expect(await publisher.isVisible('#notice')).toBe(false);

    // Watching works without https, for who waited and for who follows the publisher's link.
    await inState(viewer, 'live');
    await seeFrames(viewer, '#video', 20);
    const link = await publisher.inputValue('#share-link');
    expect(link).toBe(`${plain()}/join/kitchen`);
    await seeFrames(await open(link), '#video', 20);
  });

  it('leads to the bare page from the bare page', async () => {
    const publisher = await open('/publish');
    await publisher.waitForSelector('#notice:visible');
    expect(await linksOf(publisher)).toEqual([`https://${ADDRESS}:${httpsPort}/publish`]);
  });
});
