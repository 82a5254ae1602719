// The time to the first picture in real browsers, as an operator reads it in /metrics and as the viewer sees it on the page.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import {
  hasChromium,
  hasFirefox,
  inState,
  launchChromium,
  launchFirefox,
  People,
  pressGoLive,
  seeFrames,
} from './browsers.ts';

const BROWSERS = [
  ['Chromium', hasChromium, launchChromium],
  ['Firefox', hasFirefox, launchFirefox],
] as const;
const VIEWER_PHASES = ['request', 'ice', 'dtls', 'connect', 'packet', 'key-frame', 'picture'];

/** Of `fanlight_join_seconds`: phase → how often it was measured, and all of it together in ms. */
type Measured = Record<string, { readonly count: number; readonly ms: number }>;

const suite = hasChromium ? describe : describe.skipIf(true);

suite('the time to the first picture', () => {
  let server: TestServer;
  let publishing: Browser;
  const people = new People();

  const address = (path: string) => `http://localhost:${server.fanlight.ports.http}${path}`;

  async function goLive(): Promise<Page> {
    const publisher = await people.newPage(publishing);
    await publisher.goto(address('/publish'));
    return pressGoLive(publisher);
  }

  async function measured(): Promise<Measured> {
    const text = await (await fetch(address('/metrics'))).text();
    const valuesOf = (series: string) =>
      new Map(
        [...text.matchAll(new RegExp(`^fanlight_join_seconds_${series}{phase="(.*)"} (.*)$`, 'gm'))].map(
          ([, phase = '', value]) => [phase, Number(value)],
        ),
      );
    const sums = valuesOf('sum');
    return Object.fromEntries(
      [...valuesOf('count')].map(([phase, count]) => [phase, { count, ms: (sums.get(phase) ?? 0) * 1000 }]),
    );
  }

  beforeAll(async () => {
    publishing = await launchChromium();
  });
  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(async () => {
    await people.leave();
    await server.stop();
  });
  afterAll(async () => {
    await publishing?.close();
  });

  it.each(BROWSERS.filter(([, isThere]) => isThere))(
    'of a join page in %s shows in all phases, which add up',
    {
      timeout: 40_000,
    },
    async (_name, _isThere, launch) => {
      const browser = await launch();
      try {
        await goLive();
        const viewer = await people.newPage(browser);
        await viewer.goto(address('/join'));
        await seeFrames(viewer, '#video', 5);
        const phases = await eventually('the page tells', async () => {
          const now = await measured();
          return now.picture && now;
        });
        expect(
          Object.keys(phases)
            .filter((phase) => !phase.startsWith('publish-'))
            .sort(),
        ).toEqual([...VIEWER_PHASES].sort());
        const ms = (phase: string) => phases[phase]?.ms ?? Number.NaN;
        for (const phase of VIEWER_PHASES) expect(phases[phase]?.count).toBe(1);

        expect(ms('connect')).toBeCloseTo(ms('request') + ms('ice') + ms('dtls'), 3);
        expect(ms('packet')).toBeLessThanOrEqual(ms('key-frame'));
        expect(ms('picture')).toBeGreaterThan(ms('connect') + ms('key-frame'));
        expect(ms('picture')).toBeLessThan(15_000);
        for (const phase of ['request', 'ice', 'dtls', 'connect', 'packet', 'key-frame']) {
          expect(phases[`publish-${phase}`]?.count).toBe(1);
        }

        await viewer.click('#quality summary');
        const rows = await viewer.locator('#waterfall tbody tr').allInnerTexts();
        expect(rows.map((row) => row.split(/[\t\n]/)[0])).toEqual([
          'Loading the page',
          'Asking the server',
          'Finding a path',
          'Agreeing on keys',
          'First packet',
          'First key frame',
          'First picture',
          'WebSocket',
        ]);
        expect(rows[1]).toMatch(/server: [\d.]+ ms/);
        expect(await viewer.textContent('#waterfall-words')).toBe(
          `First picture after ${Math.round(ms('picture'))} ms.`,
        );
      } finally {
        await browser.close();
      }
    },
  );

  it('is that of the connection alone for who comes before the publisher', async () => {
    const viewer = await people.newPage(publishing);
    await viewer.goto(address('/join'));
    await inState(viewer, 'waiting');
    await goLive();
    await seeFrames(viewer, '#video', 5);
    const phases = await measured();
    expect(
      Object.keys(phases)
        .filter((phase) => !phase.startsWith('publish-'))
        .sort(),
    ).toEqual(['connect', 'dtls', 'ice', 'request']);
    await viewer.click('#quality summary');
    expect(await viewer.textContent('#waterfall-words')).toContain('You came before the broadcaster');
    expect(await viewer.locator('#waterfall tbody tr').count()).toBeGreaterThan(0);
  });
});
