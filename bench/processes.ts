// The processes of the benchmark as objects: a server under test, and the load. Both end with their owner.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../src/test/server-process.ts';
import type { LoadCommand, LoadReply, LoadResults } from './load-protocol.ts';
import { LOAD_CORE, onCore, SERVER_CORE } from './machine.ts';

const START_TIMEOUT_MS = 20_000;
/** Out of the way: no limit of the server's is to be measured here. */
const GENEROUS = {
  FANLIGHT_MAX_VIEWERS: '100000',
  FANLIGHT_OFFERS_PER_MINUTE: '1000000',
  FANLIGHT_MAX_PENDING_TRANSPORTS: '10000',
};

export class ServerUnderTest {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #dataDir: string;
  #errors = '';

  private constructor(process: ChildProcess, port: number, dataDir: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.#process = process;
    this.#dataDir = dataDir;
    process.stdout?.resume();
    process.stderr?.on('data', (text: Buffer) => {
      this.#errors = (this.#errors + text.toString()).slice(-2_000);
    });
  }

  /**
   * Resolves when it is ready. @throws with what it said when it ended before
   * @param entry file that reads PORT and answers `GET /readyz`
   */
  static async start(entry: string, settings: Readonly<Record<string, string>> = {}): Promise<ServerUnderTest> {
    const port = await freePort();
    const dataDir = await mkdtemp(join(tmpdir(), 'fanlight-bench-'));
    const [command, args] = onCore(SERVER_CORE, [entry]);
    const child = spawn(command, args, {
      env: {
        PATH: process.env.PATH ?? '',
        PORT: String(port),
        HTTPS_PORT: '0',
        UDP_PORT: '0',
        ANNOUNCED_ADDRESSES: '127.0.0.1',
        MEDIA_WORKERS: '1',
        DATA_DIR: dataDir,
        LOG_LEVEL: 'warn',
        ...GENEROUS,
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const server = new ServerUnderTest(child, port, dataDir);
    await server.#ready();
    return server;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** A counter or gauge of `GET /metrics`, its labels summed. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async stop(): Promise<void> {
    await kill(this.#process);
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const deadlineMs = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadlineMs && this.#process.exitCode === null) {
      const response = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (response?.ok) return;
      await sleep(50);
    }
    await this.stop();
    throw new Error(`the server did not start: ${this.#errors.trim() || `exit code ${this.#process.exitCode}`}`);
  }
}

export class Load {
  readonly #process: ChildProcess;
  readonly #ended: Promise<[LoadReply]>;

  constructor() {
    const [command, args] = onCore(LOAD_CORE, [join(import.meta.dirname, 'load.ts')]);
    this.#process = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#ended = once(this.#process, 'exit').then(() => [{ error: 'the load ended' }]);
  }

  /** One command at a time. @throws what went wrong over there */
  async ask<Type extends LoadCommand['type']>(
    command: Extract<LoadCommand, { type: Type }>,
  ): Promise<LoadResults[Type]> {
    const reply = Promise.race([once(this.#process, 'message'), this.#ended]) as Promise<[LoadReply]>;
    this.#process.send(command);
    const [answer] = await reply;
    if ('error' in answer) throw new Error(answer.error);
    return answer.result as LoadResults[Type];
  }

  async stop(): Promise<void> {
    await kill(this.#process);
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
