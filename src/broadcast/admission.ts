// Who comes in: opens, resumes and takes over. The transport has to be waited for, so the world is looked at before and
// after. It must not know what an SDP says, or how sessions live on.

import { FanlightError } from '../errors.ts';
import type { Broadcast } from './broadcast.ts';
import { type BroadcastName, parseBroadcastName } from './names.ts';
import type { Clock, MediaPort, OpenedTransport } from './ports.ts';
import type { Roster } from './roster.ts';
import type { OpenedSession, OpenSessionRequest, PublisherClaim } from './service.ts';
import { type RandomSource, randomId, Session } from './session/session.ts';
import { judgeClaim } from './session/takeover.ts';

const VIEWER_RETRY_SECONDS = 10;

export interface AdmissionOptions {
  readonly media: MediaPort;
  readonly roster: Roster;
  readonly clock: Clock;
  /** Source of session ids and resume tokens. */
  readonly random: RandomSource;
  /** Errors: shutting_down. */
  readonly refuseWhenStopping: () => void;
  /** Nothing changes any more. */
  readonly isClosed: () => boolean;
}

/** An open whose transport was asked for. */
interface Attempt {
  readonly number: number;
  readonly transportId: string;
  readonly request: OpenSessionRequest;
  readonly broadcast: Broadcast;
  /** The session that the request resumes; it may end while we wait. */
  readonly resumed: Session | undefined;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #roster: Roster;
  #attempts = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#roster = options.roster;
  }

  /** Errors: those of `BroadcastService.open`. */
  async open(request: OpenSessionRequest): Promise<OpenedSession> {
    const { media, random, refuseWhenStopping } = this.#options;
    refuseWhenStopping();
    const name = parseBroadcastName(request.broadcast);
    const resumed = this.#sessionToResume(name, request);
    const known = this.#roster.broadcast(name);
    if (known) this.#admit(known, request, resumed);
    const broadcast = this.#roster.obtain(name, request.role);
    this.#attempts += 1;
    const transportId = randomId(random);
    const attempt: Attempt = { number: this.#attempts, transportId, request, broadcast, resumed };
    broadcast.beginOpen(request.role);
    try {
      const opened = await media.openTransport({
        transportId,
        broadcast: name,
        role: request.role,
        offer: request.offer,
        addressHints: request.addressHints,
        requiredTracks: request.role === 'viewer' ? broadcast.tracks : [],
      });
      return this.#place(attempt, opened);
    } finally {
      broadcast.endOpen(request.role);
      if (!this.#options.isClosed()) this.#roster.settle(broadcast);
    }
  }

  /** True for whoever may publish there now: nobody does, it is the publisher's own session, or it may take over. */
  admits(broadcast: Broadcast, { sessionId, keyHash, asAdmin }: PublisherClaim): boolean {
    const { publisher } = broadcast;
    const incumbent = publisher && {
      sessionId: publisher.id,
      gone: broadcast.isFree(this.#options.clock.now()),
      keyHash: publisher.keyHash,
    };
    return judgeClaim(incumbent, { resumedSessionId: sessionId, keyHash, asAdmin }) !== 'refused';
  }

  /** The session whose token came along; undefined when the server does not know it. Errors: wrong_resume_token. */
  #sessionToResume(name: BroadcastName, request: OpenSessionRequest): Session | undefined {
    if (request.resume === undefined) return undefined;
    const session = this.#roster.session(request.resume.sessionId);
    // A session of another role or broadcast is not known at this address.
    if (session === undefined || session.role !== request.role || session.broadcast !== name) return undefined;
    if (!session.verify(request.resume.token)) throw new FanlightError('wrong_resume_token');
    return session;
  }

  /** Errors: already_live, viewer_limit. */
  #admit(broadcast: Broadcast, request: OpenSessionRequest, resumed: Session | undefined): void {
    if (request.role === 'publisher') {
      if (!this.admits(broadcast, { ...request, sessionId: resumed?.id })) throw new FanlightError('already_live');
      return;
    }
    if (resumed === undefined && broadcast.full && broadcast.nextToGiveWay === undefined) {
      throw new FanlightError('viewer_limit', undefined, { retryAfterSeconds: VIEWER_RETRY_SECONDS });
    }
  }

  /** The transport is there: looks at the world again, since it may have changed, and acts. No await in here. */
  #place(attempt: Attempt, opened: OpenedTransport): OpenedSession {
    const { broadcast, request, transportId } = attempt;
    try {
      this.#options.refuseWhenStopping();
      const resumed = survivor(attempt);
      refuseWhenLate(attempt, resumed);
      this.#admit(broadcast, request, resumed);
      const { session, resumeToken } = this.#sessionFor(attempt, resumed);
      if (session.role === 'publisher') broadcast.setTracks(opened.tracks);
      const { iceTag, codecs } = opened;
      if (session.role === 'viewer' && resumed === undefined && broadcast.full) this.#makeRoom(broadcast);
      this.#roster.seat(session, { transportId, iceTag, codecs, attempt: attempt.number });
      return { session: session.view(), resumeToken, resumed: resumed !== undefined, answer: opened.answer };
    } catch (error) {
      this.#options.media.closeTransport(transportId);
      throw error;
    }
  }

  #sessionFor(
    { request, broadcast }: Attempt,
    resumed: Session | undefined,
  ): { session: Session; resumeToken: string } {
    if (resumed && request.resume) return { session: resumed, resumeToken: request.resume.token };
    const { role, keyHash } = request;
    const { clock, random } = this.#options;
    return Session.create({ role, broadcast: broadcast.name, keyHash, createdAtMs: clock.now() }, random);
  }

  #makeRoom(broadcast: Broadcast): void {
    const absent = broadcast.nextToGiveWay;
    if (absent) this.#roster.apply(absent, 'displaced');
  }
}

/** The resumed session if it is still there. One that was lost meanwhile is opened anew, one that was stopped is not. */
function survivor({ resumed }: Attempt): Session | undefined {
  if (resumed?.endReason === 'stopped') throw new FanlightError('unknown_session', 'It was stopped meanwhile.');
  return resumed?.state === 'ended' ? undefined : resumed;
}

/** An answer that comes after the answer to a newer request must not push that one aside. */
function refuseWhenLate({ number, request, broadcast }: Attempt, resumed: Session | undefined): void {
  if (resumed !== undefined && resumed.attempt > number) throw new FanlightError('superseded');
  const publisher = request.role === 'publisher' ? broadcast.publisher : undefined;
  if (publisher !== undefined && publisher.attempt > number) throw new FanlightError('already_live');
}
