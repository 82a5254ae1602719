// If-Match against the current tag `abc`.

import { describe, expect, it } from 'vitest';
import { formatEntityTag, isMatch, parseIfMatch } from './entity-tag.ts';

describe('If-Match against "abc"', () => {
  it.each([
    ['"abc"', true],
    ['  "abc"  ', true],
    ['*', true],
    ['"*"', true],
    ['"x", "abc"', true],
    ['"x","abc","y"', true],
    ['"x, y", "abc"', true],
    ['"ABC"', false],
    ['"abcd"', false],
    ['W/"abc"', false],
    ['W/"abc", "abc"', true],
    ['abc', false],
    ['"abc', false],
    ['"a b c"', false],
    ['""', false],
  ])('%s matches: %s', (header, expected) => {
    expect(isMatch(parseIfMatch(header), 'abc')).toBe(expected);
  });

  it.each([undefined, '', '  '])('%j sets no condition', (header) => {
    expect(parseIfMatch(header)).toEqual({ type: 'none' });
  });

  it('is matched by the tag that we write', () => {
    expect(isMatch(parseIfMatch(formatEntityTag('u+/4')), 'u+/4')).toBe(true);
  });
});
