// What the command line of the benchmark says. It must not know what is done with it.

import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** `default`: the server as it is, without FANLIGHT_FANOUT. */
export type Engine = 'native' | 'portable' | 'default' | 'werift';
export type Part = 'sweep' | 'single' | 'limit';

export interface BenchOptions {
  readonly engines: readonly Engine[];
  readonly parts: readonly Part[];
  /** Sizes of the sweep, rising. It ends before when something gives. */
  readonly viewers: readonly number[];
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Viewers for joins, memory and idle CPU. */
  readonly singleViewers: number;
  /** Viewers with an SCTP association for data messages. */
  readonly dataViewers: number;
  readonly jsonPath: string;
}

export const USAGE = `npm run bench [-- options]
  --quick              about two minutes instead of fifteen: fewer sizes, shorter stretches
  --engines a,b        native, portable, default (without FANLIGHT_FANOUT), werift
  --viewers 1,50,200   sizes of the sweep
  --seconds 10         how long each size is measured
  --parts a,b          sweep, single (joins, memory, idle, data), limit
  --json <path>        where the JSON goes (bench/results/latest.json)
`;

const ENGINES: readonly Engine[] = ['native', 'portable', 'default', 'werift'];
const PARTS: readonly Part[] = ['sweep', 'single', 'limit'];
const FULL = { viewers: [1, 50, 200, 500, 1_000, 2_000, 3_000, 4_000, 6_000], seconds: 10, single: 1_000, data: 1_000 };
const QUICK = { viewers: [1, 50, 200, 500], seconds: 4, single: 200, data: 200 };

/**
 * @param knowsEngines whether the server has the setting FANLIGHT_FANOUT
 * @throws with what is wrong in the arguments
 */
export function parseOptions(args: readonly string[], knowsEngines: boolean): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      engines: { type: 'string' },
      viewers: { type: 'string' },
      seconds: { type: 'string' },
      parts: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const size = values.quick ? QUICK : FULL;
  const seconds = positive(values.seconds ?? String(size.seconds));
  return {
    engines: listOf(values.engines, ENGINES, knowsEngines ? ['native', 'portable', 'werift'] : ['default', 'werift']),
    parts: listOf(values.parts, PARTS, PARTS),
    viewers:
      values.viewers
        ?.split(',')
        .map(positive)
        .sort((a, b) => a - b) ?? size.viewers,
    warmUpMs: values.quick ? 2_000 : 3_000,
    measureMs: seconds * 1_000,
    singleViewers: size.single,
    dataViewers: size.data,
    jsonPath: values.json ?? join(import.meta.dirname, 'results', 'latest.json'),
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`"${text}" is not a whole number above 0`);
  return value;
}

function listOf<Name extends string>(
  text: string | undefined,
  known: readonly Name[],
  preset: readonly Name[],
): readonly Name[] {
  return (
    text?.split(',').map((name) => {
      const found = known.find((candidate) => candidate === name);
      if (!found) throw new Error(`"${name}" is none of ${known.join(', ')}`);
      return found;
    }) ?? preset
  );
}
