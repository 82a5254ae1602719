// What a benchmark found, what of it is a failure, and how it stands to the goals. It must not know how anything was measured.

import type { Limit } from './limit.ts';
import type { DataResult, JoinResult, RunResult, Spent } from './load-protocol.ts';
import type { Machine } from './machine.ts';
import type { BenchOptions, Engine } from './options.ts';

/** One size of the sweep. */
export interface SweepRow extends RunResult {
  readonly engine: Engine;
  readonly joins: JoinResult;
  /** RTP packets that the server says it sent during the whole run; undefined where it does not say. */
  readonly sentByServer: number | undefined;
}

export interface SingleFigures {
  readonly engine: Engine;
  readonly viewers: number;
  readonly joins: JoinResult;
  readonly bytesPerViewer: number;
  readonly idle: Spent;
  /** CPU of a server that has nobody, for comparison. */
  readonly empty: Spent;
  readonly data: DataResult | string;
  readonly bytesPerDataViewer: number | undefined;
}

export interface BenchResults {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly options: BenchOptions;
  readonly sweep: readonly SweepRow[];
  readonly single: SingleFigures | undefined;
  /** A text says why there is none. */
  readonly limit: Limit | string;
  readonly notes: readonly string[];
}

/** From here on the server is at its end, and what it loses is no defect. */
const SATURATED_CPU_PERCENT = 90;
/** Reports that the counting viewers may have got more or less than the reading ones. */
const INEXACT_PACKETS_PER_VIEWER = 8;
/** Goals for many viewers are judged by these sizes. */
const MANY_VIEWERS = 500;
const DELAY_GOAL_VIEWERS = 1_000;

export function cpuPercent({ serverCpuMs, seconds }: Spent): number {
  return serverCpuMs / seconds / 10;
}

/** Whether the server had no time left: its core was busy, be it with somebody else's work. */
export function isSaturated(row: Spent): boolean {
  return cpuPercent(row) + (othersPercent(row) ?? 0) >= SATURATED_CPU_PERCENT;
}

/** What of the server's core others used; figures are worth less the more it is. */
export function othersPercent({ coreBusyMs, serverCpuMs, seconds }: Spent): number | undefined {
  return coreBusyMs === undefined ? undefined : Math.max(0, coreBusyMs - serverCpuMs) / seconds / 10;
}

export function microsecondsPerPacket({ serverCpuMs, delivered }: RunResult): number {
  return (serverCpuMs * 1_000) / delivered;
}

/** How many viewers one core would carry if each packet cost what it costs in this row. */
export function viewersPerCore(row: RunResult): number {
  return 1e6 / (microsecondsPerPacket(row) * row.publishedPerSecond);
}

export function millisecondsPerJoin({ serverCpuMs, joined }: JoinResult): number {
  return serverCpuMs / joined;
}

/** What must not be: an empty list is a pass. */
export function failures({ sweep, single }: Pick<BenchResults, 'sweep' | 'single'>): string[] {
  const found: string[] = [];
  for (const row of sweep) {
    const name = `${row.engine}, ${row.viewers} viewers`;
    if (row.joins.failed > 0) found.push(`${name}: ${row.joins.failed} joins failed (${row.joins.firstError})`);
    if (row.duplicates > 0) found.push(`${name}: ${row.duplicates} packets came twice`);
    if (row.misnumbered > 0) found.push(`${name}: ${row.misnumbered} packets had a wrong sequence number`);
    const tolerated = row.exact ? 0 : INEXACT_PACKETS_PER_VIEWER * row.viewers;
    if (Math.abs(row.lost) > tolerated && !isSaturated(row)) {
      const what = row.lost > 0 ? `${row.lost} packets lost` : `${-row.lost} packets too many`;
      found.push(`${name}: ${what} of ${row.expected} while the server had time`);
    }
  }
  if (single && single.joins.failed > 0)
    found.push(`joins: ${single.joins.failed} failed (${single.joins.firstError})`);
  if (single && typeof single.data !== 'string') {
    const { data } = single;
    if (data.delivered < data.expected && !isSaturated(data)) {
      found.push(`data: ${data.expected - data.delivered} messages of ${data.expected} lost while the server had time`);
    }
  }
  return found;
}

export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean | undefined;
}

/** The figures that stand in the design, beside what was measured. */
export function goals({ sweep, single }: Pick<BenchResults, 'sweep' | 'single'>): Goal[] {
  const rows: Goal[] = [];
  for (const engine of new Set(sweep.map((row) => row.engine))) {
    if (engine === 'werift') continue;
    const most = sweep.filter((row) => row.engine === engine && row.viewers >= MANY_VIEWERS).at(-1);
    const limitUs = engine === 'native' ? 2.5 : 20;
    const us = most && microsecondsPerPacket(most);
    rows.push(atMost(`CPU per packet, ${engine}, ${most?.viewers ?? MANY_VIEWERS} viewers`, limitUs, us, 'µs'));
    rows.push(atLeast(`viewers per core, ${engine}`, 2_000, most && viewersPerCore(most), ''));
    const delay = sweep.find((row) => row.engine === engine && row.viewers === DELAY_GOAL_VIEWERS);
    rows.push(atMost(`delay added, p99, ${engine}, ${DELAY_GOAL_VIEWERS} viewers`, 5, delay?.delayP99Ms, 'ms'));
  }
  const perSecond = single && 1_000 / millisecondsPerJoin(single.joins);
  rows.push(atLeast('joins per second and core', 200, perSecond, ''));
  rows.push(atMost('memory per connected viewer', 120, single && single.bytesPerViewer / 1_000, 'kB'));
  const idleUs = single && (single.idle.serverCpuMs * 1_000) / single.idle.seconds / single.viewers;
  rows.push(atMost('CPU of an idle viewer per second', 50, idleUs, 'µs'));
  return rows;
}

function atMost(what: string, goal: number, measured: number | undefined, unit: string): Goal {
  const met = measured === undefined ? undefined : measured <= goal;
  return { what, goal: `≤ ${goal} ${unit}`, measured: withUnit(measured, unit), met };
}

function atLeast(what: string, goal: number, measured: number | undefined, unit: string): Goal {
  const met = measured === undefined ? undefined : measured >= goal;
  return { what, goal: `≥ ${goal} ${unit}`, measured: withUnit(measured, unit), met };
}

function withUnit(value: number | undefined, unit: string): string {
  if (value === undefined) return '–';
  return `${value < 100 ? value.toFixed(value < 10 ? 2 : 1) : value.toFixed(0)} ${unit}`;
}
