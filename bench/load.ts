// The load's process: publisher and viewers against one server, told what to do over IPC. It measures what both processes
// spend and what arrives; it must not know tables or goals.

import type { Socket } from 'node:dgram';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDtlsCertificate } from '../src/media/transport/certificate.ts';
import type { MediaKind } from '../src/rtp/codec.ts';
import { percentile } from './arrivals.ts';
import { loadCountFilter, openCountingSockets } from './counting-socket.ts';
import { Fleet, type JoinCounts } from './fleet.ts';
import type { DataResult, JoinResult, LoadCommand, LoadReply, LoadTarget, RunResult, Spent } from './load-protocol.ts';
import { coreTime, processCpuMs } from './process-cpu.ts';
import { Publisher } from './publisher.ts';

const BROADCAST = 'bench';
/** Nothing more came for so long: what is missing now is lost, and not late. Repeated packets are asked for sooner. */
const SETTLE_MS = 1_000;
const MAX_SETTLE_MS = 20_000;
/** More than SCTP's first retransmission timeout, 1 s. */
const MORE_DATA_WITHIN_MS = 1_500;
const PUBLISHER_CHECK_EVERY_MS = 2_500;

const certificate = createDtlsCertificate();
const sinks: Socket[] = [];
let fleet = new Fleet(undefined);
let target: LoadTarget | undefined;
let publisher: Publisher | undefined;

// Never asleep: waking a process on another core costs the sender, which is the server, tens of microseconds for each
// packet of a reading viewer; on a network the server would not know. With one core it would take the server's time.
if (cpus().length > 1) keepAwake();

process.on('message', (command: LoadCommand) => {
  carryOut(command).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit());

function reply(message: LoadReply): void {
  process.send?.(message);
}

async function carryOut(command: LoadCommand): Promise<unknown> {
  switch (command.type) {
    case 'target':
      target = command.target;
      fleet = new Fleet(target.filterAddon === undefined ? undefined : loadCountFilter(target.filterAddon));
      return undefined;
    case 'join':
      return join(command.viewers, command.withData);
    case 'publish':
      return publish();
    case 'run':
      return run(command.warmUpMs, command.measureMs);
    case 'idle':
      return spent(() => sleep(command.measureMs));
    case 'data':
      return data(command);
    case 'sinks':
      sinks.push(...(await openCountingSockets(command.count, loadCountFilter(command.filterAddon))));
      return sinks.map((socket) => socket.address().port);
  }
}

function aim(): LoadTarget {
  if (!target) throw new Error('no target yet');
  return target;
}

/** What both processes spend while `work` lasts. */
async function spent(work: () => Promise<unknown>): Promise<Spent> {
  const { serverPid, serverCore } = aim();
  const coreBefore = serverCore === undefined ? undefined : coreTime(serverCore);
  const startedAtMs = performance.now();
  const serverBeforeMs = processCpuMs(serverPid);
  const loadBefore = process.cpuUsage();
  await work();
  const load = process.cpuUsage(loadBefore);
  const core = serverCore === undefined ? undefined : coreTime(serverCore);
  return {
    seconds: (performance.now() - startedAtMs) / 1_000,
    serverCpuMs: processCpuMs(serverPid) - serverBeforeMs,
    loadCpuMs: (load.user + load.system) / 1_000,
    coreBusyMs: core && coreBefore && core.busyMs - coreBefore.busyMs,
    coreSoftInterruptMs: core && coreBefore && core.softInterruptMs - coreBefore.softInterruptMs,
  };
}

async function join(viewers: number, withData: boolean): Promise<JoinResult> {
  const { url, readOneIn } = aim();
  const own = await certificate;
  let counts: JoinCounts = { joined: 0, retried: 0, failed: 0, firstError: undefined };
  const cost = await spent(async () => {
    counts = await fleet.join(`${url}/whep/${BROADCAST}`, viewers, { certificate: own, readOneIn, withData });
  });
  await fleet.fillBuffers();
  return { ...cost, ...counts };
}

function keepAwake(): void {
  setImmediate(keepAwake);
}

async function publish(): Promise<void> {
  if (aim().source === 'server') return;
  publisher = await Publisher.connect(`${aim().url}/whip/${BROADCAST}`, await certificate);
  setInterval(() => publisher?.sendCheck(), PUBLISHER_CHECK_EVERY_MS).unref();
}

async function startMedia(): Promise<void> {
  if (aim().source === 'server') await fetch(`${aim().url}/start`, { method: 'POST' });
  else publisher?.start();
}

async function stopMedia(): Promise<void> {
  if (aim().source === 'server') await fetch(`${aim().url}/stop`, { method: 'POST' });
  else publisher?.stop();
}

/** Packet numbers that come next, while nothing is sent. */
async function nextNumbers(): Promise<Record<MediaKind, number>> {
  if (aim().source === 'publisher') return publisher?.nextNumbers ?? { video: 0, audio: 0 };
  const response = await fetch(`${aim().url}/numbers`);
  return (await response.json()) as Record<MediaKind, number>;
}

/** A server that is behind goes on sending after the publisher has stopped. */
async function settle(): Promise<void> {
  const deadlineMs = performance.now() + MAX_SETTLE_MS;
  let before = { counted: -1, read: -1 };
  while (performance.now() < deadlineMs) {
    await sleep(SETTLE_MS);
    const now = fleet.tally();
    if (now.read === before.read && (now.counted === before.counted || !isExact())) return;
    before = now;
  }
}

/** Else the counted datagrams go on rising, with each answer to a check and each report. */
function isExact(): boolean {
  return aim().filterAddon !== undefined;
}

/** One stretch of media. Losses are counted over all of it, from the first packet to the last; costs only after the warm-up. */
async function run(warmUpMs: number, measureMs: number): Promise<RunResult> {
  const first = await nextNumbers();
  const repeatedBefore = publisher?.repeated ?? 0;
  for (const { arrivals } of fleet.readers) arrivals.restart(first);
  const before = fleet.tally();
  const startedAtMs = performance.now();
  await startMedia();
  await sleep(warmUpMs);
  for (const { arrivals } of fleet.readers) arrivals.takeDelaysMs();
  const windowBegin = fleet.tally();
  const cost = await spent(() => sleep(measureMs));
  const windowEnd = fleet.tally();
  const delaysMs = fleet.readers.flatMap(({ arrivals }) => arrivals.takeDelaysMs());
  await stopMedia();
  const mediaSeconds = (performance.now() - startedAtMs) / 1_000;
  await settle();
  const after = fleet.tally();
  const end = await nextNumbers();

  const published = end.video - first.video + (end.audio - first.audio);
  const readers = fleet.readers.map(({ arrivals }) => arrivals.counts(end));
  const sum = (name: 'lost' | 'duplicates' | 'reordered' | 'misnumbered'): number =>
    readers.reduce((total, counts) => total + counts[name], 0);
  const expectedOfCounters = published * (fleet.size - readers.length);
  const lostOfReaders = sum('lost');
  return {
    ...cost,
    viewers: fleet.size,
    readers: readers.length,
    delivered: windowEnd.counted - windowBegin.counted + windowEnd.read - windowBegin.read,
    publishedPerSecond: published / mediaSeconds,
    lost: lostOfReaders + expectedOfCounters - (after.counted - before.counted),
    lostOfReaders,
    exact: isExact() || readers.length === fleet.size,
    expected: published * fleet.size,
    duplicates: sum('duplicates'),
    reordered: sum('reordered'),
    misnumbered: sum('misnumbered'),
    repeatedByPublisher: (publisher?.repeated ?? 0) - repeatedBefore,
    delayP50Ms: percentile(delaysMs, 0.5),
    delayP99Ms: percentile(delaysMs, 0.99),
  };
}

/** Until so many messages are there, or no more come. */
async function untilAllRead(messages: number): Promise<void> {
  for (let seen = -1; fleet.dataMessages < messages && fleet.dataMessages !== seen; ) {
    seen = fleet.dataMessages;
    await sleep(MORE_DATA_WITHIN_MS);
  }
}

/** Messages from a program to everybody, evenly spread. */
async function data(command: Extract<LoadCommand, { type: 'data' }>): Promise<DataResult> {
  const { messagesPerSecond, bytes, measureMs } = command;
  const endpoint = `${aim().url}/api/broadcasts/${BROADCAST}/data?label=bench`;
  const body = Buffer.alloc(bytes, 'x');
  let messagesSent = 0;
  const sendOne = async (): Promise<void> => {
    const response = await fetch(endpoint, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body });
    if (response.status !== 202) throw new Error(`data: ${response.status} ${await response.text()}`);
    messagesSent++;
  };
  // The first one opens the channel at everybody, which is not what is measured.
  await sendOne();
  await sleep(SETTLE_MS * 3);
  messagesSent = 0;
  const before = fleet.dataMessages;
  const count = Math.round((messagesPerSecond * measureMs) / 1_000);
  const cost = await spent(async () => {
    const startedAtMs = performance.now();
    for (let message = 0; message < count; message++) {
      await sleep(Math.max(0, startedAtMs + (message * 1_000) / messagesPerSecond - performance.now()));
      await sendOne();
    }
    await untilAllRead(before + messagesSent * fleet.size);
  });
  return {
    ...cost,
    viewers: fleet.size,
    messagesSent,
    delivered: fleet.dataMessages - before,
    expected: messagesSent * fleet.size,
  };
}
