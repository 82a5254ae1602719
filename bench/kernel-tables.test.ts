// The readers of the kernel's tables: process-cpu.ts and kernel-drops.ts.

import { describe, expect, it } from 'vitest';
import { parseDrops } from './kernel-drops.ts';
import { cpuMsOf, parseCoreTime } from './process-cpu.ts';

describe("a process's CPU time", () => {
  it.each(['node', 'node (worker) 7', ') 99 99'])('is found behind the name "%s"', (name) => {
    const stat = `4711 (${name}) S 1 4711 4711 0 -1 4194560 3155 0 12 0 250 31 0 0 20 0 11 0 35731 1 2`;
    expect(cpuMsOf(stat)).toBe(2_810);
  });
});

describe('the drops of UDP sockets', () => {
  it('are found by local port', () => {
    const table = [
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            ',
      '   14: 0100007F:DFE8 00000000:0000 07 00000000:00000900 00:00000000 00000000     0        0 25637 2 000000009d02601f 12345      ',
      '  144: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 25769 2 00000000774b7e9b 0         ',
      '',
    ].join('\n');
    expect([...parseDrops(table)]).toEqual([
      [0xdfe8, 12_345],
      [53, 0],
    ]);
  });
});

describe('the time of a core', () => {
  it('is what it did not idle, of this core and not of all', () => {
    const stat = 'cpu  999 9 999 999 9 9 99 99 0 0\ncpu0 30 1 20 400 7 2 3 4 0 0\ncpu1 5 0 5 500 0 0 0 0 0 0\nintr 1\n';
    expect(parseCoreTime(stat, 0)).toEqual({ busyMs: 600, softInterruptMs: 30 });
    expect(parseCoreTime(stat, 1)).toEqual({ busyMs: 100, softInterruptMs: 0 });
  });
});
