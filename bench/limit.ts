// The machine's limit: runs limit.c on the server's core against sockets that count as those of the viewers do.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onCore, SERVER_CORE } from './machine.ts';
import { Load } from './processes.ts';

const run = promisify(execFile);

export interface Limit {
  readonly receivers: number;
  /** CPU per packet with one message each in `sendmmsg`, and with each frame and its sound as one segmented message (GSO). */
  readonly sendmmsgUs: number;
  readonly segmentedUs: number;
}

export interface LimitOptions {
  readonly receivers: number;
  /** limit.c, compiled. */
  readonly addon: string;
  /** count-filter.c, compiled. */
  readonly filterAddon: string;
}

/** @throws what went wrong */
export async function measureLimit({ receivers, addon, filterAddon }: LimitOptions): Promise<Limit> {
  const load = new Load();
  try {
    const ports = await load.ask({ type: 'sinks', count: receivers, filterAddon });
    const sendmmsgUs = await measure(addon, ports, false);
    const segmentedUs = await measure(addon, ports, true);
    return { receivers, sendmmsgUs, segmentedUs };
  } finally {
    await load.stop();
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
