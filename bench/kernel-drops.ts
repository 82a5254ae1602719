// How many datagrams the kernel dropped at each UDP socket because nobody read them: the counting viewers' count.

import { readFileSync } from 'node:fs';

/** Local port → datagrams dropped since the socket was opened. IPv4 sockets only. */
export function kernelDrops(): Map<number, number> {
  return parseDrops(readFileSync('/proc/net/udp', 'utf8'));
}

/** Reads `/proc/net/udp`: after a heading one line per socket, local address in the second column, drops in the last. */
export function parseDrops(table: string): Map<number, number> {
  const drops = new Map<number, number>();
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const [, port] = columns[1]?.split(':') ?? [];
    if (port) drops.set(Number.parseInt(port, 16), Number(columns.at(-1)));
  }
  return drops;
}
