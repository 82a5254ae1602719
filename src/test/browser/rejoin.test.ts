// What a page finds out by itself and heals: a codec that its offer lacked, and an hour of which it knows nothing.

import { readdirSync, readFileSync } from 'node:fs';
import type { Browser, BrowserServer, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../server.ts';
import { ServerProcess } from '../server-process.ts';
import {
  connectChromium,
  hasChromium,
  inState,
  launchChromium,
  People,
  pressGoLive,
  seeFrames,
  serveChromium,
} from './browsers.ts';
import { firstFrameAfter, picturesOf, watchPicture } from './picture-watch.ts';

const suite = hasChromium ? describe : describe.skipIf(true);
const PATIENT = { timeout: 120_000 };

function report(what: string, figures: Record<string, number>): void {
  process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`);
}

function sessionOf(page: Page): Promise<string> {
  return page.evaluate(() => (globalThis as unknown as { fanlight: { session: string } }).fanlight.session);
}

/** Offers of the page to view, so far. */
function countOffers(page: Page): { count: number } {
  const offers = { count: 0 };
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().includes('/whep/')) offers.count += 1;
  });
  return offers;
}

suite('in Chromium', () => {
  let browser: Browser;
  const people = new People();
  const undo: (() => unknown)[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterEach(async () => {
    await people.leave();
    for (const step of undo.splice(0).reverse()) await step();
  });
  afterAll(() => browser?.close());

  async function serve(settings: Record<string, string> = {}): Promise<ServerProcess> {
    const server = await ServerProcess.start(settings);
    undo.push(() => server.stop());
    return server;
  }

  /** A join page of whose connections the first ones know VP8 only. */
  async function joinKnowing(server: ServerProcess, restricted: 'first' | 'all'): Promise<Page> {
    const page = await people.newPage(browser);
    await page.addInitScript((which) => {
      const addTransceiver = RTCPeerConnection.prototype.addTransceiver;
      let isFirst = true;
      RTCPeerConnection.prototype.addTransceiver = function (...from) {
        const transceiver = addTransceiver.apply(this, from);
        if (from[0] !== 'video' || (which === 'first' && !isFirst)) return transceiver;
        isFirst = false;
        const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
        transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === 'video/VP8'));
        return transceiver;
      };
    }, restricted);
    await page.goto(`${server.url}/join`);
    return page;
  }

  /** A publish page that sends the codec that its tab remembers; a reload resumes. */
  async function publishWith(server: ServerProcess): Promise<(codec: string) => Promise<void>> {
    const page = await people.newPage(browser);
    await page.addInitScript(() => {
      const addTransceiver = RTCPeerConnection.prototype.addTransceiver;
      RTCPeerConnection.prototype.addTransceiver = function (...from) {
        const transceiver = addTransceiver.apply(this, from);
        const wanted = sessionStorage.getItem('codec') ?? 'video/VP8';
        if (transceiver.sender.track?.kind === 'video') {
          const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
          transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === wanted));
        }
        return transceiver;
      };
    });
    await page.goto(`${server.url}/publish`);
    await pressGoLive(page);
    return async (codec) => {
      await page.evaluate((name) => sessionStorage.setItem('codec', name), codec);
      await page.reload();
      await inState(page, 'live');
    };
  }

  /** These need no more of the processor than a closed laptop does, and it takes the server 14 s to believe that they are gone. */
  describe('while two machines sleep longer than any grace', () => {
    let server: ServerProcess;
    let machines: readonly Machine[] = [];
    let publisher: Page;
    let viewer: Page;
    let sessions: string[];
    const sleepers = new People();

    beforeAll(async () => {
      server = await ServerProcess.start({ VIEWER_GRACE: '2', PUBLISHER_GRACE: '2' });
      machines = await Promise.all([Machine.start(), Machine.start()]);
      const pages = await Promise.all(machines.map(({ browser: own }) => sleepers.newPage(own)));
      [publisher, viewer] = pages as [Page, Page];
      await publisher.goto(`${server.url}/publish`);
      await pressGoLive(publisher);
      await viewer.goto(`${server.url}/join`);
      await seeFrames(viewer, '#video', 10);
      await watchPicture(viewer);
      sessions = await Promise.all([publisher, viewer].map(sessionOf));
      for (const machine of machines) machine.sleep();
    });
    afterAll(async () => {
      for (const machine of machines) machine.wake();
      await sleepers.leave();
      for (const machine of machines) await machine.stop();
      await server?.stop();
    });

    it(
      'a viewer whose offer lacks the codec of the moment rejoins by itself; one that cannot is told, once',
      PATIENT,
      async () => {
        const server = await serve();
        const changeTo = await publishWith(server);
        const [viewer, unable] = await Promise.all([joinKnowing(server, 'first'), joinKnowing(server, 'all')]);
        for (const page of [viewer, unable]) await seeFrames(page, '#video', 10);
        const [offers, vainOffers] = [countOffers(viewer), countOffers(unable)];
        await watchPicture(viewer);
        const session = await sessionOf(viewer);

        const asked = viewer.waitForRequest((request) => request.method() === 'POST').then(() => Date.now());
        await changeTo('video/H264');
        const askedAtMs = await asked;
        const frameAtMs = await eventually('a picture', async () =>
          firstFrameAfter(await picturesOf(viewer), askedAtMs),
        );
        await inState(viewer, 'live');
        report('rejoined for a codec', { tookMs: frameAtMs - askedAtMs });
        expect(frameAtMs - askedAtMs).toBeLessThanOrEqual(4_000);
        await inState(unable, 'unsupported');
        expect(await unable.textContent('#status-detail')).toContain('H264');
        const seen = await picturesOf(viewer);
        expect(seen.states).not.toContain('unsupported');
        expect(seen.darkLooks).toBe(0);
        expect(await sessionOf(viewer)).toBe(session);

        await changeTo('video/VP8');
        for (const page of [viewer, unable]) {
          await inState(page, 'live');
          await seeFrames(page, '#video', 10);
        }
        expect([offers.count, vainOffers.count]).toEqual([1, 1]);
      },
    );

    it(
      'who waits for a name is live 7 s after the page that has it crashed, of which viewers hear at once',
      PATIENT,
      async () => {
        const server = await serve();
        const [first, next, viewer] = (await Promise.all([1, 2, 3].map(() => people.newPage(browser)))) as [
          Page,
          Page,
          Page,
        ];
        await first.goto(`${server.url}/publish`);
        await pressGoLive(first);
        await viewer.goto(`${server.url}/join`);
        await seeFrames(viewer, '#video', 10);
        await watchPicture(viewer);
        await next.goto(`${server.url}/publish`);
        await inState(next, 'preview');
        await next.click('#go-live');
        await next.waitForSelector('#status:has-text("Somebody else is live")');

        const live = whenInState(next, 'live');
        await crash(first);
        const takenAtMs = await live;
        await seeFrames(viewer, '#video', 5);
        await inState(viewer, 'live');
        const { states, statesAtMs, framesAtMs } = await picturesOf(viewer);
        expect(states).toEqual(['live', 'interrupted', 'live']);
        const [, noticedAtMs = 0, viewerAtMs = 0] = statesAtMs;
        // The crash itself takes a moment: what viewers saw last tells when the page sent last.
        const lastFrameAtMs = framesAtMs.findLast((atMs) => atMs < noticedAtMs) ?? 0;
        const noticedMs = noticedAtMs - lastFrameAtMs;
        const takenMs = takenAtMs - lastFrameAtMs;
        const viewerMs = viewerAtMs - lastFrameAtMs;
        report('publisher page crashed, another one waited', { noticedMs, takenMs, viewerMs });
        expect(noticedMs).toBeLessThanOrEqual(3_000);
        // 7 s of silence, and a join.
        expect(takenMs).toBeLessThanOrEqual(9_000);
      },
    );

    it('they come back by themselves when they wake', { timeout: 150_000 }, async () => {
      const addresses = [`${server.url}/whip/live/${sessions[0]}`, `${server.url}/whep/live/${sessions[1]}`];
      const isGone = async (address: string) => (await fetch(address)).status === 404;
      await eventually(
        'both sessions are over',
        async () => (await Promise.all(addresses.map(isGone))).every(Boolean),
        60_000,
      );
      for (const machine of machines) machine.wake();
      const wokeAtMs = Date.now();
      // What waited in the machine's buffers may still be shown: a picture of now comes after that.
      const frameAtMs = await eventually(
        'a new session and its picture',
        async () => {
          const isNew = (await sessionOf(viewer)) !== sessions[1] && (await sessionOf(publisher)) !== sessions[0];
          return isNew && firstFrameAfter(await picturesOf(viewer), Date.now() - 200);
        },
        20_000,
      );
      await Promise.all([inState(publisher, 'live'), inState(viewer, 'live')]);
      report('slept longer than the grace', { tookMs: frameAtMs - wokeAtMs });
      expect(frameAtMs - wokeAtMs).toBeLessThanOrEqual(12_000);
      expect((await picturesOf(viewer)).darkLooks).toBe(0);
    });
  });
});

/** Unix ms at which the page gets into this state, by its own clock: nothing between it and us delays that. */
function whenInState(page: Page, state: string): Promise<number> {
  const reached = page.evaluate(
    (wanted) =>
      new Promise<number>((resolve) => {
        const look = (): void => {
          if (document.body.dataset.state === wanted) resolve(Date.now());
        };
        new MutationObserver(look).observe(document.body, { attributeFilter: ['data-state'] });
      }),
    state,
  );
  // The page may be closed before, by a test that failed.
  reached.catch(() => {});
  return reached;
}

/** Its process ends without a word to anybody. */
async function crash(page: Page): Promise<void> {
  const crashed = page.waitForEvent('crash');
  page.goto('chrome://crash').catch(() => {});
  await crashed;
}

/** A browser that can be stopped with all its processes, as a laptop does when it is closed. */
class Machine {
  readonly browser: Browser;
  readonly #server: BrowserServer;

  private constructor(server: BrowserServer, browser: Browser) {
    this.#server = server;
    this.browser = browser;
  }

  static async start(): Promise<Machine> {
    const server = await serveChromium();
    return new Machine(server, await connectChromium(server));
  }

  sleep(): void {
    for (const pid of this.#processes()) signal(pid, 'SIGSTOP');
  }

  wake(): void {
    for (const pid of this.#processes()) signal(pid, 'SIGCONT');
  }

  async stop(): Promise<void> {
    this.wake();
    await this.#server.close();
  }

  /** The browser's and those that it started, and they in turn. */
  #processes(): number[] {
    const { pid: own } = this.#server.process();
    // 0 would be the parent of all.
    if (own === undefined) throw new Error('the browser has no process');
    const found = [own];
    for (const pid of found) found.push(...childrenOf(pid));
    return found;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended since.
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === parent)
    .map(Number);
}

/** The fourth field of `stat`, after a name in brackets that may hold anything (proc(5)). */
function parentOf(pid: string): number | undefined {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
    return Number(afterName.split(' ')[1]);
  } catch {
    // It has ended since.
    return undefined;
  }
}
