// The composition root: reads as the architecture. Everything is made here and handed in; nothing is global.

import { networkInterfaces } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { resolveAnnounced } from './announced-addresses.ts';
import { Registry } from './broadcast/registry.ts';
import type { Config } from './config.ts';
import { readinessOf } from './http/health.ts';
import { loadCertificate } from './http/tls.ts';
import { WebServer } from './http/web-server.ts';
import { JoinTimes } from './join-times.ts';
import type { Logger } from './logger.ts';
import { MediaPool } from './media/pool/pool.ts';
import { hostAddresses } from './media/transport/candidates.ts';
import { createDtlsCertificate } from './media/transport/certificate.ts';
import { Metrics } from './metrics.ts';
import { clockOrigin, fineMonotonicClock } from './monotonic-clock.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import { systemClock } from './system-clock.ts';

export interface Fanlight {
  readonly ports: { readonly http: number | undefined; readonly https: number | undefined; readonly udp: number[] };
  readonly media: MediaPool;
  /** Takes nobody in any more, and asks everybody to go elsewhere; resolves when they have gone, or after `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>;
  /** Tells everybody, keeps the sessions in the store, and frees all ports. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts the server. Nothing stays open when it fails.
 * @throws ConfigError, ListenError, UdpBindError, EngineError, or an Error that names the setting
 */
export async function startFanlight(config: Config, logger: Logger): Promise<Fanlight> {
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const announced = await resolveAnnounced(config.announcedAddresses);
    const own = hostAddresses(networkInterfaces());
    const certificate = config.httpsPort === 0 ? undefined : await loadCertificate(config);
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
      fanout: config.fanout,
      startMemory: config.startMemory,
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
    const joins = new JoinTimes({ service: registry, metrics, now: fineMonotonicClock(origin) });

    const web = new WebServer({
      config,
      certificate,
      service: registry,
      metrics,
      joins,
      logger,
      isReady: () =>
        readinessOf([registry.isStopping && 'it is stopping', !media.isReady && 'a media worker is restarting']),
      version: packageJson.version,
      now: clock.now,
    });
    undo.push(() => web.close());
    // First of all: everybody hears why, while there is a line to hear it on.
    undo.push(() => registry.close());
    await web.listen();

    const drain = (deadlineMs: number): Promise<void> => {
      web.closeIdle();
      return registry.drain(deadlineMs);
    };
    const ports = { ...web.ports, udp: media.udpPorts };
    const addresses = announced.length > 0 ? announced : own;
    logger.info({ ...ports, addresses, workers: config.mediaWorkers }, 'listening');
    return { ports, media, drain, close };
  } catch (error) {
    await close();
    throw error;
  }
}
