// The server as `npm start` runs it, in a process of its own: it can be frozen, killed and started again.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export class ServerProcess {
  readonly port: number;
  readonly #environment: Record<string, string>;
  readonly #dataDir: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, dataDir: string, settings: Record<string, string>) {
    this.port = port;
    this.#dataDir = dataDir;
    this.#environment = {
      PATH: process.env.PATH ?? '',
      PORT: String(port),
      HTTPS_PORT: '0',
      UDP_PORT: '0',
      MEDIA_WORKERS: '1',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'info',
      FANLIGHT_FANOUT: process.env.FANLIGHT_FANOUT ?? 'auto',
      ...settings,
    };
  }

  static async start(settings: Record<string, string> = {}): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(), await mkdtemp(join(tmpdir(), 'fanlight-process-')), settings);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** Of the process that runs now. */
  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error('the server does not run');
    return this.#process.pid;
  }

  /** It runs, and says that it takes no sessions. It may end the connection of this question when it begins to say so. */
  isUnready(): Promise<boolean> {
    return fetch(`${this.url}/readyz`).then(
      ({ status }) => status === 503,
      () => false,
    );
  }

  /** At once, and without waiting: for when this process ends. */
  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/main.ts'], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    let isListening = false;
    for await (const line of createInterface({ input: child.stdout })) {
      isListening = line.includes('"msg":"listening"');
      if (isListening) break;
    }
    // The rest of its log must not fill the pipe.
    child.stdout.resume();
    if (isListening) return;
    // Its output may end before its exit is known.
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    throw new Error(`the server ended with ${child.exitCode ?? child.signalCode} before it listened`);
  }

  /** To its clients this is a network that swallows everything. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Sends a signal and resolves with the exit code when the process is gone; null when the signal ended it. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }

  async stop(): Promise<void> {
    await this.end('SIGKILL');
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}

/**
 * Below those that Linux gives to whoever asks for any (32768 to 60999): of these another process may get one between our look
 * and the server's. Each process and thread of tests has a few of its own.
 */
const FIRST_PORT = 20_000;
const OWN_PORTS = 100;
const SHARES = 120;
const share = (process.pid + 7 * Number(process.env.VITEST_POOL_ID ?? 0)) % SHARES;
let portsGiven = 0;

/** A TCP port that nobody has now. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < OWN_PORTS; tries++) {
    const port = FIRST_PORT + share * OWN_PORTS + (portsGiven++ % OWN_PORTS);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, () => probe.close(() => resolve(true)));
  });
}
