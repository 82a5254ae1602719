// The process in which the bare loop runs: `node limit-run.ts <addon> <receivers' ports> <segmented>`. Prints one line of JSON.

import { createRequire } from 'node:module';
import { cycleBursts, gatheredBursts } from './pattern.ts';

interface LimitAddon {
  /** Packets, microseconds of CPU, failed sends. `bursts`: for each burst its number of packets, then their payload sizes. */
  measure(ports: Int32Array, bursts: Int32Array, cycles: number, segmented: boolean): Float64Array;
}

/** Two seconds of media each, as fast as it goes. */
const WARM_UP_CYCLES = 1;
const CYCLES = 5;

const [, , path = '', portList = '', segmented] = process.argv;
const addon = createRequire(import.meta.url)(path) as LimitAddon;
const ports = Int32Array.from(portList.split(','), Number);
const together = segmented === 'true' ? gatheredBursts() : cycleBursts();
const bursts = Int32Array.from(together.flatMap((sizes) => [sizes.length, ...sizes]));
addon.measure(ports, bursts, WARM_UP_CYCLES, segmented === 'true');
const [packets = 0, cpuUs = 0, failed = 0] = addon.measure(ports, bursts, CYCLES, segmented === 'true');
process.stdout.write(`${JSON.stringify({ packets, cpuUs, failed })}\n`);
