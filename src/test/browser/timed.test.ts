// Data on the frame, seen with the viewer's eyes: the number in the picture against the number in the box over it.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import { hasChromium, hasFirefox, inState, launchChromium, launchFirefox, People, pressGoLive } from './browsers.ts';
import { giveNumberedCamera, noteSights, type Sight, takeSights } from './numbered-camera.ts';

const suite = hasChromium && hasFirefox ? describe : describe.skipIf(true);
const PATIENT = { timeout: 150_000 };
/** At 20 a second. */
const FRAMES = 40;
/** Numbers of two pages lie farther apart. */
const SAME_CAMERA = 100;
/** Viewers hold the picture back as far as messages come late, which takes them a few seconds. */
const SETTLED_WITHIN_MS = 40_000;

suite('a message of a video frame', () => {
  let server: TestServer;
  let chromium: Browser;
  let firefox: Browser;
  const people = new People();
  let broadcasts = 0;
  let name: string;

  async function open(browser: Browser, path: string, prepare?: (page: Page) => Promise<void>): Promise<Page> {
    const page = await people.newPage(browser);
    await prepare?.(page);
    await page.goto(`http://localhost:${server.fanlight.ports.http}${path}`);
    return page;
  }

  async function publish(browser: Browser, prepare?: (page: Page) => Promise<void>): Promise<Page> {
    const page = await open(browser, `/publish/${name}`, async (opened) => {
      await giveNumberedCamera(opened);
      await prepare?.(opened);
    });
    return pressGoLive(page);
  }

  async function watch(browser: Browser): Promise<Page> {
    const page = await open(browser, `/join/${name}`);
    await inState(page, 'live');
    await noteSights(page);
    return page;
  }

  beforeAll(async () => {
    server = await startTestServer({ MEDIA_WORKERS: '2' });
    [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);
  });
  beforeEach(() => {
    name = `timed-${++broadcasts}`;
  });
  afterEach(async () => {
    await people.leave();
  });
  afterAll(async () => {
    await firefox?.close();
    await chromium?.close();
    await server?.stop();
  });

  it(
    'is shown with it in Chromium and Firefox, after a new source and the death of a worker too',
    PATIENT,
    async () => {
      const publisher = await publish(chromium, keepWorkers);
      const viewers = await Promise.all([watch(chromium), watch(chromium), watch(firefox)]);
      await Promise.all(viewers.map((viewer) => seeTogether(viewer, 0)));
      await publisher.reload();
      await Promise.all(viewers.map((viewer) => seeTogether(viewer, 0)));
      await endWorkers(publisher);
      await Promise.all(viewers.map((viewer) => seeTogether(viewer, 0)));
    },
  );

  it('is at most one frame off where the publisher has to estimate, and where it is Firefox', PATIENT, async () => {
    await publish(chromium, (page) =>
      page.addInitScript(() => Object.assign(globalThis, { RTCRtpScriptTransform: undefined })),
    );
    const ofEstimates = await watch(chromium);
    name = `timed-${++broadcasts}`;
    await publish(firefox);
    const ofFirefox = await watch(chromium);
    await Promise.all([ofEstimates, ofFirefox].map((viewer) => seeTogether(viewer, 1)));
  });
});

/** So that the test can end them. */
async function keepWorkers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const workers: Worker[] = [];
    Object.assign(globalThis, {
      workers,
      Worker: class extends Worker {
        constructor(url: string | URL) {
          super(url);
          workers.push(this);
        }
      },
    });
  });
}

/** The frames that go through them stand still. */
async function endWorkers(page: Page): Promise<void> {
  const count = await page.evaluate(() => {
    const { workers } = globalThis as unknown as { workers: Worker[] };
    for (const worker of workers) worker.terminate();
    return workers.length;
  });
  expect(count).toBeGreaterThan(0);
}

/** Waits until in 19 of 20 of the last frames the box is that of the picture, or at most so many frames off. */
async function seeTogether(viewer: Page, maxFramesOff: number): Promise<void> {
  await takeSights(viewer);
  let sights: Sight[] = [];
  const offs = () => sights.map(({ shown, said }) => Math.abs(shown - said));
  await eventually(
    'picture and box together',
    async () => {
      sights.push(...(await takeSights(viewer)));
      // The box of the source before stands until the new one's first.
      sights = sights.slice(offs().findLastIndex((off) => off > SAME_CAMERA) + 1).slice(-FRAMES);
      return sights.length === FRAMES && p95(offs()) <= maxFramesOff;
    },
    SETTLED_WITHIN_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; frames off: ${offs().join(' ')}`);
  });
}

function p95(sizes: readonly number[]): number {
  return sizes.toSorted((a, b) => a - b)[Math.ceil(sizes.length * 0.95) - 1] ?? Number.POSITIVE_INFINITY;
}
