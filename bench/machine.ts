// The machine under the benchmark: what it is, which cores are for whom, how many sockets a process may open.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
  readonly openFiles: number;
  /** False: everything shares the cores as the kernel likes, and figures of CPU per packet are worth less. */
  readonly pinned: boolean;
}

/** The server has the first core to itself, the load the last one. */
export const SERVER_CORE = 0;
export const LOAD_CORE = Math.max(0, cpus().length - 1);

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    openFiles: openFilesLimit(),
    pinned: canPin(),
  };
}

/** Command and arguments that run Node with these arguments on this core; on any core where that cannot be chosen. */
export function onCore(core: number, nodeArguments: readonly string[]): readonly [string, string[]] {
  const args = ['--disable-warning=ExperimentalWarning', ...nodeArguments];
  return canPin() ? ['taskset', ['-c', String(core), process.execPath, ...args]] : [process.execPath, args];
}

let pinning: boolean | undefined;

function canPin(): boolean {
  if (cpus().length < 2) return false;
  if (pinning !== undefined) return pinning;
  try {
    execFileSync('taskset', ['-c', `${SERVER_CORE},${LOAD_CORE}`, 'true'], { stdio: 'ignore' });
    pinning = true;
  } catch {
    pinning = false;
  }
  return pinning;
}

/** Sockets and files that one process may have open (the soft limit, which Node raises to the hard one by itself). */
function openFilesLimit(): number {
  const [, , hard = 'unlimited'] =
    /^Max open files\s+(\S+)\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(hard);
}
