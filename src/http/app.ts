// The HTTP side put together: which part answers which path, and what goes for all of them.
// It must not know sockets or TLS: server.ts listens.

import type { IncomingMessage } from 'node:http';
import express, { type Express } from 'express';
import type { BroadcastService } from '../broadcast/service.ts';
import type { Config } from '../config.ts';
import { FanlightError } from '../errors.ts';
import type { JoinTimes } from '../join-times.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import { iceServersAt } from '../signaling/ice-servers.ts';
import { createSessionResource } from '../signaling/session-resource.ts';
import { createApi } from './api.ts';
import { createHealth, type Readiness } from './health.ts';
import { addressHints } from './middleware/address-hints.ts';
import { clientAddress, type TrustProxy } from './middleware/client-address.ts';
import { cors } from './middleware/cors.ts';
import { offerLimit } from './middleware/offer-limit.ts';
import { proxyNotice } from './middleware/proxy-notice.ts';
import { householdOf } from './middleware/rate-limit.ts';
import { requestLog } from './middleware/request-log.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { createPages } from './pages.ts';
import { problemHandler } from './problem.ts';
import type { Rights } from './rights.ts';

export interface HttpAppOptions {
  readonly config: Pick<Config, 'trustProxy' | 'strictWhip' | 'offersPerMinute' | 'iceServers' | 'turn'>;
  readonly service: BroadcastService;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  readonly joins: Pick<JoinTimes, 'now' | 'answered'>;
  readonly logger: Logger;
  readonly rights: Rights;
  readonly isReady: () => Readiness;
  /** Of the HTTPS listener; undefined without one. */
  readonly httpsPort: number | undefined;
  readonly selfSigned: boolean;
  /** Of the HTTP listener, once it is open. */
  readonly httpPort: () => number | undefined;
  readonly version: string;
  /** Elsewhere in tests. */
  readonly templatesDir?: string;
  readonly staticDir?: string;
}

export interface HttpApp {
  readonly app: Express;
  /** Whom a request counts for: the client's address (IPv6: its /56), trusted proxies considered. For those that do not go through `app`. */
  clientAddress(request: IncomingMessage): string;
  /** Ends event streams and stops listening to the service. */
  close(): void;
}

export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { config, service, metrics, logger, rights } = options;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', config.trustProxy);
  app.set('query parser', 'simple');
  const isTrusted: TrustProxy = app.get('trust proxy fn');

  const resources = (['publisher', 'viewer'] as const).map((role) => {
    const path = role === 'publisher' ? '/whip' : '/whep';
    const resource = createSessionResource({
      role,
      path,
      service,
      access: rights,
      strict: config.strictWhip,
      iceServers: () => iceServersAt(config, Date.now()),
      addressHints: (request) => addressHints(request, isTrusted),
      now: options.joins.now,
      onAnswered: (opened, moments) => options.joins.answered(opened, moments),
    });
    return { path, resource };
  });
  const limit = offerLimit(config.offersPerMinute, service);

  app.use(requestLog(logger), ...securityHeaders());
  if (config.trustProxy === false) app.use(proxyNotice(logger));
  app.use(createHealth({ isReady: options.isReady, metrics, rights }));
  for (const { path, resource } of resources) app.use(path, cors, limit, resource.router, noSuchAddress);
  app.use('/api', cors, createApi(options), noSuchAddress);
  const { templatesDir, staticDir } = options;
  app.use(
    createPages({
      checkName: (name) => void service.describe(name),
      ...(templatesDir ? { templatesDir } : {}),
      ...(staticDir ? { staticDir } : {}),
    }),
  );
  app.use(noSuchAddress);
  app.use(problemHandler(logger));

  return {
    app,
    clientAddress: (request) => householdOf(clientAddress(request, isTrusted)),
    close: () => {
      for (const { resource } of resources) resource.close();
    },
  };
}

function noSuchAddress(): never {
  throw new FanlightError('not_found');
}
