// The walls of the house: which room may import which, where libraries stay, and what no file does.
// docs/architecture.md says why.

import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { find, read } from './sources.ts';

interface Source {
  readonly path: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly string[];
}

/** What a room may import besides its own files. `folder/` stands for all files in it, `node:` for all of Node's modules. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  rtp: [],
  broadcast: ['rtp/codec.ts', 'rtp/timed-message.ts', 'errors.ts', 'node:crypto'],
  media: [
    'rtp/',
    'errors.ts',
    'monotonic-clock.ts',
    'broadcast/ports.ts',
    '../native/source-hash.js',
    'node:',
    'werift',
  ],
  signaling: ['broadcast/', 'rtp/codec.ts', 'errors.ts', 'logger.ts', 'node:', 'express', 'ws', 'zod'],
  http: [
    ...['signaling/', 'broadcast/', 'config.ts', 'errors.ts', 'join-times.ts', 'logger.ts', 'metrics.ts', 'node:'],
    ...['express', 'express-rate-limit', 'helmet', 'pino-http', 'selfsigned', 'zod'],
  ],
  store: ['broadcast/ports.ts', 'broadcast/settings.ts', 'errors.ts', 'node:'],
};

/** The files beside the rooms. A noun that a setting is made of lives where its rules are. */
const MAY_IMPORT_AT_THE_TOP: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'config.ts': ['config-values.ts', 'signaling/ice-servers.ts', 'node:', 'zod'],
  'config-values.ts': ['signaling/ice-servers.ts', 'node:', 'zod'],
  'logger.ts': ['config.ts', 'pino'],
  'metrics.ts': ['join-times.ts', 'media/worker-protocol.ts', 'node:', 'prom-client'],
  'join-times.ts': ['broadcast/ports.ts', 'broadcast/service.ts'],
  'monotonic-clock.ts': [],
  'system-clock.ts': ['broadcast/ports.ts', 'monotonic-clock.ts'],
  'announced-addresses.ts': ['config.ts', 'node:'],
};

/** The composition: these tie everything together. */
const TIES_TOGETHER = new Set(['main.ts', 'app.ts']);

/** Libraries that have one place: the folders that may import them. */
const QUARANTINE: Readonly<Record<string, readonly string[]>> = {
  werift: ['media'],
  express: ['http', 'signaling'],
  ws: ['signaling'],
};

const CLOCKS_AND_TIMERS =
  /\b(Date\.now|new Date|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate|queueMicrotask)\b/;

const sources = find('src/**/*.ts').map(readSource);
const isTest = ({ path }: Source) => path.endsWith('.test.ts') || path.startsWith('test/');
const program = sources.filter((source) => !isTest(source));

function readSource(file: string): Source {
  const code = withoutComments(read(file));
  const path = file.slice('src/'.length);
  const specifiers = [...code.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) => match[1] ?? '');
  return { path, code, imports: specifiers.map((specifier) => resolve(path, specifier)) };
}

/** A line comment begins a line or follows a blank, so that addresses in texts stay whole. */
function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

/** A file as its path from src/, a package by its name, a module of Node as it is. */
function resolve(importer: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(importer), specifier));
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** First part of the path; empty for a file at the top. */
function roomOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : '';
}

function isAllowed(target: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) => (/[/:]$/.test(entry) ? target.startsWith(entry) : target === entry));
}

function forbiddenImports(source: Source): string[] {
  const room = roomOf(source.path);
  if (room === '' && TIES_TOGETHER.has(source.path)) return [];
  const allowed = room === '' ? MAY_IMPORT_AT_THE_TOP[source.path] : MAY_IMPORT[room];
  if (!allowed) return ['(no rule for this place: add one)'];
  return source.imports.filter((target) => !(room !== '' && roomOf(target) === room) && !isAllowed(target, allowed));
}

function offenders(files: readonly Source[], isOffending: (source: Source) => boolean): string[] {
  return files.filter(isOffending).map(({ path }) => path);
}

describe('imports', () => {
  it('are found at all', () => {
    const codec = sources.find(({ path }) => path === 'broadcast/ports.ts');
    expect(codec?.imports).toEqual(['errors.ts', 'rtp/codec.ts']);
  });

  it.each(program.map((source) => [source.path, source] as const))('of %s stay within its walls', (_path, source) => {
    expect(forbiddenImports(source)).toEqual([]);
  });

  it.each(Object.entries(QUARANTINE))('of %s stay in %j and in tests', (library, rooms) => {
    expect(
      offenders(program, (source) => source.imports.includes(library) && !rooms.includes(roomOf(source.path))),
    ).toEqual([]);
  });
});

describe('no file', () => {
  it('but main.ts reads the environment', () => {
    expect(offenders(program, ({ path, code }) => path !== 'main.ts' && /\bprocess\.env\b/.test(code))).toEqual([]);
  });

  it('in rtp/ knows a clock, a timer or a module of Node', () => {
    const rtp = program.filter(({ path }) => roomOf(path) === 'rtp');
    expect(rtp.length).toBeGreaterThan(0);
    expect(offenders(rtp, ({ code }) => CLOCKS_AND_TIMERS.test(code))).toEqual([]);
    expect(offenders(rtp, ({ imports }) => imports.some((target) => target.startsWith('node:')))).toEqual([]);
  });

  it('writes to the console', () => {
    expect(offenders(program, ({ code }) => /\bconsole\./.test(code))).toEqual([]);
  });

  it('is a drawer for everything', () => {
    const drawers = /(^|\/)(index|utils?|helpers?|common|misc|types)\.ts$/;
    expect(offenders(sources, ({ path }) => drawers.test(path))).toEqual([]);
  });

  it('passes on what belongs to another one', () => {
    expect(
      offenders(sources, ({ code }) => /\bexport\s+(type\s+)?(\*|\{[^}]*\})[^;]*?\bfrom\s*['"]/.test(code)),
    ).toEqual([]);
  });

  it('of the program is without a line that says what it is for', () => {
    const silent = find('src/**/*.ts').filter((path) => !path.endsWith('.test.ts') && !read(path).startsWith('//'));
    expect(silent).toEqual([]);
  });
});
