// A joiner sees a picture at once, also of a publisher that never answers when it is asked for a key frame.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecordedPublisher } from '../libdatachannel.ts';
import { record } from '../recording.ts';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import { hasChromium, launchChromium } from './browsers.ts';
import { type FirstPictures, firstPictures, loadWhepClient, percentile } from './first-pictures.ts';

const suite = hasChromium ? describe : describe.skipIf(true);
const KEY_FRAME_EVERY_S = 10;
const WATCH_MS = 5_000;
const JOINS = 8;
const STORM = 100;
const PER_PROCESS = 25;

suite('of a publisher with a key frame every ten seconds, deaf to requests', () => {
  let browser: Browser;
  let server: TestServer;
  let page: Page;
  const publishers: RecordedPublisher[] = [];

  async function publish(broadcast: string, height: number, framesPerSecond: number): Promise<RecordedPublisher> {
    const recording = await record(page, {
      codec: 'VP8',
      width: (height * 16) / 9,
      height,
      framesPerSecond,
      seconds: KEY_FRAME_EVERY_S,
      bitrateBps: height * height * 6,
    });
    const publisher = new RecordedPublisher(recording);
    publishers.push(publisher);
    await publisher.publish(`${server.url}/whip/${broadcast}`);
    await eventually('the publisher is connected', () => publisher.isConnected);
    publisher.play();
    return publisher;
  }

  beforeAll(async () => {
    server = await startTestServer();
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(`${server.url}/`);
    await loadWhepClient(page);
  }, 30_000);
  afterAll(async () => {
    for (const publisher of publishers) publisher.close();
    await browser?.close();
    await server?.stop();
  });

  it('Chromium shows a picture within 250 ms of the click, wherever in the interval, and goes on without a freeze', {
    timeout: 60_000,
  }, async () => {
    const publisher = await publish('deaf', 360, 30);
    const joins: Promise<FirstPictures>[] = [];
    for (let join = 0; join < JOINS; join++) {
      // From just after a key frame until just before the next.
      const phaseMs = 200 + (join * (KEY_FRAME_EVERY_S * 1000 - 400)) / (JOINS - 1);
      await eventually('that moment', () => publisher.sinceKeyFrameMs >= phaseMs, 15_000);
      joins.push(firstPictures(page, 'deaf', WATCH_MS));
    }
    const seen = await Promise.all(joins);
    const pictures = seen.map(({ pictureMs }) => Math.round(pictureMs));
    const gaps = seen.map(({ longestGapMs }) => Math.round(longestGapMs));
    expect(percentile(pictures, 0.95), `first pictures after ${pictures} ms`).toBeLessThanOrEqual(250);
    expect(Math.max(...gaps), `longest gaps of ${gaps} ms`).toBeLessThanOrEqual(200);
    expect(seen.map(({ pliCount }) => pliCount)).toEqual(seen.map(() => 0));
  });

  it(`all of ${STORM} viewers that reload within a second see a picture within three`, {
    timeout: 90_000,
  }, async () => {
    await publish('storm', 90, 10);
    const crowd = Array.from({ length: STORM / PER_PROCESS }, () =>
      fork(new URL('../storm-process.ts', import.meta.url), [`${server.url}/whep/storm`, `${PER_PROCESS}`], {
        execArgv: [],
      }),
    );
    const answers = () => Promise.all(crowd.map(async (some) => (await once(some, 'message'))[0] as unknown));
    await answers();
    for (const some of crowd) some.send('reload');
    const waitsMs = ((await answers()) as number[][]).flat();
    for (const some of crowd) some.kill();
    expect(waitsMs).toHaveLength(STORM);
    const [median, most] = [percentile(waitsMs, 0.5), percentile(waitsMs, 1)];
    expect(most, `waited ${median} ms (median) to ${most} ms`).toBeLessThanOrEqual(3_000);
    process.stdout.write(`waited ${median} ms (median) to ${most} ms\n`);
  });
});
