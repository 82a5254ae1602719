// Feeds rubbish to everything that reads the network: `npm run fuzz -- [--seconds 60] [--seed 1] [--target rtp]`.
// Prints the seed and each failure as small as it gets; `--target rtp --input <base64>` repeats one. Exit code 1 on failure.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { inspect, parseArgs } from 'node:util';
import { type Failure, Fuzzer, replay } from './fuzzer.ts';
import type { FuzzTarget } from './target.ts';
import { TARGETS } from './targets/all.ts';

/** Targets take turns, so that each gets its share of the time whatever its inputs cost. */
const TURN_MS = 100;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    target: { type: 'string' },
    input: { type: 'string' },
  },
});
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
const names = TARGETS.map(({ name }) => name).join(', ');
if (chosen.length === 0) stop(2, `No target ${values.target}; there are ${names}.`);
const [only] = chosen;
if (values.input !== undefined && only) repeat(only, Buffer.from(values.input, 'base64'));
else await run(Number(values.seconds), Number(values.seed ?? Math.floor(Math.random() * 2 ** 32)));

function repeat(target: FuzzTarget, input: Uint8Array): never {
  const outcome = replay(target, input);
  if (outcome instanceof Error) stop(1, `${outcome.stack}`);
  stop(0, `${target.name}: ${outcome}`);
}

async function run(seconds: number, seed: number): Promise<never> {
  if (!(seconds > 0) || !Number.isInteger(seed)) stop(2, '--seconds and --seed are numbers.');
  process.stdout.write(`seed ${seed}, ${seconds} s for ${chosen.length} targets\n`);
  const fuzzers = chosen.map((target) => new Fuzzer(target, seed));
  const failed = new Map<Fuzzer, Failure>();
  let turnOf = '';
  // What a parser leaves behind and nobody awaits. Which input it was cannot be told, only whose.
  process.on('unhandledRejection', (error) => stop(1, `${turnOf} fails later, seed ${seed}: ${inspect(error)}`));
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs && failed.size < fuzzers.length) {
    for (const fuzzer of fuzzers) {
      const turnEndMs = Math.min(endMs, performance.now() + TURN_MS);
      while (!failed.has(fuzzer) && performance.now() < turnEndMs) {
        const failure = fuzzer.next();
        if (!failure) continue;
        failed.set(fuzzer, failure);
        report(failure, seed);
      }
      turnOf = fuzzer.target.name;
      await nextTurn();
    }
  }
  for (const { target, executions, outcomes, slowestMs } of fuzzers) {
    const figures = `${executions} inputs, ${outcomes} outcomes, slowest ${slowestMs.toFixed(1)} ms`;
    process.stdout.write(`${target.name.padEnd(14)} ${figures}\n`);
  }
  stop(failed.size > 0 ? 1 : 0, failed.size > 0 ? `${failed.size} targets failed` : 'nothing broke');
}

function report({ target, stack, input, minimal, execution }: Failure, seed: number): void {
  process.stdout.write(
    [
      `\n${target} fails with input ${execution} of seed ${seed}:`,
      stack,
      `found with ${input.length} bytes, ${minimal.length} are enough. Again:`,
      `npm run fuzz -- --target ${target} --input ${Buffer.from(minimal).toString('base64')}\n\n`,
    ].join('\n'),
  );
}

function stop(code: number, words: string): never {
  process.stdout.write(`${words}\n`);
  process.exit(code);
}
