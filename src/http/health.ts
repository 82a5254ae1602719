// What an operator's machinery asks: alive, ready, metrics. It must not know what readiness is made of.

import { Router } from 'express';
import type { Metrics } from '../metrics.ts';
import type { Rights } from './rights.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
}

/** Ready, unless there is a reason. */
export function readinessOf(reasons: readonly (string | false)[]): Readiness {
  const real = reasons.filter((reason) => reason !== false);
  return { ready: real.length === 0, reasons: real };
}

export interface HealthOptions {
  readonly isReady: () => Readiness;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  readonly rights: Rights;
}

export function createHealth({ isReady, metrics, rights }: HealthOptions): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'alive' });
  });
  router.get('/readyz', (_request, response) => {
    const { ready, reasons } = isReady();
    response
      .status(ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: ready ? 'ready' : 'not ready', reasons });
  });
  router.get('/metrics', async (request, response) => {
    rights.authorize('admin', request.get('authorization'));
    response.set({ 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' }).end(await metrics.text());
  });
  return router;
}
