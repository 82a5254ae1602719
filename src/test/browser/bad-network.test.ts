// A real publisher and real viewers on a network that loses, delays, reorders and repeats, in both directions and for
// both: the picture goes on, and where it cannot it comes back. Judged by decoded frames.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BadLink, GOOD } from '../bad-link.ts';
import { RecordedPublisher } from '../libdatachannel.ts';
import { record } from '../recording.ts';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import { hasChromium, hasFirefox, launchChromium, launchFirefox, People, pressGoLive, seeFrames } from './browsers.ts';
import { videoStatistics, whileEncoding } from './statistics.ts';

const PATIENT = { timeout: 120_000 };
/** A way through a town, there and back 40 ms. */
const DELAY_MS = 20;
/** Some 4 s of the fake camera. */
const FRAMES = 80;
/** Some 2.5 s. */
const FEW_FRAMES = 50;
/** None on an idle machine; a busy one freezes pictures by itself. */
const MAX_FROZEN_SHARE = 0.5;

describe.skipIf(!hasChromium)('on a bad network', () => {
  let server: TestServer;
  let link: BadLink;
  let chromium: Browser;
  let firefox: Browser | undefined;
  let publisher: Page;
  let viewer: Page;
  const people = new People();

  async function open(browser: Browser, path: string): Promise<Page> {
    const page = await people.newPage(browser);
    await link.lead(page);
    await page.goto(`http://127.0.0.1:${server.fanlight.ports.http}${path}`);
    return page;
  }

  beforeAll(async () => {
    server = await startTestServer();
    link = await BadLink.open(server.fanlight.ports.udp[0] ?? 0, 20_260_728);
    [chromium, firefox] = await Promise.all([launchChromium(), hasFirefox ? launchFirefox() : undefined]);
    publisher = await pressGoLive(await open(chromium, '/publish/bad'));
    viewer = await open(chromium, '/join/bad');
    await seeFrames(viewer, '#video', 20);
  });
  afterEach(() => {
    link.conditions = GOOD;
  });
  afterAll(async () => {
    await people.leave();
    await firefox?.close();
    await chromium?.close();
    link?.close();
    await server?.stop();
  });

  it('the picture goes on with 5 % loss both ways: what is lost is asked for and sent again', PATIENT, async () => {
    link.conditions = { loss: 0.05, delayMs: DELAY_MS };
    const { sent, seen, seconds } = await whileEncoding(FRAMES, publisher, viewer, 0.85);
    expect(seen.framesDecoded).toBeGreaterThan(0.85 * sent.framesEncoded);
    expect(seen.totalFreezesDuration).toBeLessThan(MAX_FROZEN_SHARE * seconds);
    // Repaired by repetition, not by beginning anew.
    expect(sent.nackCount).toBeGreaterThan(0);
    expect(sent.retransmittedPacketsSent).toBeGreaterThan(0);
    expect(seen.nackCount).toBeGreaterThan(0);
    expect(seen.pliCount).toBeLessThanOrEqual(1);
    for (const { counters } of [link.toServer, link.toClients]) expect(counters.lost).toBeGreaterThan(5);
  });

  it('the picture goes on with packets out of order and repeated', PATIENT, async () => {
    const before = link.toClients.counters;
    link.conditions = { duplication: 0.05, delayMs: DELAY_MS, jitterMs: 30 };
    const { sent, seen, seconds } = await whileEncoding(FEW_FRAMES, publisher, viewer, 0.85);
    expect(seen.framesDecoded).toBeGreaterThan(0.85 * sent.framesEncoded);
    expect(seen.totalFreezesDuration).toBeLessThan(MAX_FROZEN_SHARE * seconds);
    expect(seen.pliCount).toBe(0);
    await eventually('many packets changed places, and some came twice', () => {
      const { reordered, duplicated } = link.toClients.counters;
      return reordered - before.reordered > 50 && duplicated - before.duplicated > 5;
    });
  });

  it('the picture recovers from 30 % loss both ways when the loss ends', PATIENT, async () => {
    link.conditions = { loss: 0.3, delayMs: DELAY_MS };
    const during = await whileEncoding(FEW_FRAMES, publisher, viewer);
    expect(during.seen.nackCount).toBeGreaterThan(10);
    link.conditions = { delayMs: DELAY_MS };
    await seeFrames(viewer, '#video', 10);
    const after = await whileEncoding(FEW_FRAMES, publisher, viewer, 0.9);
    expect(after.seen.framesDecoded).toBeGreaterThan(0.9 * after.sent.framesEncoded);
    expect(after.seen.totalFreezesDuration).toBeLessThan(MAX_FROZEN_SHARE * after.seconds);
    // The same connections all the time.
    expect(await viewer.getAttribute('body', 'data-state')).toBe('live');
    expect((await videoStatistics(viewer)).framesDecoded).toBeGreaterThan(after.seen.framesDecoded);
  });

  it('a viewer that hears nothing for two seconds goes on where the others are', PATIENT, async () => {
    link.toClients.conditions = { loss: 1 };
    await whileEncoding(40, publisher, viewer);
    link.conditions = GOOD;
    await seeFrames(viewer, '#video', 10);
    const after = await whileEncoding(40, publisher, viewer, 0.9);
    expect(after.seen.framesDecoded).toBeGreaterThan(0.9 * after.sent.framesEncoded);
  });

  it('a viewer that lost the picture of a deaf publisher need not wait for its next key frame', PATIENT, async () => {
    const recording = await record(viewer, {
      codec: 'H264',
      width: 320,
      height: 180,
      framesPerSecond: 15,
      seconds: 30,
      bitrateBps: 200_000,
    });
    const deaf = new RecordedPublisher(recording);
    await deaf.publish(`${server.url}/whip/deaf`);
    await eventually('the publisher is connected', () => deaf.isConnected);
    deaf.play();
    const page = await open(chromium, '/join/deaf');
    await seeFrames(page, '#video', 10);
    // Longer than the server can send again what was lost.
    const untilMs = deaf.sinceKeyFrameMs + 2_500;
    link.toClients.conditions = { loss: 1 };
    await eventually('more than two seconds are lost', () => deaf.sinceKeyFrameMs > untilMs);
    link.conditions = GOOD;
    await seeFrames(page, '#video', 30);
    // The key frame that it did not wait for.
    expect(deaf.sinceKeyFrameMs).toBeGreaterThan(untilMs);
    deaf.close();
  });

  it.skipIf(!hasFirefox)('Firefox goes on with 5 % loss too', PATIENT, async () => {
    const page = await open(firefox ?? chromium, '/join/bad');
    await seeFrames(page, '#video', 20);
    link.conditions = { loss: 0.05, delayMs: DELAY_MS };
    const { sent, seen } = await whileEncoding(FRAMES, publisher, page, 0.8);
    expect(seen.framesDecoded).toBeGreaterThan(0.8 * sent.framesEncoded);
    expect(seen.nackCount).toBeGreaterThan(0);
    expect(seen.pliCount).toBeLessThanOrEqual(2);
  });
});
