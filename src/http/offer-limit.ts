// How many offers one address may make: each one costs a DTLS context. It must not know what an offer is.

import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { FanlightError } from '../errors.ts';

const WINDOW_MS = 60_000;

/** Counts POST requests by address (IPv6: by /56, what one household has). Error: too_many_requests. */
export function offerLimit(perMinute: number): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    skip: (request) => request.method !== 'POST',
    standardHeaders: false,
    legacyHeaders: false,
    // It would complain on the console about proxies; TRUST_PROXY says what we want.
    validate: false,
    handler: (request, _response, next) => {
      const { rateLimit: state } = request as { rateLimit?: { resetTime?: Date } };
      const waitMs = (state?.resetTime?.getTime() ?? 0) - Date.now();
      next(
        new FanlightError('too_many_requests', undefined, { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) }),
      );
    },
  });
}
