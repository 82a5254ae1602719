// Measures the ways to a first picture of a publisher that never answers when it is asked for a key frame: in Chromium and
// Firefox, with a key frame every 1, 4 and 10 s, with and without what the server remembers.
// `npm run bench:start [-- joins]`. Prints a table, and a line of JSON.

import type { Page } from 'playwright-core';
import { launchChromium, launchFirefox } from '../src/test/browser/browsers.ts';
import { type FirstPictures, firstPictures, loadWhepClient, percentile } from '../src/test/browser/first-pictures.ts';
import { RecordedPublisher } from '../src/test/libdatachannel.ts';
import { type Recording, record } from '../src/test/recording.ts';
import { eventually, startTestServer } from '../src/test/server.ts';

const WATCH_MS = 5_000;
const WAYS = {
  'from the last key frame': {},
  'from the next key frame': { FANLIGHT_START_MEMORY_MB: '0' },
} as const;
const BROWSERS = { Chromium: launchChromium, Firefox: launchFirefox } as const;
const joins = Number(process.argv[2] ?? 10);

const recordings = await recordAll([1, 4, 10]);
const rows: object[] = [];
for (const [way, settings] of Object.entries(WAYS)) {
  for (const [browserName, launch] of Object.entries(BROWSERS)) {
    for (const recording of recordings) {
      const seen = await measure(recording, launch, settings);
      const pictures = seen.map(({ pictureMs }) => pictureMs);
      const row = {
        way,
        browser: browserName,
        intervalS: recording.seconds,
        p50Ms: Math.round(percentile(pictures, 0.5)),
        p95Ms: Math.round(percentile(pictures, 0.95)),
        longestGapMs: Math.round(Math.max(...seen.map(({ longestGapMs }) => longestGapMs))),
        framesInHalfASecond: percentile(
          seen.map(({ framesInHalfASecond }) => framesInHalfASecond),
          0.5,
        ),
        bufferedMs: Math.round(
          percentile(
            seen.map(({ bufferedMs }) => bufferedMs),
            0.5,
          ),
        ),
      };
      rows.push(row);
      process.stdout.write(`${Object.values(row).join('  ')}\n`);
    }
  }
}
process.stdout.write(`${JSON.stringify({ joins, rows })}\n`);
process.exit(0);

async function recordAll(intervals: readonly number[]): Promise<Recording[]> {
  const server = await startTestServer();
  const browser = await launchChromium();
  const page = await browser.newPage();
  // Encoders are for pages of a trustworthy origin only.
  await page.goto(server.url);
  const made: Recording[] = [];
  for (const seconds of intervals) {
    const video = {
      codec: 'VP8',
      width: 1280,
      height: 720,
      framesPerSecond: 30,
      seconds,
      bitrateBps: 2_000_000,
    } as const;
    made.push(await record(page, video));
  }
  await browser.close();
  await server.stop();
  return made;
}

async function measure(
  recording: Recording,
  launch: typeof launchChromium,
  settings: Record<string, string>,
): Promise<FirstPictures[]> {
  const server = await startTestServer(settings);
  const publisher = new RecordedPublisher(recording);
  await publisher.publish(`${server.url}/whip/bench`);
  await eventually('the publisher is connected', () => publisher.isConnected);
  publisher.play();
  const browser = await launch();
  const page = await browser.newPage();
  await page.goto(server.url);
  await loadWhepClient(page);
  // The first join of a page pays for what it loads.
  await firstPictures(page, 'bench', 0);
  const joining: Promise<FirstPictures>[] = [];
  for (let join = 0; join < joins; join++) joining.push(...(await joinAt(page, publisher, recording, join)));
  const seen = await Promise.all(joining);
  await browser.close();
  publisher.close();
  await server.stop();
  return seen;
}

/** Spread over the interval, and at most one in half a second. */
async function joinAt(
  page: Page,
  publisher: RecordedPublisher,
  { seconds }: Recording,
  join: number,
): Promise<Promise<FirstPictures>[]> {
  await new Promise((resolve) => setTimeout(resolve, 500));
  const phaseMs = ((join + 0.5) / joins) * seconds * 1000;
  await eventually('that moment', () => Math.abs(publisher.sinceKeyFrameMs - phaseMs) < 40, 30_000);
  return [firstPictures(page, 'bench', WATCH_MS)];
}
