// Viewers join and leave by the thousand, in each of the ways in which viewers leave, and the server must end as it began:
// sockets, timers, threads, places and memory. `npm run soak [-- --joins 10000]`. Prints the curve; exit code 1 on growth.

import { parseArgs } from 'node:util';
import { createDtlsCertificate } from '../src/media/transport/certificate.ts';
import { joinAndLeave } from '../src/test/joins.ts';
import { type ProcessFigures, processFigures } from '../src/test/process-figures.ts';
import { ServerProcess } from '../src/test/server-process.ts';
import type { Leave } from '../src/test/small-viewer.ts';

/** Most stop or close the page; some lose their network, and the server has to notice by itself. */
const LEAVES: readonly Leave[] = [...Array<Leave>(6).fill('delete'), ...Array<Leave>(3).fill('close'), 'vanish'];
const AT_ONCE = 8;
/** Points of the curve. */
const SAMPLES = 30;
/** Code is compiled and pools are filled by then: from here on nothing may grow. */
const WARM_UP_SHARE = 1 / 3;
/** Transports that fell silent are given up after 30 s, and sessions then have no grace here. */
const SETTLE_MS = 45_000;
/** HTTP connections that clients keep open (one for each join under way, and some), and a garbage collector's mood. */
const FREE_DESCRIPTORS = 8;
const FREE_RESOURCES = 8;
const FREE_GROWTH = 0.1;
/** On a busy machine a join may not be heard in time. */
const MAX_FAILED_SHARE = 0.001;
const MIB = 1024 * 1024;

const { values } = parseArgs({ options: { joins: { type: 'string', default: '10000' } } });
const joins = Number(values.joins);
const server = await ServerProcess.start({
  // Garbage is collected early, so that what the process holds is what it needs.
  NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=4',
  VIEWER_GRACE: '0',
  FANLIGHT_OFFERS_PER_MINUTE: '1000000',
  FANLIGHT_MAX_PENDING_TRANSPORTS: '1000',
});
process.on('exit', () => server.kill());
const certificate = await createDtlsCertificate();
const endpoint = `${server.url}/whep/soak`;
const curve: ProcessFigures[] = [];
const failures = new Map<string, number>();

await come(AT_ONCE * 4);
const before = await settled();
print('before', before);
const beganMs = performance.now();
for (let sample = 1; sample <= SAMPLES; sample++) {
  await come(Math.round((joins * sample) / SAMPLES) - Math.round((joins * (sample - 1)) / SAMPLES));
  const figures = await processFigures(server.pid, server.url);
  curve.push(figures);
  print(String(Math.round((joins * sample) / SAMPLES)), figures);
}
const seconds = (performance.now() - beganMs) / 1000;
const after = await settled();
print('after', after);
await server.stop();

const growth = grown();
process.stdout.write(
  `${joins} joins in ${seconds.toFixed(0)} s, ${(joins / seconds).toFixed(1)} a second, both sides\n`,
);
for (const [reason, count] of failures) process.stdout.write(`${count} joins failed: ${reason}\n`);
for (const each of growth) process.stdout.write(`grown: ${each}\n`);
process.stdout.write(`${JSON.stringify({ before, after, curve })}\n`);
const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
process.exit(growth.length > 0 || failed > joins * MAX_FAILED_SHARE ? 1 : 0);

async function come(number: number): Promise<void> {
  const leaves = (join: number): Leave => LEAVES[join % LEAVES.length] ?? 'delete';
  for (const reason of await joinAndLeave({ endpoint, certificate, joins: number, atOnce: AT_ONCE, leaves })) {
    failures.set(reason, (failures.get(reason) ?? 0) + 1);
  }
}

/** The figures once nobody is left, or when that takes too long. */
async function settled(): Promise<ProcessFigures> {
  const endMs = performance.now() + SETTLE_MS;
  for (;;) {
    const figures = await processFigures(server.pid, server.url);
    if ((figures.viewers === 0 && figures.broadcasts === 0 && figures.fanoutMembers === 0) || performance.now() > endMs)
      return figures;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function grown(): string[] {
  const found: string[] = [];
  if (after.viewers !== 0 || after.broadcasts !== 0) found.push(`${after.viewers} viewers are still there`);
  if (after.fanoutMembers !== 0) found.push(`${after.fanoutMembers} members of fan-out engines are still there`);
  if (after.descriptors > before.descriptors + FREE_DESCRIPTORS) {
    found.push(`descriptors, ${before.descriptors} to ${after.descriptors}`);
  }
  if (after.threads !== before.threads) found.push(`threads, ${before.threads} to ${after.threads}`);
  if (after.activeResources > before.activeResources + FREE_RESOURCES) {
    found.push(`active resources, ${before.activeResources} to ${after.activeResources}`);
  }
  // Memory rises until the collector has found its pace: the last third is compared with the one before.
  const warm = curve.slice(Math.round(SAMPLES * WARM_UP_SHARE)).map(({ residentBytes }) => residentBytes);
  const middle = median(warm.slice(0, warm.length / 2));
  const last = median(warm.slice(warm.length / 2));
  if (last > middle * (1 + FREE_GROWTH)) found.push(`memory, ${mebibytes(middle)} to ${mebibytes(last)}`);
  return found;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function print(name: string, figures: ProcessFigures): void {
  const { descriptors, threads, activeResources, viewers, fanoutMembers, residentBytes } = figures;
  const counts = `${descriptors} descriptors, ${threads} threads, ${activeResources} active, ${viewers} viewers, ${fanoutMembers} members`;
  process.stdout.write(`${name.padStart(7)}  ${mebibytes(residentBytes).padStart(10)}  ${counts}\n`);
}
