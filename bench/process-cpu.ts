// What the kernel says of a process and of a core: CPU time, memory. Linux only.

import { readFileSync } from 'node:fs';

/** USER_HZ: fixed at 100 for everything that user space sees, whatever the kernel's own rate. */
const TICK_MS = 10;

/** CPU milliseconds of all threads of a process since its start, user and kernel together (proc_pid_stat(5): utime, stime). */
export function processCpuMs(pid: number): number {
  return cpuMsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Reads `/proc/<pid>/stat`. The name of the process may hold blanks and parentheses, so fields are counted behind the last one. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Bytes of memory that a process has in RAM (VmRSS). */
export function residentBytes(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/**
 * Milliseconds that a core spent in software interrupts (`/proc/stat`). Kernels with IRQ_TIME_ACCOUNTING charge them to
 * no process, and delivery on the loopback happens there.
 */
export function softInterruptMs(core: number): number {
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`cpu${core} `));
  return Number(line?.split(/\s+/)[7] ?? 0) * TICK_MS;
}
