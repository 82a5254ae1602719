// Settings: defaults, every problem at once, and that .env says the same as the schema.

import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { describe, expect, it } from 'vitest';
import { type Config, ConfigError, parseConfig, SETTINGS } from './config.ts';

function problemsOf(env: Record<string, string>): Record<string, string> {
  try {
    parseConfig(env, { cores: 4 });
  } catch (error) {
    if (error instanceof ConfigError)
      return Object.fromEntries(error.problems.map((each) => [each.name, each.message]));
    throw error;
  }
  return {};
}

describe('settings', () => {
  it('have defaults with which a first start works', () => {
    expect(parseConfig({}, { cores: 4 })).toMatchObject({
      port: 8088,
      host: '',
      httpsPort: 8443,
      udpPort: 8189,
      mediaWorkers: 3,
      dataDir: './data',
      publishKey: undefined,
      iceServers: [],
      turn: undefined,
      trustProxy: false,
      publisherGraceMs: 60_000,
      viewerGraceMs: 30_000,
      strictWhip: false,
    } satisfies Partial<Config>);
  });

  it('take one worker on one core', () => {
    expect(parseConfig({}, { cores: 1 }).mediaWorkers).toBe(1);
  });

  it('take the default when a variable is empty or blank', () => {
    expect(parseConfig({ PORT: '', DATA_DIR: '  ' })).toMatchObject({ port: 8088, dataDir: './data' });
  });

  it.each<[Record<string, string>, Partial<Config>]>([
    [
      { ANNOUNCED_ADDRESSES: '203.0.113.7, sfu.example.org,2001:db8::1' },
      { announcedAddresses: ['203.0.113.7', 'sfu.example.org', '2001:db8::1'] },
    ],
    [{ MEDIA_WORKERS: '2' }, { mediaWorkers: 2 }],
    [
      { HTTPS_PORT: '0', PORT: '0', UDP_PORT: '0' },
      { httpsPort: 0, port: 0, udpPort: 0 },
    ],
    [
      { ICE_SERVERS: 'stun:a.example:3478, stuns:b.example' },
      { iceServers: [{ urls: ['stun:a.example:3478'] }, { urls: ['stuns:b.example'] }] },
    ],
    [
      { ICE_SERVERS: '[{"urls":["turn:t.example?transport=udp"],"username":"u","credential":"c"}]' },
      { iceServers: [{ urls: ['turn:t.example?transport=udp'], username: 'u', credential: 'c' }] },
    ],
    [
      { TURN_URLS: 'turn:t.example', TURN_SECRET: 's3cret', TURN_TTL_SECONDS: '600' },
      { turn: { urls: ['turn:t.example'], secret: 's3cret', ttlSeconds: 600 } },
    ],
    [{ TRUST_PROXY: '1' }, { trustProxy: 1 }],
    [{ TRUST_PROXY: 'loopback, 10.0.0.0/8, fd00::/8' }, { trustProxy: ['loopback', '10.0.0.0/8', 'fd00::/8'] }],
    [{ FANLIGHT_STRICT_WHIP: 'true' }, { strictWhip: true }],
    [{ PUBLISHER_GRACE: '5' }, { publisherGraceMs: 5000 }],
    [
      { TLS_CERT: 'c.pem', TLS_KEY: 'k.pem' },
      { tlsCert: 'c.pem', tlsKey: 'k.pem' },
    ],
  ])('understand %j', (env, expected) => {
    expect(parseConfig(env)).toMatchObject(expected);
  });

  it.each<[Record<string, string>, string, RegExp]>([
    [{ PORT: '65536' }, 'PORT', /"65536" is not a whole number from 0 to 65535/],
    [{ PORT: '80.5' }, 'PORT', /whole number/],
    [{ HOST: 'not a host' }, 'HOST', /IP address or a host name/],
    [{ ANNOUNCED_ADDRESSES: '999.1.1.1' }, 'ANNOUNCED_ADDRESSES', /"999.1.1.1" is not an IP address/],
    [{ MEDIA_WORKERS: '0' }, 'MEDIA_WORKERS', /from 1 to 256/],
    [{ UDP_PORT: '65534', MEDIA_WORKERS: '3' }, 'UDP_PORT', /no room for 3 workers/],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL', /"loud" is not one of trace, debug/],
    [{ ICE_SERVERS: 'http://x' }, 'ICE_SERVERS', /stun:/],
    [{ ICE_SERVERS: '[{' }, 'ICE_SERVERS', /valid JSON/],
    [{ ICE_SERVERS: 'turn:t.example' }, 'ICE_SERVERS', /username and credential/],
    [{ ICE_SERVERS: '[{"urls":"turn:t.example","username":"a,b","credential":"c"}]' }, 'ICE_SERVERS', /commas/],
    [{ TURN_URLS: 'turn:t.example' }, 'TURN_SECRET', /needed with TURN_URLS/],
    [{ TURN_SECRET: 's' }, 'TURN_URLS', /needed with TURN_SECRET/],
    [{ TRUST_PROXY: 'true' }, 'TRUST_PROXY', /number of hops/],
    [{ TRUST_PROXY: '10.0.0.0/33' }, 'TRUST_PROXY', /10.0.0.0\/33/],
    [{ FANLIGHT_STRICT_WHIP: 'maybe' }, 'FANLIGHT_STRICT_WHIP', /true, false/],
    [{ TLS_CERT: 'c.pem' }, 'TLS_KEY', /needed with TLS_CERT/],
    [{ TLS_KEY: 'k.pem' }, 'TLS_CERT', /needed with TLS_KEY/],
    [{ PORT: '9000', HTTPS_PORT: '9000' }, 'HTTPS_PORT', /is 9000 like PORT/],
  ])('refuse %j', (env, name, message) => {
    const problems = problemsOf(env);
    expect(Object.keys(problems)).toEqual([name]);
    expect(problems[name]).toMatch(message);
  });

  it('tell all problems at once, those between settings too', () => {
    const problems = problemsOf({
      LOG_LEVEL: 'loud',
      PORT: '1',
      HTTPS_PORT: '1',
      TLS_CERT: 'x',
      FANLIGHT_FOO_BAR_BAZ: '1',
    });
    expect(Object.keys(problems)).toEqual(['LOG_LEVEL', 'HTTPS_PORT', 'TLS_KEY', 'FANLIGHT_FOO_BAR_BAZ']);
  });

  it('never repeat a secret', () => {
    const problems = problemsOf({ PUBLISH_KEY: 'hush hush', TURN_SECRET: 'quiet quiet', TURN_URLS: 'turn:a' });
    expect(Object.keys(problems)).toEqual(['PUBLISH_KEY', 'TURN_SECRET']);
    expect(JSON.stringify(problems)).not.toMatch(/hush|quiet/);
  });

  it.each([
    ['FANLIGHT_STRICT_WIP', 'FANLIGHT_STRICT_WHIP'],
    ['FANLIGHT_MAX_VIEWER', 'FANLIGHT_MAX_VIEWERS'],
    ['FANLIGHT_PORT', 'PORT'],
  ])('answer the unknown name %s with a suggestion', (name, suggestion) => {
    expect(problemsOf({ [name]: '1' })[name]).toBe(`there is no such setting. Did you mean ${suggestion}?`);
  });

  it('suggest nothing for a name that is like no other', () => {
    expect(problemsOf({ FANLIGHT_COMPLETELY_ELSE: '1', FANLIGHT_FOO: '1' })).toEqual({
      FANLIGHT_COMPLETELY_ELSE: 'there is no such setting.',
      FANLIGHT_FOO: 'there is no such setting.',
    });
  });
});

describe('.env', () => {
  const text = readFileSync(new URL('../.env', import.meta.url), 'utf8');

  it('documents every setting with its default and its description, in the order of the schema', () => {
    const documented = [...text.matchAll(/^# (?<description>.+)\n(?<line>(?:# )?[A-Z_]+=.*)$/gm)].map(
      ({ groups }) => groups,
    );
    expect(documented).toEqual(
      SETTINGS.map((setting) => ({
        description: setting.description,
        line: setting.default === '' ? `# ${setting.name}=` : `${setting.name}=${setting.default}`,
      })),
    );
  });

  it('changes nothing when it is loaded', () => {
    expect(parseConfig(parse(text), { cores: 4 })).toEqual(parseConfig({}, { cores: 4 }));
  });
});
