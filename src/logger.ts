// The log: pino with what must never be written taken out.
// It must not know who logs what; secrets are recognised by the names they have everywhere.

import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from './config.ts';

export type { Logger };

const SECRET_HEADERS = ['authorization', '["fanlight-resume"]', 'cookie', '["set-cookie"]'];
const SECRET_FIELDS = [
  'authorization',
  'key',
  'publishKey',
  'viewKey',
  'adminKey',
  'token',
  'resumeToken',
  'resume',
  'secret',
  'password',
  'credential',
  '["fanlight-resume"]',
];

/** The paths at which secrets appear: a field of the entry, of an object in it, and headers of requests and responses. */
function redactedPaths(): string[] {
  const join = (parent: string, field: string) => (field.startsWith('[') ? `${parent}${field}` : `${parent}.${field}`);
  return [
    ...SECRET_FIELDS.flatMap((field) => [field, join('*', field)]),
    ...SECRET_HEADERS.flatMap((header) => [join('headers', header), join('*.headers', header)]),
  ];
}

/** An address as it may be logged: no `key=` values, and of a session (whose address is a capability) only the beginning. */
export function loggableUrl(url: string): string {
  return url
    .replace(/([?&#](?:key|token)=)[^&#]*/gi, '$1[redacted]')
    .replace(/^(\/+(?:whip|whep)\/[^/?#]+\/[^/?#]{8})[^/?#]+/i, '$1…');
}

interface LoggedRequest {
  readonly id?: unknown;
  readonly method?: string;
  readonly url?: string;
  readonly originalUrl?: string;
  readonly ip?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly socket?: { readonly remoteAddress?: string | undefined };
}

/** Only what helps to find a request again: no headers but the user agent. */
function request(logged: LoggedRequest): object {
  return {
    id: logged.id,
    method: logged.method,
    url: loggableUrl(logged.originalUrl ?? logged.url ?? ''),
    address: logged.ip ?? logged.socket?.remoteAddress,
    userAgent: logged.headers?.['user-agent'],
  };
}

function response(logged: { readonly statusCode?: number }): object {
  return { statusCode: logged.statusCode };
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Where lines go; stdout when not given. */
  readonly destination?: DestinationStream;
}

export function createLogger({ level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: redactedPaths(), censor: '[redacted]' },
    serializers: { req: request, res: response, url: loggableUrl, err: pino.stdSerializers.err },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination ? pino(options, destination) : pino(options);
}
