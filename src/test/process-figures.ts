// For tests and benchmarks: what a server process holds, as the kernel and its own metrics tell. Linux only.
// It must not know what is too much.

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFigures {
  /** Open files: sockets, pipes, the store. */
  readonly descriptors: number;
  readonly threads: number;
  /** Resident memory. */
  readonly residentBytes: number;
  /** Timers, requests and handles of the main thread (nodejs_active_resources_total). */
  readonly activeResources: number;
  readonly broadcasts: number;
  readonly viewers: number;
  /** Keys and addresses at the fan-out engines of all workers: native memory, with the native one. */
  readonly fanoutMembers: number;
}

const KIB = 1024;

/** @param url of the server whose process it is */
export async function processFigures(pid: number, url: string): Promise<ProcessFigures> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const metric = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    residentBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * KIB,
    activeResources: metric('nodejs_active_resources_total'),
    broadcasts: metric('fanlight_broadcasts'),
    viewers: metric('fanlight_viewers'),
    fanoutMembers: [...metrics.matchAll(/^fanlight_fanout_members\{\S+ (\S+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    ),
  };
}
