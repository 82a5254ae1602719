// The publisher's congestion control on our feedback: it climbs to what the page allows, backs off before a narrow link,
// and climbs again. In a real browser; the picture is noise, of which an encoder takes all that it is given.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadLink, GOOD } from '../bad-link.ts';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import { hasChromium, launchChromium, People, seeFrames } from './browsers.ts';
import { publishNoise } from './noise-publisher.ts';
import { bitrateOver, whileEncoding } from './statistics.ts';

const MAX_BITRATE_BPS = 1_500_000;
const NARROW_BPS = 600_000;
/** Some may still be on their way. */
const MIN_DECODED_SHARE = 0.6;
const MAX_OVERFLOWED_SHARE = 0.1;

interface Passage {
  readonly decodedShare: number;
  readonly overflowedShare: number;
}

function isGoingOn({ decodedShare, overflowedShare }: Passage): boolean {
  return decodedShare > MIN_DECODED_SHARE && overflowedShare < MAX_OVERFLOWED_SHARE;
}

describe.skipIf(!hasChromium)('a publisher in Chromium', () => {
  let server: TestServer;
  let link: BadLink;
  let browser: Browser;
  let publisher: Page;
  let viewer: Page;
  const people = new People();

  beforeAll(async () => {
    server = await startTestServer();
    link = await BadLink.open(server.fanlight.ports.udp[0] ?? 0, 600);
    browser = await launchChromium();
    const origin = `http://127.0.0.1:${server.fanlight.ports.http}`;
    publisher = await people.newPage(browser);
    await link.lead(publisher);
    await publisher.goto(`${origin}/nothing-is-here`);
    await publishNoise(publisher, 'noise', MAX_BITRATE_BPS);
    viewer = await people.newPage(browser);
    await viewer.goto(`${origin}/join/noise`);
    await seeFrames(viewer, '#video', 10);
  });
  afterAll(async () => {
    await people.leave();
    await browser?.close();
    link?.close();
    await server?.stop();
  });

  it('climbs toward its maximum, stays below a narrow link with its picture going on, and climbs again', {
    timeout: 360_000,
  }, async () => {
    // A busy machine does not encode as much as it may send; it is far more than the narrow link takes.
    await reaches('near the maximum', (bitrateBps) => bitrateBps > 0.6 * MAX_BITRATE_BPS, 120_000);

    link.toServer.conditions = { bitsPerSecond: NARROW_BPS, delayMs: 10 };
    await reaches('less than the narrow link', (bitrateBps) => bitrateBps < NARROW_BPS, 60_000);
    // What waited while this process, which is the link, was kept from its work is a burst that no queue takes: of a few
    // whiles one is without. A publisher that does not back off overflows in all.
    let narrow = await throughLink();
    for (let more = 0; more < 2 && !isGoingOn(narrow); more++) narrow = await throughLink();
    expect(narrow.decodedShare).toBeGreaterThan(MIN_DECODED_SHARE);
    expect(narrow.overflowedShare).toBeLessThan(MAX_OVERFLOWED_SHARE);

    link.toServer.conditions = GOOD;
    await reaches('more than the narrow link had', (bitrateBps) => bitrateBps > 1.2 * NARROW_BPS, 120_000);
  });

  /** Of the next frames the viewer decoded so many, and of the link's packets so many found no room. */
  async function throughLink(): Promise<Passage> {
    const before = link.toServer.counters;
    const { sent, seen } = await whileEncoding(40, publisher, viewer, MIN_DECODED_SHARE);
    const after = link.toServer.counters;
    return {
      decodedShare: seen.framesDecoded / sent.framesEncoded,
      overflowedShare: (after.overflowed - before.overflowed) / (after.sent - before.sent),
    };
  }

  /** Waits until the publisher's video takes such a bitrate for a second. */
  async function reaches(what: string, isReached: (bitrateBps: number) => boolean, withinMs: number): Promise<void> {
    await eventually(what, async () => isReached(await bitrateOver(1000, publisher)), withinMs);
  }
});
