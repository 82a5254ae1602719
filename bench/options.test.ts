import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.ts';

describe('the options', () => {
  it('compare the engines that the server has with werift', () => {
    expect(parseOptions([], true).engines).toEqual(['native', 'portable', 'werift']);
    expect(parseOptions([], false).engines).toEqual(['default', 'werift']);
  });

  it('sort the sizes, since viewers only come', () => {
    expect(parseOptions(['--viewers', '200,1,50'], true).viewers).toEqual([1, 50, 200]);
  });

  it('make everything shorter when quick', () => {
    const quick = parseOptions(['--quick'], true);
    const full = parseOptions([], true);
    expect(quick.measureMs).toBeLessThan(full.measureMs);
    expect(quick.viewers.length).toBeLessThan(full.viewers.length);
    expect(quick.singleViewers).toBeLessThan(full.singleViewers);
  });

  it.each([
    [['--viewers', '1,many'], '"many"'],
    [['--seconds', '0'], '"0"'],
    [['--engines', 'naive'], '"naive"'],
    [['--parts', 'all'], '"all"'],
    [['--fast'], '--fast'],
  ])('refuse %j', (args, complaint) => {
    expect(() => parseOptions(args, true)).toThrow(complaint);
  });
});
