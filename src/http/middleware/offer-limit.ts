// How many offers one address may make: each one costs a DTLS context. It must not know what is in an offer.

import type { Request, RequestHandler } from 'express';
import type { BroadcastService } from '../../broadcast/service.ts';
import { parseResume, type ResumeClaim } from '../../signaling/resume-token.ts';
import { householdOf, limitPerMinute } from './rate-limit.ts';

/** A page that reconnects as fast as it does makes 12. */
const RESUMES_PER_MINUTE = 30;

/** Of an endpoint, below where it is mounted: what is POSTed under a session is no offer. */
const ENDPOINT = /^\/[^/]+\/?$/;
const PATH_OF = { publisher: '/whip', viewer: '/whep' } as const;

/**
 * Counts offers by address. Whoever resumes a session counts for that session instead: after a restart of the server
 * a whole office comes back at once behind one address. Error: too_many_requests.
 */
export function offerLimit(
  perMinute: number,
  service: Pick<BroadcastService, 'session' | 'verifyResumeToken'>,
): RequestHandler {
  const sessions = new WeakMap<Request, string | undefined>();
  const sessionOf = (request: Request) => {
    if (!sessions.has(request)) sessions.set(request, resumedSession(request, service));
    return sessions.get(request);
  };
  return limitPerMinute({
    skip: (request) => request.method !== 'POST' || !ENDPOINT.test(request.path),
    perMinute: (request) => (sessionOf(request) === undefined ? perMinute : RESUMES_PER_MINUTE),
    keyOf: (request) => sessionOf(request) ?? householdOf(request.ip ?? ''),
  });
}

/** The session that the request resumes at its own address, proved by the token; with any other the request opens a new one. */
function resumedSession(
  request: Request,
  service: Pick<BroadcastService, 'session' | 'verifyResumeToken'>,
): string | undefined {
  const claim = claimIn(request.get('fanlight-resume'));
  const session = claim && service.session(claim.sessionId);
  if (!claim || !session || request.baseUrl + request.path !== `${PATH_OF[session.role]}/${session.broadcast}`) return;
  return service.verifyResumeToken(claim.sessionId, claim.token) ? session.id : undefined;
}

function claimIn(header: string | undefined): ResumeClaim | undefined {
  try {
    return parseResume(header);
  } catch {
    // Answered where the offer is read.
    return undefined;
  }
}
