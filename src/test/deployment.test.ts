// What Docker is told and what the server knows are the same: ports, variables, files. Text only: neither Docker nor a
// parser for YAML is needed. `docker compose config` holds the rest, in .ci/run.

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig, SETTINGS } from '../config.ts';
import { exists, ROOT, read } from './sources.ts';

/** Variables that only Compose, Caddy and coturn know. */
const NOT_OURS = ['DOMAIN'];
const DEFAULTS = parseConfig({}, { cores: 1 });

/** Without comments, which explain more than is done. */
function effective(path: string): string {
  return read(path).replace(/^\s*#.*$/gm, '');
}

const compose = effective('docker-compose.yml');
const host = effective('docker-compose.host.yml');
const dockerfile = effective('Dockerfile').replace(/\\\n/g, ' ');

/** The block of one service, up to the next one. */
function service(yaml: string, name: string): string {
  return new RegExp(`^ {2}${name}:\\n((?: {4}.*\\n|\\s*\\n)*)`, 'm').exec(yaml)?.[1] ?? '';
}

function environmentOf(yaml: string): string[] {
  const block = /^ {4}environment:\n((?: {6}.*\n|\s*\n)*)/m.exec(yaml)?.[1] ?? '';
  return [...block.matchAll(/^ {6}([A-Z_]+):/gm)].map((match) => match[1] ?? '');
}

describe.each([
  ['docker-compose.yml', compose],
  ['docker-compose.host.yml', host],
])('%s', (_name, yaml) => {
  it('asks only for variables that are settings', () => {
    const asked = new Set([...yaml.matchAll(/\$\{([A-Z_]+)/g)].map((match) => match[1] ?? ''));
    expect(
      [...asked].filter((name) => !SETTINGS.some((each) => each.name === name) && !NOT_OURS.includes(name)),
    ).toEqual([]);
  });

  it('falls back to the defaults of the server', () => {
    const fallbacks = [...yaml.matchAll(/\$\{(PORT|HTTPS_PORT|UDP_PORT):-([^${}]*)\}/g)];
    const wrong = fallbacks.filter(([, name, value]) => SETTINGS.find((each) => each.name === name)?.default !== value);
    expect(wrong.map(([text]) => text)).toEqual([]);
  });

  it('hands the server only settings that it knows', () => {
    const names = environmentOf(service(yaml, 'fanlight'));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !SETTINGS.some((each) => each.name === name))).toEqual([]);
  });
});

describe('the container', () => {
  it('starts as `npm start` does', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
    const command = /^CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]';
    expect((JSON.parse(command) as string[]).join(' ')).toBe(scripts.start);
  });

  it('is given the time that a stop takes', () => {
    const [, seconds] = /^ {4}stop_grace_period: (\d+)s$/m.exec(service(compose, 'fanlight')) ?? [];
    expect(Number(seconds) * 1_000).toBeGreaterThan(DEFAULTS.stopGraceMs + 8_000);
  });

  it('exposes the default ports', () => {
    const { port, httpsPort, udpPort } = DEFAULTS;
    expect(dockerfile).toContain(`EXPOSE ${port}/tcp ${httpsPort}/tcp ${udpPort}/udp`);
  });

  it('gets every file that the Dockerfile copies', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    const allowed = read('.dockerignore').match(/^!.+$/gm) ?? [];
    expect(copied.filter((path) => !exists(path))).toEqual([]);
    expect(allowed.map((line) => line.slice(1)).sort()).toEqual([...new Set(copied)].sort());
  });

  it('is asked for its health by the script that it has', () => {
    const script = 'deploy/healthcheck.js';
    expect(dockerfile).toContain(`"${script}"`);
    expect(compose).toContain(`test: [CMD, node, ${script}]`);
    expect(read(script)).toContain(`PORT || ${DEFAULTS.port}`);
  });

  it('publishes each port under its own number, since clients are told it', () => {
    const published = [...service(compose, 'fanlight').matchAll(/^ {6}- '(\S+)\/(?:tcp|udp)'$/gm)];
    const isSame = (mapping: string) => {
      const half = mapping.slice(0, (mapping.length - 1) / 2);
      return mapping === `${half}:${half}`;
    };
    expect(published.map(([, mapping = '']) => isSame(mapping))).toEqual([true, true, true]);
  });
});

describe('Caddy', () => {
  it('finds the server by default', () => {
    expect(read('deploy/Caddyfile')).toContain(`{$UPSTREAM:fanlight:${DEFAULTS.port}}`);
  });

  it('leaves answers with entity tags as they are', () => {
    expect(read('deploy/Caddyfile')).toMatch(/not path .*\/whip\/\*.*\/whep\/\*/);
  });
});

describe('.ci/run', () => {
  it('can be run', () => {
    expect(() => accessSync(join(ROOT, '.ci/run'), constants.X_OK)).not.toThrow();
  });
});
