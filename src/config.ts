// The settings: one schema with names, defaults and descriptions, and the typed Config that the rest of the server takes.
// It must not read process.env or files: the caller hands the variables in.

import { availableParallelism } from 'node:os';
import { z } from 'zod';
import {
  boolean,
  iceServers,
  integer,
  isHost,
  isTurnUrl,
  listOf,
  oneOf,
  optionalInteger,
  path,
  secret,
  setting,
  trustProxy,
} from './config-values.ts';
import type { IceServer } from './signaling/ice-servers.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const FANOUT_CHOICES = ['auto', 'native', 'portable'] as const;
export type FanoutChoice = (typeof FANOUT_CHOICES)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Config {
  readonly port: number;
  /** Empty: all interfaces, IPv4 and IPv6. */
  readonly host: string;
  /** 0: no HTTPS listener. */
  readonly httpsPort: number;
  /** Files; both or none. Undefined: a self-signed certificate is made. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly udpPort: number;
  readonly announcedAddresses: readonly string[];
  readonly mediaWorkers: number;
  readonly dataDir: string;
  readonly publishKey: string | undefined;
  readonly viewKey: string | undefined;
  readonly adminKey: string | undefined;
  readonly iceServers: readonly IceServer[];
  /** Time-limited credentials of a TURN server with a shared secret. */
  readonly turn: { readonly urls: readonly string[]; readonly secret: string; readonly ttlSeconds: number } | undefined;
  /** Express's `trust proxy`: hops, or addresses; false trusts nobody. */
  readonly trustProxy: number | readonly string[] | false;
  readonly logLevel: LogLevel;
  readonly publisherGraceMs: number;
  readonly viewerGraceMs: number;
  readonly strictWhip: boolean;
  readonly fanout: FanoutChoice;
  /** How much of a broadcast's past is kept, so that joiners need not wait for a key frame. */
  readonly startMemory: { readonly maxBytes: number; readonly maxMs: number };
  readonly maxViewersPerBroadcast: number;
  readonly maxBroadcasts: number;
  readonly maxPendingTransports: number;
  readonly offersPerMinute: number;
}

export interface ConfigProblem {
  readonly name: string;
  /** What is wrong and what is allowed. Never holds the value of a secret. */
  readonly message: string;
}

/** Everything that is wrong with the settings, at once. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(['The settings are not right:', ...problems.map(({ name, message }) => `  ${name}: ${message}`)].join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const MAX_PORT = 65_535;
const MAX_WORKERS = 256;
const MAX_GRACE_SECONDS = 86_400;

const schema = z.object({
  PORT: setting('8088', 'Port of HTTP and WebSocket (0: any free one).', integer(0, MAX_PORT)),
  HOST: setting(
    '',
    'Address to listen on; empty means all, IPv4 and IPv6.',
    z.string().refine((text) => text === '' || isHost(text), 'must be an IP address or a host name.'),
  ),
  HTTPS_PORT: setting(
    '8443',
    'Port of HTTPS, which browsers need for the camera away from localhost; 0 switches it off.',
    integer(0, MAX_PORT),
  ),
  TLS_CERT: setting(
    '',
    'PEM file with the certificate chain for HTTPS; empty means that a self-signed one is made.',
    path,
  ),
  TLS_KEY: setting('', 'PEM file with the private key that belongs to TLS_CERT.', path),
  UDP_PORT: setting(
    '8189',
    'UDP port of the media; worker k uses UDP_PORT + k (0: any free ones).',
    integer(0, MAX_PORT),
  ),
  ANNOUNCED_ADDRESSES: setting(
    '',
    'Comma list of IP addresses or host names by which clients reach the UDP port; empty means those of the host.',
    listOf(isHost, 'an IP address or a host name'),
  ),
  MEDIA_WORKERS: setting(
    '',
    'Threads that move media; empty means the number of cores less one, at least 1.',
    optionalInteger(1, MAX_WORKERS),
  ),
  DATA_DIR: setting('./data', 'Folder for the store and the self-signed certificate.', z.string()),
  PUBLISH_KEY: setting('', 'Bearer token that publishing needs; empty means that everybody may.', secret),
  VIEW_KEY: setting('', 'Bearer token that viewing needs; empty means that everybody may.', secret),
  ADMIN_KEY: setting(
    '',
    'Bearer token that gives every right, and that /metrics needs; empty means that /metrics is open.',
    secret,
  ),
  ICE_SERVERS: setting(
    '',
    'STUN and TURN servers for the clients: a comma list of addresses, or a JSON array of RTCIceServer objects.',
    iceServers,
  ),
  TURN_URLS: setting(
    '',
    'Comma list of turn: addresses for which time-limited credentials are made from TURN_SECRET.',
    listOf(isTurnUrl, 'a turn: or turns: address'),
  ),
  TURN_SECRET: setting('', 'The shared secret of that TURN server (use-auth-secret in coturn).', secret),
  TURN_TTL_SECONDS: setting('43200', 'How long such credentials are good, in seconds.', integer(60, 30 * 86_400)),
  TRUST_PROXY: setting(
    '',
    'Reverse proxies whose X-Forwarded headers are believed: a number of hops, or a comma list of addresses and subnets; empty means none.',
    trustProxy,
  ),
  LOG_LEVEL: setting('info', `How much is logged: ${LOG_LEVELS.join(', ')}.`, oneOf(LOG_LEVELS)),
  PUBLISHER_GRACE: setting(
    '60',
    'How long a lost publisher may take to come back, in seconds.',
    integer(0, MAX_GRACE_SECONDS),
  ),
  VIEWER_GRACE: setting(
    '30',
    'How long a lost viewer may take to come back, in seconds.',
    integer(0, MAX_GRACE_SECONDS),
  ),
  FANLIGHT_STRICT_WHIP: setting(
    'false',
    'Insist on If-Match and on the bearer token where real clients forget them: true or false.',
    boolean,
  ),
  FANLIGHT_FANOUT: setting(
    'auto',
    `Which engine sends packets to viewers: ${FANOUT_CHOICES.join(', ')}; auto takes the native one where it was compiled.`,
    oneOf(FANOUT_CHOICES),
  ),
  FANLIGHT_START_MEMORY_MB: setting(
    '16',
    'How much of a publisher’s video since its last key frame is kept, so that joiners see a picture at once, in megabytes; 0 keeps nothing.',
    integer(0, 1024),
  ),
  FANLIGHT_START_MEMORY_SECONDS: setting(
    '15',
    'The same in seconds: with key frames further apart than this, joiners wait for the next one.',
    integer(0, 120),
  ),
  FANLIGHT_MAX_VIEWERS: setting('5000', 'Viewers of one broadcast.', integer(1, 1_000_000)),
  FANLIGHT_MAX_BROADCASTS: setting(
    '1000',
    'Broadcasts that are published at the same time; as many names more may have only viewers or settings.',
    integer(1, 1_000_000),
  ),
  FANLIGHT_MAX_PENDING_TRANSPORTS: setting(
    '500',
    'Connections that wait for their first packet at the same time.',
    integer(1, 100_000),
  ),
  FANLIGHT_OFFERS_PER_MINUTE: setting(
    '600',
    'New sessions (offers by WHIP and WHEP) from one address in a minute; resuming does not count.',
    integer(1, 1_000_000),
  ),
});

export interface Setting {
  readonly name: string;
  readonly default: string;
  readonly description: string;
}

/** Every setting in the order of the schema; the documentation and `.env` are checked against it. */
export const SETTINGS: readonly Setting[] = Object.entries(schema.shape).map(([name, value]) => {
  const meta = value.meta();
  return { name, default: String(meta?.default), description: String(meta?.description) };
});

const PREFIX = 'FANLIGHT_';

function unknownNames(env: Readonly<Record<string, string | undefined>>): ConfigProblem[] {
  const unknown = Object.keys(env).filter((name) => name.startsWith(PREFIX) && !Object.hasOwn(schema.shape, name));
  return unknown.map((name) => {
    const nearest = SETTINGS.map((known) => ({ known: known.name, distance: spellingDistance(name, known.name) }))
      .sort((a, b) => a.distance - b.distance)
      .at(0);
    // One slip in three letters; more is another word.
    const isNear = nearest !== undefined && nearest.distance <= (name.length - PREFIX.length) / 3;
    return { name, message: `there is no such setting.${isNear ? ` Did you mean ${nearest.known}?` : ''}` };
  });
}

/** Fewest inserted, deleted or replaced letters between two names; the prefix counts as nothing. */
function spellingDistance(name: string, known: string): number {
  const from = name.slice(PREFIX.length);
  const to = known.startsWith(PREFIX) ? known.slice(PREFIX.length) : known;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

type Values = z.output<typeof schema>;

/** What no setting can tell alone. Settings that are wrong already are left out of `values`. */
function combinationProblems(
  values: Partial<Values>,
  wrongNames: ReadonlySet<PropertyKey | undefined>,
  workers: number,
): ConfigProblem[] {
  const { PORT: port, HTTPS_PORT: httpsPort, UDP_PORT: udpPort = 0, TURN_URLS: turnUrls } = values;
  const problems: ConfigProblem[] = [];
  if (httpsPort && httpsPort === port) {
    problems.push({ name: 'HTTPS_PORT', message: `is ${port} like PORT; choose another port, or 0 to switch it off.` });
  }
  if (udpPort + workers - 1 > MAX_PORT) {
    problems.push({ name: 'UDP_PORT', message: `leaves no room for ${workers} workers below port ${MAX_PORT}.` });
  }
  if (values.TLS_CERT && !values.TLS_KEY) problems.push({ name: 'TLS_KEY', message: 'is needed with TLS_CERT.' });
  if (values.TLS_KEY && !values.TLS_CERT) problems.push({ name: 'TLS_CERT', message: 'is needed with TLS_KEY.' });
  if (turnUrls?.length && !values.TURN_SECRET && !wrongNames.has('TURN_SECRET')) {
    problems.push({ name: 'TURN_SECRET', message: 'is needed with TURN_URLS.' });
  }
  if (turnUrls?.length === 0 && values.TURN_SECRET) {
    problems.push({ name: 'TURN_URLS', message: 'is needed with TURN_SECRET.' });
  }
  return problems;
}

/** Reads the settings. Throws ConfigError with all problems at once. `cores` decides the number of workers when none is set. */
export function parseConfig(
  env: Readonly<Record<string, string | undefined>>,
  { cores = availableParallelism() }: { cores?: number } = {},
): Config {
  const parsed = schema.safeParse(env);
  const issues = parsed.error?.issues ?? [];
  const wrongNames = new Set(issues.map(({ path }) => path[0]));
  // Zod gives no values when one is wrong, so the right ones are read again for the checks between settings.
  const values: Partial<Values> = parsed.data ?? rightOnes(env, wrongNames);
  const mediaWorkers = values.MEDIA_WORKERS ?? Math.min(MAX_WORKERS, Math.max(1, cores - 1));
  const problems = [
    ...issues.map(({ path, message }) => ({ name: String(path[0]), message })),
    ...combinationProblems(values, wrongNames, mediaWorkers),
    ...unknownNames(env),
  ];
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return toConfig(parsed.data, mediaWorkers);
}

function rightOnes(
  env: Readonly<Record<string, string | undefined>>,
  wrongNames: ReadonlySet<PropertyKey | undefined>,
): Partial<Values> {
  const right = Object.entries(schema.shape).filter(([name]) => !wrongNames.has(name));
  return Object.fromEntries(right.map(([name, value]) => [name, value.parse(env[name])]));
}

function toConfig(values: Values, mediaWorkers: number): Config {
  return {
    port: values.PORT,
    host: values.HOST,
    httpsPort: values.HTTPS_PORT,
    tlsCert: values.TLS_CERT,
    tlsKey: values.TLS_KEY,
    udpPort: values.UDP_PORT,
    announcedAddresses: values.ANNOUNCED_ADDRESSES,
    mediaWorkers,
    dataDir: values.DATA_DIR,
    publishKey: values.PUBLISH_KEY,
    viewKey: values.VIEW_KEY,
    adminKey: values.ADMIN_KEY,
    iceServers: values.ICE_SERVERS,
    turn: values.TURN_SECRET
      ? { urls: values.TURN_URLS, secret: values.TURN_SECRET, ttlSeconds: values.TURN_TTL_SECONDS }
      : undefined,
    trustProxy: values.TRUST_PROXY,
    logLevel: values.LOG_LEVEL,
    publisherGraceMs: values.PUBLISHER_GRACE * 1000,
    viewerGraceMs: values.VIEWER_GRACE * 1000,
    strictWhip: values.FANLIGHT_STRICT_WHIP,
    fanout: values.FANLIGHT_FANOUT,
    startMemory: {
      maxBytes: values.FANLIGHT_START_MEMORY_MB * 1_000_000,
      maxMs: values.FANLIGHT_START_MEMORY_SECONDS * 1000,
    },
    maxViewersPerBroadcast: values.FANLIGHT_MAX_VIEWERS,
    maxBroadcasts: values.FANLIGHT_MAX_BROADCASTS,
    maxPendingTransports: values.FANLIGHT_MAX_PENDING_TRANSPORTS,
    offersPerMinute: values.FANLIGHT_OFFERS_PER_MINUTE,
  };
}
