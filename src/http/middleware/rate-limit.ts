// How often one client may ask within a minute. It must not know what for.

import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { FanlightError } from '../../errors.ts';

const WINDOW_MS = 60_000;

export interface RateLimitOptions {
  readonly perMinute: (request: Request) => number;
  /** Requests that do not count. */
  readonly skip?: (request: Request) => boolean;
  /** Who counts as one; the address when not given. */
  readonly keyOf?: (request: Request) => string;
}

/** Whom an address stands for: an IPv6 one for its /56, which is what one household has. */
export function householdOf(address: string): string {
  return ipKeyGenerator(address);
}

/** Error: too_many_requests, with the time until the minute is over. */
export function limitPerMinute(options: RateLimitOptions): RequestHandler {
  const { perMinute, skip = () => false, keyOf = (request) => householdOf(request.ip ?? '') } = options;
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    skip,
    keyGenerator: keyOf,
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
