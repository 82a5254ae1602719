// The composition root: reads as the architecture. Everything is made here and handed in; nothing is global.

import { networkInterfaces } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { resolveAnnounced } from './announced-addresses.ts';
import { Registry } from './broadcast/registry.ts';
import type { Config } from './config.ts';
import { createHttpApp } from './http/app.ts';
import type { Readiness } from './http/health.ts';
import { Rights } from './http/rights.ts';
import { HttpServers } from './http/server.ts';
import { loadCertificate } from './http/tls.ts';
import { measureJoins } from './join-times.ts';
import type { Logger } from './logger.ts';
import { MediaPool } from './media/pool.ts';
import { hostAddresses } from './media/transport/candidates.ts';
import { createDtlsCertificate } from './media/transport/certificate.ts';
import { Metrics } from './metrics.ts';
import { clockOrigin } from './monotonic-clock.ts';
import { iceServersAt } from './signaling/ice-servers.ts';
import { attachWebSocket } from './signaling/websocket.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import { systemClock } from './system-clock.ts';

export interface Fanlight {
  readonly ports: { readonly http: number | undefined; readonly https: number | undefined; readonly udp: number[] };
  readonly media: MediaPool;
  /** Tells everybody, keeps the sessions in the store, and frees all ports. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts the server. Nothing stays open when it fails.
 * @throws ConfigError, ListenError, UdpBindError, or an Error that names the setting
 */
export async function startFanlight(config: Config, logger: Logger): Promise<Fanlight> {
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const announced = await resolveAnnounced(config.announcedAddresses);
    const own = hostAddresses(networkInterfaces());
    const https = config.httpsPort === 0 ? undefined : await loadCertificate(config);
    const store = new SqliteStore({
      directory: config.dataDir,
      onError: (err) => logger.error({ err }, 'the store cannot be written'),
    });
    undo.push(() => store.close());

    const metrics: Metrics = new Metrics({ totals: () => registry.totals() });
    undo.push(() => metrics.close());
    const origin = clockOrigin();
    const clock = systemClock(origin);
    const media = await MediaPool.start({
      workers: config.mediaWorkers,
      udpPort: config.udpPort,
      host: config.host,
      certificate: await createDtlsCertificate(),
      announcedAddresses: announced,
      hostAddresses: own,
      maxPendingTransports: config.maxPendingTransports,
      clockOrigin: origin,
      onCounters: (worker, counters) => metrics.workerCounters(worker, counters),
      onStarted: (worker) => metrics.workerStarted(worker),
      log: logger,
    });
    undo.push(() => media.close());

    const limits = {
      publisherGraceMs: config.publisherGraceMs,
      viewerGraceMs: config.viewerGraceMs,
      viewersPerBroadcast: config.maxViewersPerBroadcast,
      broadcasts: config.maxBroadcasts,
    };
    const registry: Registry = new Registry({ media, store, clock, limits, log: logger });
    undo.push(() => registry.close());
    measureJoins(registry, (seconds) => metrics.observeJoin('connect', seconds), clock.now);

    const rights = new Rights(config);
    const readiness = (): Readiness => ({
      ready: media.isReady,
      reasons: media.isReady ? [] : ['a media worker is restarting'],
    });
    const web = createHttpApp({
      config,
      service: registry,
      metrics,
      logger,
      rights,
      isReady: readiness,
      httpPort: () => servers.ports.http,
      httpsPort: https && config.httpsPort,
      selfSigned: https !== undefined && https.source !== 'settings',
      version: packageJson.version,
    });
    undo.push(() => web.close());
    const servers: HttpServers = new HttpServers({
      handler: web.app,
      host: config.host,
      port: config.port,
      https: https && { port: config.httpsPort, cert: https.cert, key: https.key },
    });
    const webSocket = attachWebSocket({
      servers: servers.servers,
      service: registry,
      access: rights,
      iceServers: () => iceServersAt(config, clock.now()),
      logger,
      clientAddress: web.clientAddress,
    });
    undo.push(() => servers.close());
    undo.push(() => webSocket.close());
    // First of all: everybody hears why, while there is a line to hear it on.
    undo.push(() => registry.close());
    await servers.listen();

    const ports = { ...servers.ports, udp: media.udpPorts };
    logger.info(
      { ...ports, addresses: announced.length > 0 ? announced : own, workers: config.mediaWorkers },
      'listening',
    );
    return { ports, media, close };
  } catch (error) {
    await close();
    throw error;
  }
}
