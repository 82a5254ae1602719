// Lip-sync as the viewer has it: a publisher flashes and beeps at one moment, and the viewer measures when the flash is
// on its screen and when the beep is at its loudspeaker.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import { beatsSeen, believedSkew, publishBeats, watchBeats } from './beats.ts';
import { hasChromium, launchChromium, People } from './browsers.ts';

/** What ITU-R BT.1359-1 calls undetectable is 45 ms of early sound and 125 ms of late. */
const MAX_SKEW_MS = 40;
const BEATS = 8;
/** An engine brings the two together step by step, some 15 ms a second, and leaves less than 30 ms as it is. */
const SETTLED_WITHIN_MS = 120_000;

describe.skipIf(!hasChromium)('a viewer in Chromium', () => {
  let server: TestServer;
  let browser: Browser;
  const people = new People();

  beforeAll(async () => {
    server = await startTestServer();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await people.leave();
    await browser?.close();
    await server?.stop();
  });

  it('has the sound of a moment within 40 ms of its picture', { timeout: 180_000 }, async () => {
    const publisher = await people.newPage(browser);
    const viewer = await people.newPage(browser);
    for (const page of [publisher, viewer]) {
      await page.goto(`${server.url}/nothing-is-here`);
      // A gesture: without one there is no sound.
      await page.mouse.click(5, 5);
    }
    await publishBeats(publisher, 'beats');
    await watchBeats(viewer, 'beats');
    // Measured and believed: two wrongs that meet on their way do not count.
    await eventually(
      `${BEATS} beats with sound and picture together`,
      async () => {
        const latest = (await beatsSeen(viewer)).slice(-BEATS);
        const measured = latest.toSorted((a, b) => a - b)[BEATS / 2];
        const believed = await believedSkew(viewer);
        return latest.length === BEATS && isTogether(measured) && isTogether(believed);
      },
      SETTLED_WITHIN_MS,
    );
  });
});

function isTogether(skewMs: number | undefined): boolean {
  return skewMs !== undefined && Math.abs(skewMs) <= MAX_SKEW_MS;
}
