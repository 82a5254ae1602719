// Lays the results out as text for a terminal. It must not know how they came about.

import type { Limit } from './limit.ts';
import {
  type BenchResults,
  cpuPercent,
  failures,
  goals,
  isSaturated,
  microsecondsPerPacket,
  millisecondsPerJoin,
  othersPercent,
  type SingleFigures,
  type SweepRow,
  viewersPerCore,
} from './results.ts';

const SWEEP_HEADINGS = [
  'engine',
  'viewers',
  'packets/s',
  'CPU %',
  'µs/packet',
  'viewers/core',
  'delay p50/p99 ms',
  'lost',
  'load %',
  'others %',
];

export function report(results: BenchResults): string {
  const { machine, limit, single, sweep, notes } = results;
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB, Linux ${machine.kernel}, Node ${machine.node}`,
    machine.pinned
      ? 'Server and load each on a core of their own.'
      : 'Server and load share the cores: figures of CPU are worth less.',
  ];
  if (sweep.length > 0) lines.push('', ...table([SWEEP_HEADINGS, ...sweep.map(sweepCells)]));
  lines.push('', ...limitLines(limit, sweep));
  if (single) lines.push('', ...singleLines(single));
  lines.push('', ...table([['goal', 'wanted', 'measured', ''], ...goals(results).map(goalCells)]));
  if (notes.length > 0) lines.push('', ...notes.map((note) => `Note: ${note}`));
  const failed = failures(results);
  lines.push(
    '',
    ...(failed.length > 0 ? failed.map((failure) => `FAILED ${failure}`) : ['Nothing was lost that should not be.']),
  );
  return `${lines.join('\n')}\n`;
}

function sweepCells(row: SweepRow): string[] {
  const share = row.expected > 0 ? ((row.lost * 100) / row.expected).toFixed(2) : '0';
  return [
    row.engine,
    String(row.viewers),
    (row.delivered / row.seconds).toFixed(0),
    cpuPercent(row).toFixed(1) + (isSaturated(row) ? '!' : ''),
    microsecondsPerPacket(row).toFixed(2),
    viewersPerCore(row).toFixed(0),
    `${row.delayP50Ms.toFixed(2)} / ${row.delayP99Ms.toFixed(2)}`,
    row.lost === 0 ? '0' : `${row.lost} (${share} %)`,
    (row.loadCpuMs / row.seconds / 10).toFixed(0),
    othersPercent(row)?.toFixed(0) ?? '–',
  ];
}

function limitLines(limit: Limit | string, sweep: readonly SweepRow[]): string[] {
  if (typeof limit === 'string') return [`The limit was not measured: ${limit}`];
  const lines = [
    `The limit (bare loop, ${limit.receivers} receivers): ${limit.sendmmsgUs.toFixed(2)} µs/packet with sendmmsg, ` +
      `${limit.segmentedUs.toFixed(2)} µs/packet with GSO.`,
  ];
  for (const engine of new Set(sweep.map((row) => row.engine))) {
    const most = sweep.filter((row) => row.engine === engine).at(-1);
    if (!most) continue;
    const factor = microsecondsPerPacket(most) / Math.min(limit.segmentedUs, limit.sendmmsgUs);
    lines.push(`  ${engine} at ${most.viewers} viewers needs ${factor.toFixed(1)} times that.`);
  }
  return lines;
}

function singleLines({
  engine,
  viewers,
  joins,
  bytesPerViewer,
  idle,
  empty,
  data,
  bytesPerDataViewer,
}: SingleFigures): string[] {
  const perSecond = (spent: typeof idle): number => (spent.serverCpuMs * 1_000) / spent.seconds;
  const lines = [
    `${viewers} viewers, ${engine}:`,
    `  joins     ${millisecondsPerJoin(joins).toFixed(2)} ms of server CPU each; ${(joins.joined / joins.seconds).toFixed(0)} a second were made`,
    `  memory    ${(bytesPerViewer / 1_000).toFixed(0)} kB each`,
    `  idle      ${(perSecond(idle) / viewers).toFixed(0)} µs per second each (a server without viewers: ${perSecond(empty).toFixed(0)} µs per second)`,
  ];
  if (typeof data === 'string') lines.push(`  data      not measured: ${data}`);
  else {
    const us = (data.serverCpuMs * 1_000) / data.delivered;
    lines.push(
      `  data      ${us.toFixed(1)} µs per message delivered, ${(1e6 / us).toFixed(0)} messages a second and core ` +
        `(${data.delivered} of ${data.expected} at ${data.viewers} viewers, CPU ${cpuPercent(data).toFixed(0)} %)`,
    );
    if (bytesPerDataViewer !== undefined)
      lines.push(`            ${(bytesPerDataViewer / 1_000).toFixed(0)} kB per viewer with an SCTP association`);
  }
  return lines;
}

function goalCells({ what, goal, measured, met }: ReturnType<typeof goals>[number]): string[] {
  return [what, goal, measured, met === undefined ? '' : met ? 'met' : 'not met'];
}

/** The first column to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
