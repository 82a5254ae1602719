// Documents and code say the same: settings, errors, links, commands.

import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../config.ts';
import { ERRORS } from '../errors.ts';
import { exists, find, read } from './sources.ts';

/** The setting that CONTRIBUTING.md adds for show. */
const EXAMPLE_SETTING = 'FANLIGHT_SETUP_SECONDS';
const DOCUMENTS = [...find('*.md'), ...find('docs/**/*.md')];

/** Rows whose first cell is `code`; cells without the backquotes around them. */
function rows(markdown: string): string[][] {
  const lines = markdown.split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
  );
}

/** Targets of links and pictures, outside of code. */
function links(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)].map((match) => match[1] ?? '');
  const html = [...prose.matchAll(/\b(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  return [...inline, ...html];
}

/** GitHub's anchors: lower case, blanks become hyphens, other signs vanish. */
function anchors(markdown: string): Set<string> {
  const headings = [...markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ +(.+)$/gm)].map(
    (match) => match[1] ?? '',
  );
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
        .replace(/ /g, '-'),
    ),
  );
}

describe('docs/configuration.md', () => {
  it('has every setting, in the order of the schema, with its default, and no other', () => {
    const documented = rows(read('docs/configuration.md')).map(([name, fallback]) => ({ name, fallback }));
    expect(documented).toEqual(SETTINGS.map((setting) => ({ name: setting.name, fallback: setting.default })));
  });
});

describe('docs/errors.md', () => {
  it('has every code of the catalogue, in its order, with its status, and no other', () => {
    const documented = rows(read('docs/errors.md')).map(([code, status]) => ({ code, status }));
    const catalogue = Object.entries(ERRORS).map(([code, { status }]) => ({ code, status: String(status) }));
    expect(documented).toEqual(catalogue);
  });

  it('shows an example as the server writes it', () => {
    const example: unknown = JSON.parse(/```json\n(.+)\n```/.exec(read('docs/errors.md'))?.[1] ?? '');
    expect(example).toMatchObject({ code: 'already_live', ...ERRORS.already_live });
  });
});

describe('README.md', () => {
  it('has under 200 lines', () => {
    expect(read('README.md').split('\n').length).toBeLessThan(200);
  });

  it('names settings that exist, with their defaults', () => {
    const wrong = rows(read('README.md'))
      .filter(([name]) => /^[A-Z_]+$/.test(name ?? ''))
      .filter(([name, fallback]) => !SETTINGS.some((each) => each.name === name && each.default === fallback));
    expect(wrong).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  it('has at most 150 lines', () => {
    expect(read('docs/architecture.md').trimEnd().split('\n').length).toBeLessThanOrEqual(150);
  });

  it('names files that exist', () => {
    const named = [...read('docs/architecture.md').matchAll(/`((?:src|templates|static|native|bench)\/[\w./-]*)`/g)];
    expect(named.length).toBeGreaterThan(0);
    expect(named.map((match) => match[1] ?? '').filter((path) => !exists(path))).toEqual([]);
  });
});

describe.each(DOCUMENTS)('%s', (document) => {
  const text = read(document);

  it('has links that lead somewhere', () => {
    const dead = links(text).filter((link) => {
      if (/^[a-z]+:/i.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : posix.join(posix.dirname(document), path);
      if (!exists(target)) return true;
      return anchor !== undefined && target.endsWith('.md') && !anchors(read(target)).has(anchor);
    });
    expect(dead).toEqual([]);
  });

  it('names no FANLIGHT_ setting that does not exist', () => {
    const names = new Set([...text.matchAll(/\bFANLIGHT_[A-Z_]*[A-Z]\b/g)].map(([name]) => name));
    const known = new Set([EXAMPLE_SETTING, ...SETTINGS.map(({ name }) => name)]);
    expect([...names].filter((name) => !known.has(name))).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/\bnpm run ([a-z:-]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
