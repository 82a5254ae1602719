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

/** Milliseconds of one core since the machine started. */
export interface CoreTime {
  /** Everything but idling and waiting for disks; what a hypervisor took away as well. */
  readonly busyMs: number;
  /**
   * Of that, software interrupts. Kernels with IRQ_TIME_ACCOUNTING charge them to no process, and delivery on the loopback
   * happens there.
   */
  readonly softInterruptMs: number;
}

export function coreTime(core: number): CoreTime {
  return parseCoreTime(readFileSync('/proc/stat', 'utf8'), core);
}

/** Reads `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; the guests behind them are in user already. */
export function parseCoreTime(stat: string, core: number): CoreTime {
  const line = stat.split('\n').find((text) => text.startsWith(`cpu${core} `));
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    line
      ?.split(/\s+/)
      .slice(1)
      .map((ticks) => Number(ticks) * TICK_MS) ?? [];
  return { busyMs: user + nice + system + irq + softirq + steal, softInterruptMs: softirq };
}
