// What templates preload against what their entry modules import.

import { describe, expect, it } from 'vitest';
import { find, read } from '../src/test/sources.ts';

/** The module, and all that it imports, directly or not. */
function graph(entry: string, known = new Set<string>()): Set<string> {
  if (known.has(entry)) return known;
  known.add(entry);
  for (const [, file] of read(`static/${entry}`).matchAll(/^(?:import|\}) .*?['"]\.\/([\w-]+\.js)['"];$/gm))
    graph(file ?? '', known);
  return known;
}

const named = (html: string, pattern: RegExp) => [...html.matchAll(pattern)].map(([, file]) => file ?? '');

const pages = find('templates/*.html').map((template) => {
  const html = read(template);
  const preloaded = named(html, /<link rel="modulepreload" href="\/static\/([\w-]+\.js)">/g);
  const entries = named(html, /<script type="module" src="\/static\/([\w-]+\.js)">/g);
  return { template, preloaded, entries };
});

describe('the preload list of a page', () => {
  it.each(pages.filter(({ preloaded }) => preloaded.length > 0))(
    '$template names every module of the page once, and no other',
    ({ preloaded, entries }) => {
      const needed = new Set(entries.flatMap((entry) => [...graph(entry)]));
      expect(preloaded.toSorted()).toEqual([...needed].toSorted());
    },
  );

  it('is there for who waits for a picture', () => {
    expect(pages.filter(({ preloaded }) => preloaded.length > 0).map(({ template }) => template)).toContain(
      'templates/join.html',
    );
  });
});
