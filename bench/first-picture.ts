// Measures click to first picture: how long from opening the join page's session until the first video frame is shown,
// in Chromium against a publisher in Chromium, over loopback. `npm run bench:first-picture [-- joins]`.
// Prints the median and 95th percentile of each step as the page sees it, the averages of the phases as the server measures
// them (fanlight_join_seconds), and a line of JSON.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFanlight } from '../src/app.ts';
import { parseConfig } from '../src/config.ts';
import { createLogger } from '../src/logger.ts';
import { launchChromium, pressGoLive } from '../src/test/browser/browsers.ts';
import { type FirstPictures, firstPictures, loadWhepClient, percentile } from '../src/test/browser/first-pictures.ts';

/** What is printed, and where it stands in what a page saw. */
const STEPS = { answered: 'answeredMs', connected: 'connectedMs', picture: 'pictureMs' } as const;

const joins = Number(process.argv[2] ?? 20);
const dataDir = await mkdtemp(join(tmpdir(), 'fanlight-bench-'));
// 0: the publisher is asked for a key frame at each join.
const { FANLIGHT_START_MEMORY_MB = '16' } = process.env;
const config = parseConfig({
  PORT: '0',
  HTTPS_PORT: '0',
  UDP_PORT: '0',
  DATA_DIR: dataDir,
  LOG_LEVEL: 'warn',
  FANLIGHT_START_MEMORY_MB,
});
const server = await startFanlight(config, createLogger({ level: config.logLevel }));
const origin = `http://localhost:${server.ports.http}`;
const browser = await launchChromium();

const publisher = await (await browser.newContext()).newPage();
await publisher.goto(`${origin}/publish/bench`);
await pressGoLive(publisher);
// The publisher's bitrate has settled after a few seconds.
await new Promise((resolve) => setTimeout(resolve, 5_000));

const viewer = await (await browser.newContext()).newPage();
await viewer.goto(`${origin}/`);
await loadWhepClient(viewer);
const results: FirstPictures[] = [];
for (let number = 0; number < joins; number++) {
  results.push(await firstPictures(viewer, 'bench', 0));
  // Not in step with the throttle of key-frame requests or with the publisher's frames.
  await new Promise((resolve) => setTimeout(resolve, 700 + Math.random() * 600));
}
await browser.close();
const phases = await serverPhases();
await server.close();
await rm(dataDir, { recursive: true, force: true });

for (const [step, name] of Object.entries(STEPS)) {
  const times = results.map((result) => result[name]);
  const at = (share: number): string => percentile(times, share).toFixed(0).padStart(5);
  process.stdout.write(`${step.padEnd(10)} p50 ${at(0.5)} ms   p95 ${at(0.95)} ms\n`);
}
for (const [phase, ms] of Object.entries(phases)) {
  process.stdout.write(`${phase.padEnd(10)} average ${ms.toFixed(1)} ms, by the server\n`);
}
process.stdout.write(`${JSON.stringify({ joins: results, phases })}\n`);

/** Averages in ms of all joins of viewers; `picture` is told by join pages only, and there is none here. */
async function serverPhases(): Promise<Record<string, number>> {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const read = (series: string, phase: string): number =>
    Number(new RegExp(`^fanlight_join_seconds_${series}{phase="${phase}"} (.*)$`, 'm').exec(metrics)?.[1]);
  const names = ['request', 'ice', 'dtls', 'connect', 'packet', 'key-frame'];
  return Object.fromEntries(names.map((phase) => [phase, (read('sum', phase) / read('count', phase)) * 1000]));
}
