// A thousand viewers and their publisher lose the server, and come back: the pages' real decisions, on a clock that
// stands still, with chance from a seed.

import { describe, expect, it } from 'vitest';
import { PageClock } from '../src/test/page-clock.ts';
import { ProblemError } from './problem.js';
import { Reconnector } from './reconnector.js';
import { Redial } from './redial.js';

const VIEWERS = 1_000;
/** A request to a server of this world and its answer. */
const ROUND_TRIP_MS = 20;
/** From the answer to a connection. */
const SETUP_MS = 150;
/** Until a browser notices that nothing answers its checks. */
const UNHEARD_MS = 5_000;

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Server {
  isUp = true;
  /** Of the media of those who connected before is gone. */
  life = 0;
  readonly offersAt: number[] = [];

  fail(): void {
    this.isUp = false;
    this.life += 1;
  }
}

/** What is around the two decision makers on a page: network, socket and connection. */
class Client {
  backAt: number | undefined;
  readonly #clock: PageClock;
  readonly #server: Server;
  readonly #redial: Redial;
  readonly #reconnector: Reconnector;
  #state: RTCPeerConnectionState = 'connected';

  constructor(clock: PageClock, server: Server, random: () => number, spreadMs: number) {
    this.#clock = clock;
    this.#server = server;
    this.#redial = new Redial(
      {
        probe: () =>
          this.#ask().then(
            () => true,
            () => false,
          ),
        dial: () => this.#dial(),
      },
      { clock, random },
    );
    this.#reconnector = new Reconnector(
      {
        open: () => this.#offer(),
        restartIce: () => this.#ask(),
        forget: () => {},
        connectionState: () => this.#state,
        isCarried: () => this.#state === 'connected',
        hasPulse: async () => true,
        wantsIceRestart: () => false,
      },
      { clock, random, spreadMs },
    );
  }

  start(): void {
    this.#reconnector.start();
  }

  /** Its socket ends at once, its connection is missed later. */
  loseServer(): void {
    this.backAt = undefined;
    const { life } = this.#server;
    this.#redial.lost();
    this.#clock.schedule(UNHEARD_MS, () => {
      if (this.backAt === undefined && life === this.#server.life) this.#become('disconnected');
    });
  }

  #become(state: RTCPeerConnectionState): void {
    this.#state = state;
    this.#reconnector.connectionStateChanged(state);
  }

  #ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#clock.schedule(ROUND_TRIP_MS, () => {
        if (this.#server.isUp) resolve();
        else reject(new ProblemError({ code: 'network', title: '', status: 0 }));
      });
    });
  }

  #dial(): void {
    this.#ask().then(
      () => {
        this.#redial.connected();
        this.#reconnector.serverAnswers();
        if (this.backAt === undefined) this.#reconnector.sessionChanged({ state: 'away', endReason: null });
      },
      () => this.#redial.lost(),
    );
  }

  async #offer(): Promise<void> {
    await this.#ask();
    this.#server.offersAt.push(this.#clock.now());
    this.#state = 'connecting';
    const { life } = this.#server;
    this.#clock.schedule(SETUP_MS, () => {
      if (life !== this.#server.life) return;
      this.backAt = this.#clock.now();
      this.#become('connected');
    });
  }
}

/** The largest share of offers within any 100 ms. */
function peakShare(times: readonly number[]): number {
  let peak = 0;
  for (const from of times) {
    peak = Math.max(peak, times.filter((time) => time >= from && time < from + 100).length);
  }
  return peak / times.length;
}

describe('a server that is gone and comes back', () => {
  // The last is graceful: everybody's socket ends, and the next server is there already.
  it.each([
    { goneMs: 10_000, seed: 1 },
    { goneMs: 2_000, seed: 2 },
    { goneMs: 60_000, seed: 3 },
    { goneMs: 100, seed: 4 },
  ])(
    'after $goneMs ms everybody is back within 3 s, the publisher first, and never many in one moment',
    async ({ goneMs, seed }) => {
      const clock = new PageClock();
      const server = new Server();
      const random = seeded(seed);
      const publisher = new Client(clock, server, random, 200);
      const viewers = Array.from({ length: VIEWERS }, () => new Client(clock, server, random, 1_000));
      for (const client of [publisher, ...viewers]) client.start();
      await clock.advance(20_000);

      server.fail();
      for (const client of [publisher, ...viewers]) client.loseServer();
      await clock.advance(goneMs);
      server.offersAt.length = 0;
      server.isUp = true;
      const upAt = clock.now();
      await clock.advance(30_000);

      const tookMs = viewers.map(({ backAt = Number.POSITIVE_INFINITY }) => backAt - upAt);
      expect(Math.max(...tookMs)).toBeLessThanOrEqual(3_000);
      expect((publisher.backAt ?? Number.POSITIVE_INFINITY) - upAt).toBeLessThanOrEqual(1_600);
      expect(server.offersAt).toHaveLength(VIEWERS + 1);
      expect(peakShare(server.offersAt)).toBeLessThanOrEqual(0.15);
    },
  );
});
