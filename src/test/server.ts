// A whole Fanlight for tests: real sockets on free ports, its own data folder, able to restart on the same ports.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fanlight, startFanlight } from '../app.ts';
import { parseConfig } from '../config.ts';
import { createLogger } from '../logger.ts';

export interface TestServer {
  readonly url: string;
  readonly wsUrl: string;
  readonly fanlight: Fanlight;
  /** Stops the server and starts it on the same ports and data. */
  restart(options?: { readonly downMs?: number }): Promise<void>;
  stop(): Promise<void>;
}

/** @param settings environment variables; free ports and one worker unless they say otherwise */
export async function startTestServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fanlight-test-'));
  const environment: Record<string, string> = {
    PORT: '0',
    HTTPS_PORT: '0',
    UDP_PORT: '0',
    MEDIA_WORKERS: '1',
    DATA_DIR: dataDir,
    LOG_LEVEL: process.env.TEST_LOG ?? 'silent',
    FANLIGHT_OFFERS_PER_MINUTE: '10000',
    FANLIGHT_FANOUT: process.env.FANLIGHT_FANOUT ?? 'auto',
    ...settings,
  };
  const start = (): Promise<Fanlight> => {
    const config = parseConfig(environment);
    return startFanlight(config, createLogger({ level: config.logLevel }));
  };
  let fanlight = await start();
  environment.PORT = String(fanlight.ports.http);
  // The media ports need not stay: a resumed transport learns the new one from its answer.
  return {
    url: `http://127.0.0.1:${fanlight.ports.http}`,
    wsUrl: `ws://127.0.0.1:${fanlight.ports.http}/ws`,
    get fanlight() {
      return fanlight;
    },
    async restart({ downMs = 0 } = {}) {
      await fanlight.close();
      await new Promise((resolve) => setTimeout(resolve, downMs));
      fanlight = await start();
    },
    async stop() {
      await fanlight.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Waits until `check` gives something, looking every few ms; fails after `withinMs`, naming what was awaited. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  withinMs = 10_000,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false && value !== null) return value;
    if (Date.now() > deadlineMs) throw new Error(`did not happen within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
