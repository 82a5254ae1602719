// How tests hold figures against limits.

import { expect, it } from 'vitest';
import { within } from './figures.ts';

const TABLE: readonly [name: string, figures: readonly number[], passes: boolean, attempts: number][] = [
  ['at once', [300], true, 1],
  ['after a pause of the machine', [301, 80], true, 2],
  ['at the last attempt', [900, 500, 300], true, 3],
  ['never', [301, 301, 301, 1], false, 3],
  ['never, for what is no figure', [Number.NaN, Number.NaN, Number.NaN], false, 3],
];

it.each(TABLE)('a figure is within its limit %s', async (_name, figures, passes, attempts) => {
  let measured = 0;
  const held = within('a gap', 300, async () => figures[measured++] ?? 0);
  if (passes) await held;
  else await expect(held).rejects.toThrow(/^a gap: .* each time over 300 ms$/);
  expect(measured).toBe(attempts);
});

it('what must always hold fails at once', async () => {
  let measured = 0;
  const measure = async (): Promise<number> => {
    measured++;
    throw new Error('the connection is another one');
  };
  await expect(within('a gap', 300, measure)).rejects.toThrow('the connection is another one');
  expect(measured).toBe(1);
});
