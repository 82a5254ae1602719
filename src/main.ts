// The process: reads .env and the environment, starts the server, stops it on a signal, chooses the exit code.

import dotenv from 'dotenv';
import { type Fanlight, startFanlight } from './app.ts';
import { ConfigError, parseConfig } from './config.ts';
import { ListenError } from './http/server.ts';
import { createLogger } from './logger.ts';
import { EngineError } from './media/pool/engine-error.ts';
import { UdpBindError } from './media/pool/udp-bind-error.ts';

/** sysexits(3): wrong settings. A supervisor must not start it again and again. */
const EXIT_CONFIG = 78;
/** A client's connection may keep a stop waiting for so long, once nobody is waited for any more. */
const CLOSE_DEADLINE_MS = 8_000;

function fail(error: unknown): never {
  const forOperators = [ConfigError, ListenError, UdpBindError, EngineError].some((known) => error instanceof known);
  const text = error instanceof Error ? (forOperators ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`fanlight: ${text}\n`);
  process.exit(error instanceof ConfigError || error instanceof EngineError ? EXIT_CONFIG : 1);
}

dotenv.config({ quiet: true });

async function run(): Promise<void> {
  const config = parseConfig(process.env);
  const logger = createLogger({ level: config.logLevel });
  const server: Fanlight = await startFanlight(config, logger);
  if (process.stdout.isTTY) {
    process.stdout.write(`\n  Share:  http://localhost:${server.ports.http}/publish\n`);
    process.stdout.write(`  Watch:  http://localhost:${server.ports.http}/join\n\n`);
  }

  let stopping = false;
  const stop = (signal: string): void => {
    // A second signal means now.
    if (stopping) process.exit(1);
    stopping = true;
    logger.info({ signal }, 'stopping');
    const deadline = setTimeout(() => process.exit(1), config.stopGraceMs + CLOSE_DEADLINE_MS);
    const drained = server.drain(config.stopGraceMs);
    drained.then(server.close).then(
      () => {
        clearTimeout(deadline);
        process.exit(0);
      },
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // Nothing of ours leaves a promise alone; what a library leaves must not end everybody's broadcast.
  process.on('unhandledRejection', (err) => logger.error({ err }, 'unhandled rejection'));
}

run().catch(fail);
