// The machine's limit: compiles limit.c where there is a compiler, and runs it on the server's core against sockets that nobody
// reads, as those of the counting viewers.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onCore, SERVER_CORE } from './machine.ts';
import { Load } from './processes.ts';

const run = promisify(execFile);
const COMPILERS = ['cc', 'gcc', 'clang'];

export interface Limit {
  readonly receivers: number;
  /** CPU per packet with one message each in `sendmmsg`, and with runs of equal packets as one segmented message (GSO). */
  readonly sendmmsgUs: number;
  readonly segmentedUs: number;
}

/** A text says why there is no figure. */
export async function measureLimit(receivers: number): Promise<Limit | string> {
  const directory = await mkdtemp(join(tmpdir(), 'fanlight-limit-'));
  const load = new Load();
  try {
    const addon = await compile(join(directory, 'limit.node'));
    const ports = await load.ask({ type: 'sinks', count: receivers });
    const sendmmsgUs = await measure(addon, ports, false);
    const segmentedUs = await measure(addon, ports, true);
    return { receivers, sendmmsgUs, segmentedUs };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await load.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(addon: string, ports: readonly number[], segmented: boolean): Promise<number> {
  const script = join(import.meta.dirname, 'limit-run.ts');
  const [command, args] = onCore(SERVER_CORE, [script, addon, ports.join(), String(segmented)]);
  const { stdout } = await run(command, args);
  const { packets, cpuUs, failed } = JSON.parse(stdout) as { packets: number; cpuUs: number; failed: number };
  if (failed > 0) throw new Error(`${failed} sends of the bare loop failed`);
  return cpuUs / packets;
}

/** Returns the path of the addon. @throws what is missing */
async function compile(output: string): Promise<string> {
  const include = headersDirectory();
  if (!include) throw new Error('no headers of Node-API');
  const source = join(import.meta.dirname, 'limit.c');
  const options = ['-std=c11', '-O2', '-fPIC', '-shared', `-I${include}`, '-o', output, source];
  for (const compiler of COMPILERS) {
    try {
      await run(compiler, options);
      return output;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error('no C compiler');
}

/** Of the package that has nothing else, or those that came with Node. */
function headersDirectory(): string | undefined {
  const besideNode = join(dirname(process.execPath), '..', 'include', 'node');
  return [packageHeaders(), besideNode, '/usr/include/node', '/usr/local/include/node'].find(
    (directory) => directory !== undefined && existsSync(join(directory, 'node_api.h')),
  );
}

function packageHeaders(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  } catch {
    return undefined;
  }
}
