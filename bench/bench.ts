// `npm run bench`: what the server needs per packet, join, viewer and message, beside the machine's limit and the goals.
// Prints a table, writes JSON, exits with 1 when something was lost that should not be. docs/performance.md says how to read it.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Addons } from './addons.ts';
import { type Limit, measureLimit } from './limit.ts';
import { describeMachine, SERVER_CORE } from './machine.ts';
import { type BenchOptions, type Engine, parseOptions, USAGE } from './options.ts';
import { residentBytes } from './process-cpu.ts';
import { Load, ServerUnderTest } from './processes.ts';
import { report } from './report.ts';
import {
  type BenchResults,
  cpuPercent,
  failures,
  isSaturated,
  othersPercent,
  type SingleFigures,
  type SweepRow,
} from './results.ts';

/** One in so many viewers decrypts everything. */
const READ_ONE_IN = 50;
/** werift checks its viewers, and they have to answer: none can be deaf. Few, since it is slow. */
const WERIFT_VIEWERS = 20;
/** Joins leave garbage and compiled code behind; so long the process may settle before its memory is read. */
const SETTLE_MS = 3_000;
const DATA = { messagesPerSecond: 10, bytes: 200 };
/** Sockets and files of a process besides those of viewers. */
const OTHER_FILES = 100;
/** From here on the next size has nothing to tell. */
const FULL_CORE_PERCENT = 90;
/** What others may use of the server's core before the figures are worth less. */
const QUIET_PERCENT = 10;
const HOPELESS_DELAY_MS = 1_000;
const LIMIT_RECEIVERS = 1_000;

const knowsEngines = readFileSync('src/config.ts', 'utf8').includes('FANLIGHT_FANOUT');
const machine = describeMachine();
const notes: string[] = [];
/** Engines with which something broke that is no measurement. */
const broken: Engine[] = [];
const options = readOptions();
const progress = (text: string): void => void process.stderr.write(`${text}\n`);

const addons = await Addons.open();
const filterAddon = await addons.compile('count-filter').catch((error: unknown) => {
  notes.push(`the counting viewers' figures are estimates: ${messageOf(error)}`);
  return undefined;
});
const startedAt = new Date().toISOString();
const limit: Limit | string = options.parts.includes('limit') ? await limitOf() : 'left out';
const sweep: SweepRow[] = [];
if (options.parts.includes('sweep')) {
  for (const engine of options.engines) await sweepEngine(engine);
}
const single = options.parts.includes('single') ? await singleFigures() : undefined;
await addons.close();

const others = Math.max(0, ...sweep.map((row) => othersPercent(row) ?? 0));
if (others > QUIET_PERCENT) {
  notes.push(
    `others used up to ${others.toFixed(0)} % of the server's core: figures are preliminary, and delays are theirs`,
  );
}
const results: BenchResults = { startedAt, machine, options, sweep, single, limit, notes };
process.stdout.write(report(results));
mkdirSync(dirname(options.jsonPath), { recursive: true });
writeFileSync(options.jsonPath, `${JSON.stringify(results, undefined, 2)}\n`);
progress(`JSON: ${options.jsonPath}`);
process.exitCode = failures(results).length + broken.length > 0 ? 1 : 0;

function readOptions(): BenchOptions {
  try {
    return parseOptions(process.argv.slice(2), knowsEngines);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function limitOf(): Promise<Limit | string> {
  progress('limit: bare loop of encrypting and sending');
  if (filterAddon === undefined) return 'nothing can be compiled here';
  try {
    const receivers = Math.min(LIMIT_RECEIVERS, machine.openFiles - OTHER_FILES);
    return await measureLimit({ receivers, filterAddon, addon: await addons.compile('limit') });
  } catch (error) {
    return messageOf(error);
  }
}

function startServer(engine: Engine): Promise<ServerUnderTest> {
  if (engine === 'werift') return ServerUnderTest.start('bench/werift-sender.ts');
  return ServerUnderTest.start('src/main.ts', engine === 'default' ? {} : { FANLIGHT_FANOUT: engine });
}

/** A server and a load for `work`; what goes wrong is a note, and the benchmark goes on. */
async function withServer(engine: Engine, work: (server: ServerUnderTest, load: Load) => Promise<void>): Promise<void> {
  let server: ServerUnderTest | undefined;
  let load: Load | undefined;
  try {
    server = await startServer(engine);
    load = new Load();
    const source = engine === 'werift' ? 'server' : 'publisher';
    const serverCore = machine.pinned ? SERVER_CORE : undefined;
    const readOneIn = engine === 'werift' ? 1 : READ_ONE_IN;
    await load.ask({
      type: 'target',
      target: { url: server.url, serverPid: server.pid, serverCore, source, readOneIn, filterAddon },
    });
    await work(server, load);
  } catch (error) {
    notes.push(`${engine}: ${messageOf(error)}`);
    broken.push(engine);
  } finally {
    await load?.stop();
    await server?.stop();
  }
}

function sizesOf(engine: Engine): readonly number[] {
  if (engine === 'werift') return [WERIFT_VIEWERS];
  const possible = options.viewers.filter((viewers) => viewers + OTHER_FILES <= machine.openFiles);
  if (possible.length < options.viewers.length) {
    notes.push(`only ${machine.openFiles} files may be open (ulimit -n): sizes above were left out`);
  }
  return possible;
}

async function sweepEngine(engine: Engine): Promise<void> {
  await withServer(engine, async (server, load) => {
    await load.ask({ type: 'publish' });
    for (const viewers of sizesOf(engine)) {
      progress(`${engine}: ${viewers} viewers`);
      const joins = await load.ask({ type: 'join', viewers, withData: false });
      if (joins.retried > 0)
        notes.push(`${engine}: ${joins.retried} joins up to ${viewers} viewers were tried again (${joins.firstError})`);
      const sentBefore = await sentByServer(server, engine);
      const run = await load.ask({ type: 'run', warmUpMs: options.warmUpMs, measureMs: options.measureMs });
      const sentAfter = await sentByServer(server, engine);
      const sent = sentBefore === undefined || sentAfter === undefined ? undefined : sentAfter - sentBefore;
      const row: SweepRow = { ...run, engine, joins, sentByServer: sent };
      sweep.push(row);
      if (gave(row)) break;
    }
  });
}

/** What others take of the core ends the sweep only when the server is far behind. */
function gave(row: SweepRow): boolean {
  const isBehind = row.delayP99Ms > HOPELESS_DELAY_MS && isSaturated(row);
  return cpuPercent(row) >= FULL_CORE_PERCENT || isBehind || row.joins.failed > 0;
}

async function sentByServer(server: ServerUnderTest, engine: Engine): Promise<number | undefined> {
  return engine === 'werift' ? undefined : server.metric('fanlight_rtp_packets_sent_total');
}

/** Joins, memory and idle CPU with one server, data messages with another, so that neither has the other's memory. */
async function singleFigures(): Promise<SingleFigures | undefined> {
  const engine = options.engines.find((name) => name !== 'werift');
  if (!engine) return undefined;
  let figures: SingleFigures | undefined;
  const viewers = Math.min(options.singleViewers, machine.openFiles - OTHER_FILES);
  await withServer(engine, async (server, load) => {
    progress(`${engine}: joins, memory and idle CPU of ${viewers} viewers`);
    await sleep(SETTLE_MS);
    const empty = await load.ask({ type: 'idle', measureMs: options.measureMs });
    const before = residentBytes(server.pid);
    const joins = await load.ask({ type: 'join', viewers, withData: false });
    await sleep(SETTLE_MS);
    const bytesPerViewer = (residentBytes(server.pid) - before) / joins.joined;
    const idle = await load.ask({ type: 'idle', measureMs: options.measureMs });
    figures = {
      engine,
      viewers: joins.joined,
      joins,
      bytesPerViewer,
      idle,
      empty,
      data: 'it failed',
      bytesPerDataViewer: undefined,
    };
  });
  await withServer(engine, async (server, load) => {
    progress(`${engine}: data messages to ${options.dataViewers} viewers`);
    await sleep(SETTLE_MS);
    await load.ask({ type: 'publish' });
    const before = residentBytes(server.pid);
    const joins = await load.ask({ type: 'join', viewers: options.dataViewers, withData: true });
    await sleep(SETTLE_MS);
    const bytesPerDataViewer = (residentBytes(server.pid) - before) / joins.joined;
    const data = await load.ask({ type: 'data', ...DATA, measureMs: options.measureMs });
    if (figures) figures = { ...figures, data, bytesPerDataViewer };
  });
  return figures;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
