// Both pages come back by themselves, and what people see meanwhile: the old picture, never a black one. Each figure is
// told, as well as held against its limit.

import { once } from 'node:events';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { within } from '../figures.ts';
import { eventually } from '../server.ts';
import { freePort, ServerProcess } from '../server-process.ts';
import { hasChromium, inState, launchChromium, People, pressGoLive, seeFrames } from './browsers.ts';
import { firstFrameAfter, longestGapMs, picturesOf, watchPicture } from './picture-watch.ts';

const suite = hasChromium ? describe : describe.skipIf(true);
const PATIENT = { timeout: 120_000 };
const BACK_WITHIN_MS = 3_000;
const RESTART_GAP_MS = 300;
/** Two seconds without anything, and a busy machine. */
const SAID_WITHIN_MS = 5_000;
/** Silence would take twice as long and more. */
const GOODBYE_WITHIN_MS = 5_000;

function report(what: string, figures: Record<string, number>): void {
  process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`);
}

function sessionOf(page: Page): Promise<string> {
  return page.evaluate(() => (globalThis as unknown as { fanlight: { session: string } }).fanlight.session);
}

function stateOf(page: Page): Promise<string> {
  return page.evaluate(() => document.body.dataset.state ?? '');
}

/** Whether it still has the peer connection that it had at the first question. */
function hasKeptConnection(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: { mark?: boolean } } }).fanlight;
    const isKnown = peerConnection.mark === true;
    peerConnection.mark = true;
    return isKnown;
  });
}

suite('in Chromium', () => {
  let browser: Browser;
  const people = new People();
  const undo: (() => unknown)[] = [];

  async function serve(settings: Record<string, string> = {}): Promise<ServerProcess> {
    const server = await ServerProcess.start(settings);
    undo.push(() => server.stop());
    return server;
  }

  async function liveBroadcast(
    url: string,
    { before, who = people }: { before?: () => void; who?: People } = {},
  ): Promise<{ publisher: Page; viewer: Page }> {
    const open = async (path: string): Promise<Page> => {
      const page = await who.newPage(browser);
      if (before) await page.addInitScript(before);
      await page.goto(url + path);
      return page;
    };
    const [publisher, viewer] = await Promise.all([open('/publish'), open('/join')]);
    await pressGoLive(publisher);
    await inState(viewer, 'live');
    await seeFrames(viewer, '#video', 10);
    await watchPicture(viewer);
    return { publisher, viewer };
  }

  /** Both are live with the same sessions, and a frame of now is seen. Answers how long that took since `fromMs`. */
  async function backSince(fromMs: number, publisher: Page, viewer: Page): Promise<number> {
    const frameAtMs = await eventually(
      'a new picture',
      async () => (await stateOf(publisher)) === 'live' && firstFrameAfter(await picturesOf(viewer), fromMs),
    );
    await inState(viewer, 'live');
    return Math.max(0, frameAtMs - fromMs);
  }

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterEach(async () => {
    await people.leave();
    for (const step of undo.splice(0).reverse()) await step();
  });
  afterAll(() => browser?.close());

  it(
    'when another server takes the address over, nobody sees a break, and the old one ends early',
    PATIENT,
    async () => {
      const [before, after] = [await serve({ STOP_GRACE: '30' }), await serve()];
      const address = await Address.open(before.port);
      undo.push(() => address.close());
      const { publisher, viewer } = await liveBroadcast(address.url);
      address.leadsTo(after.port);
      const stoppedAtMs = Date.now();
      expect(await before.end('SIGTERM')).toBe(0);
      const endedMs = Date.now() - stoppedAtMs;
      await seeFrames(viewer, '#video', 10);
      const seen = await picturesOf(viewer);
      const gapMs = longestGapMs(seen, stoppedAtMs);
      report('moved to another server', { endedMs, gapMs });
      expect(endedMs).toBeLessThan(10_000);
      expect(gapMs).toBeLessThanOrEqual(1_000);
      expect(seen.darkLooks).toBe(0);
      expect(seen.states).toEqual(['live']);
      expect(await stateOf(publisher)).toBe('live');
      const described = await (await fetch(`${after.url}/api/broadcasts/live`)).json();
      expect(described).toMatchObject({ state: 'live', viewers: 1 });
    },
  );

  describe('of one broadcast', () => {
    let server: ServerProcess;
    let publisher: Page;
    let viewer: Page;
    const audience = new People();

    beforeAll(async () => {
      server = await ServerProcess.start({ STOP_GRACE: '6' });
      ({ publisher, viewer } = await liveBroadcast(server.url, { before: keepSockets, who: audience }));
      for (const page of [publisher, viewer]) await hasKeptConnection(page);
    });
    afterAll(async () => {
      await audience.leave();
      await server?.stop();
    });

    it.each(['publisher', 'viewer'] as const)('an ICE restart of the %s is hardly seen', async (who) => {
      const page = who === 'publisher' ? publisher : viewer;
      await within(`ICE restart of the ${who}, gap`, RESTART_GAP_MS, async () => {
        const restarted = page.waitForResponse((response) => response.request().method() === 'PATCH');
        const fromMs = Date.now();
        await page.evaluate(() => dispatchEvent(new Event('online')));
        expect((await restarted).status()).toBe(200);
        await seeFrames(viewer, '#video', 10);
        const seen = await picturesOf(viewer);
        expect(seen.states).toEqual(['live']);
        expect(await hasKeptConnection(page)).toBe(true);
        return longestGapMs(seen, fromMs);
      });
    });

    it('a lost WebSocket leaves media alone, and is back soon', async () => {
      await within('both WebSockets lost, gap', RESTART_GAP_MS, async () => {
        const fromMs = Date.now();
        for (const page of [publisher, viewer]) {
          const before = await page.evaluate(() => {
            const { sockets } = globalThis as unknown as { sockets: WebSocket[] };
            sockets.at(-1)?.close();
            return sockets.length;
          });
          await page.waitForFunction((before) => {
            const { sockets } = globalThis as unknown as { sockets: WebSocket[] };
            return sockets.length > before && sockets.at(-1)?.readyState === WebSocket.OPEN;
          }, before);
        }
        report('both WebSockets lost', { tookMs: Date.now() - fromMs });
        await seeFrames(viewer, '#video', 10);
        const seen = await picturesOf(viewer);
        expect(seen.states).toEqual(['live']);
        for (const page of [publisher, viewer]) expect(await hasKeptConnection(page)).toBe(true);
        return longestGapMs(seen, fromMs);
      });
    });

    it(
      'a server that was killed has both back, with the same sessions, within 3 s of its return',
      PATIENT,
      async () => {
        await watchPicture(viewer);
        const sessions = await Promise.all([publisher, viewer].map(sessionOf));
        await within('server killed and restarted, back after', BACK_WITHIN_MS, async () => {
          await server.end('SIGKILL');
          const killedAtMs = Date.now();
          const saidMs = inState(viewer, 'reconnecting').then(() => Date.now() - killedAtMs);
          // Until ICE has noticed, too.
          await Promise.all([inState(publisher, 'reconnecting'), viewer.waitForFunction(hasNoticed)]);
          report('server killed', { saidMs: await saidMs, noticedMs: Date.now() - killedAtMs });
          expect(await saidMs).toBeLessThanOrEqual(SAID_WITHIN_MS);
          await server.start();
          const tookMs = await backSince(Date.now(), publisher, viewer);
          expect(await Promise.all([publisher, viewer].map(sessionOf))).toEqual(sessions);
          return tookMs;
        });
        const { looks, darkLooks } = await picturesOf(viewer);
        expect(looks).toBeGreaterThan(50);
        expect(darkLooks).toBe(0);
      },
    );

    it(
      'a server that stops keeps the picture until it closes, and has both back within 3 s of its return',
      PATIENT,
      async () => {
        const sessions = await Promise.all([publisher, viewer].map(sessionOf));
        await within('server stopped and restarted, back after', BACK_WITHIN_MS, async () => {
          await watchPicture(viewer);
          const ended = server.end('SIGTERM');
          await eventually('not ready', () => server.isUnready());
          await seeFrames(viewer, '#video', 15);
          expect((await picturesOf(viewer)).states).toEqual(['live']);
          expect(await stateOf(publisher)).toBe('live');
          expect(await ended).toBe(0);
          await server.start();
          const tookMs = await backSince(Date.now(), publisher, viewer);
          expect(await Promise.all([publisher, viewer].map(sessionOf))).toEqual(sessions);
          return tookMs;
        });
        expect((await picturesOf(viewer)).darkLooks).toBe(0);
      },
    );

    it('closing a tab ends a viewer at once, and interrupts a publisher at once', async () => {
      const address = `${server.url}/whep/live/${await sessionOf(viewer)}`;
      const described = async () =>
        (await (await fetch(`${server.url}/api/broadcasts/live`)).json()) as { state: string; reason: string };
      expect((await fetch(address)).status).toBe(204);
      let fromMs = Date.now();
      await viewer.close({ runBeforeUnload: true });
      await eventually('the session is gone', async () => (await fetch(address)).status === 404, GOODBYE_WITHIN_MS);
      const viewerMs = Date.now() - fromMs;
      expect(await described()).toMatchObject({ state: 'live', viewers: 0 });
      fromMs = Date.now();
      await publisher.close({ runBeforeUnload: true });
      await eventually('interrupted', async () => (await described()).state === 'interrupted', GOODBYE_WITHIN_MS);
      // Silence would have another reason.
      expect(await described()).toMatchObject({ reason: 'left' });
      report('tabs closed', { viewerMs, publisherMs: Date.now() - fromMs });
    });
  });
});

/** For a page: whether ICE knows that nobody is there. */
function hasNoticed(): boolean {
  const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: RTCPeerConnection } }).fanlight;
  return peerConnection.connectionState !== 'connected';
}

/** For a page: keeps the WebSockets that it opens where a test finds them. */
function keepSockets(): void {
  const sockets: WebSocket[] = [];
  Object.assign(globalThis, { sockets });
  globalThis.WebSocket = class extends WebSocket {
    constructor(url: string | URL) {
      super(url);
      sockets.push(this);
    }
  };
}

/** An address before servers: connections that are there stay with their server when it leads to another one. */
class Address {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port: number;
  readonly #ownPort: number;

  private constructor(ownPort: number, port: number) {
    this.#ownPort = ownPort;
    this.#port = port;
    this.#server = createServer((incoming) => {
      const outgoing = dial(this.#port, 'localhost');
      for (const [one, other] of [
        [incoming, outgoing],
        [outgoing, incoming],
      ] as const) {
        this.#sockets.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
  }

  static async open(port: number): Promise<Address> {
    const address = new Address(await freePort(), port);
    address.#server.listen(address.#ownPort);
    await once(address.#server, 'listening');
    return address;
  }

  get url(): string {
    return `http://localhost:${this.#ownPort}`;
  }

  leadsTo(port: number): void {
    this.#port = port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
