// The domain's service: decides who may open, resume and take over, and answers what is asked about broadcasts.
// It must not know HTTP, sockets or SDP.

import { randomBytes } from 'node:crypto';
import { FanlightError } from '../errors.ts';
import type { Broadcast } from './broadcast.ts';
import { Drain } from './drain.ts';
import { LayerBoard } from './layer-board.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { MediaListener } from './media-listener.ts';
import { type BroadcastName, parseBroadcastName, parseLabel } from './names.ts';
import { PeopleDesk } from './people/people-desk.ts';
import type {
  BroadcastSettings,
  Clock,
  DataMessage,
  IceDescription,
  LayerView,
  MediaPort,
  OpenedTransport,
  Store,
} from './ports.ts';
import type { Jitter } from './recall.ts';
import { type Log, Roster } from './roster.ts';
import type {
  BroadcastEvent,
  BroadcastService,
  BroadcastState,
  BroadcastView,
  OpenedSession,
  OpenSessionRequest,
  PublisherClaim,
  SessionView,
  ViewerReception,
} from './service.ts';
import { type RandomSource, randomId, Session } from './session/session.ts';
import { judgeClaim, type Verdict } from './session/takeover.ts';

const VIEWER_RETRY_SECONDS = 10;
const RESTART_RETRY_SECONDS = 2;
const LIST_ORDER: Record<BroadcastState, number> = { live: 0, interrupted: 1, idle: 2 };

export interface RegistryOptions {
  readonly media: MediaPort;
  readonly store: Store;
  readonly clock: Clock;
  readonly limits?: Partial<Limits>;
  readonly log?: Log;
  /** Source of session ids and resume tokens. */
  readonly random?: RandomSource;
  /** Spreads clients that are asked to come back. */
  readonly jitter?: Jitter;
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

export class Registry implements BroadcastService {
  readonly people: PeopleDesk;
  readonly chat: PeopleDesk;
  readonly #media: MediaPort;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #roster: Roster;
  readonly #drain: Drain;
  readonly #layers: LayerBoard;
  #attempts = 0;
  #closed = false;

  /** Loads the store: whoever was here before the restart is away, and may resume. */
  constructor(options: RegistryOptions) {
    const { media, store, clock, log, jitter = Math.random } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#media = media;
    this.#clock = clock;
    this.#random = options.random ?? randomBytes;
    this.#roster = new Roster({ media, store, clock, limits, jitter, log });
    this.#drain = new Drain({ roster: this.#roster, clock, jitter });
    this.#layers = new LayerBoard(this.#roster.announcer);
    const refuseWhenClosed = () => this.#refuseWhenClosed();
    this.people = new PeopleDesk({ roster: this.#roster, store, clock, limits, refuseWhenClosed });
    this.chat = this.people;
    const listener = new MediaListener({ media, clock, roster: this.#roster, layers: this.#layers, log });
    this.#roster.restore();
    media.listen((event) => {
      if (!this.#closed) listener.handle(event);
    });
  }

  async open(request: OpenSessionRequest): Promise<OpenedSession> {
    this.#refuseWhenStopping();
    const name = parseBroadcastName(request.broadcast);
    const resumed = this.#sessionToResume(name, request);
    const known = this.#roster.broadcast(name);
    if (known) this.#admit(known, request, resumed);
    const broadcast = this.#roster.obtain(name, request.role);
    this.#attempts += 1;
    const transportId = randomId(this.#random);
    const attempt: Attempt = { number: this.#attempts, transportId, request, broadcast, resumed };
    broadcast.beginOpen(request.role);
    try {
      const opened = await this.#media.openTransport({
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
      if (!this.#closed) this.#roster.settle(broadcast);
    }
  }

  async restartIce(sessionId: string): Promise<IceDescription> {
    const session = this.#known(sessionId);
    const { transportId } = session;
    if (transportId === undefined) throw new FanlightError('unknown_session', 'Its transport is gone; resume it.');
    const description = await this.#media.restartIce(transportId);
    if (session.transportId !== transportId) {
      throw new FanlightError('unknown_session', 'Its transport was replaced meanwhile.');
    }
    session.renewIce(description.usernameFragment);
    return description;
  }

  session(sessionId: string): SessionView | undefined {
    return this.#roster.session(sessionId)?.view();
  }

  verifyResumeToken(sessionId: string, token: string): boolean {
    return this.#roster.session(sessionId)?.verify(token) ?? false;
  }

  keyHashOf(sessionId: string): string | null {
    return this.#roster.session(sessionId)?.keyHash ?? null;
  }

  end(sessionId: string): void {
    this.#roster.apply(this.#known(sessionId), 'stop');
  }

  speaksForPublisher(name: string, claim: PublisherClaim): boolean {
    const broadcast = this.#roster.broadcast(parseBroadcastName(name));
    return broadcast === undefined || this.#verdictOn(broadcast, claim, claim.sessionId) !== 'refused';
  }

  endPublisher(name: string, claim: Omit<PublisherClaim, 'sessionId'>): void {
    const broadcast = this.#roster.broadcast(parseBroadcastName(name));
    if (!broadcast?.publisher) throw new FanlightError('unknown_session', 'Nobody publishes under this name.');
    if (this.#verdictOn(broadcast, claim, undefined) === 'refused') throw new FanlightError('already_live');
    this.#roster.apply(broadcast.publisher, 'stop', claim.asAdmin ? 'removed' : 'stopped');
  }

  leave(sessionId: string): void {
    const session = this.#roster.session(sessionId);
    if (session) this.#roster.apply(session, 'leave');
  }

  list(options: { readonly all: boolean }): BroadcastView[] {
    const views: BroadcastView[] = [];
    for (const broadcast of this.#roster.broadcasts()) {
      if (broadcast.worthListing && (options.all || broadcast.settings.listed))
        views.push(broadcast.view(this.#clock.now()));
    }
    return views.sort(
      (a, b) => LIST_ORDER[a.state] - LIST_ORDER[b.state] || b.sinceMs - a.sinceMs || (a.name < b.name ? -1 : 1),
    );
  }

  describe(name: string): BroadcastView {
    return this.#roster.view(parseBroadcastName(name));
  }

  layers(name: string): readonly LayerView[] {
    return this.#layers.of(parseBroadcastName(name));
  }

  async receptions(name: string): Promise<readonly ViewerReception[]> {
    const qualities = await this.#media.viewerQuality(parseBroadcastName(name));
    return qualities
      .flatMap(({ transportId, ...quality }) => {
        const session = this.#roster.sessionOfTransport(transportId);
        return session ? [{ viewer: session.alias, ...quality }] : [];
      })
      .sort((one, other) => lossOf(other) - lossOf(one));
  }

  publishData(name: string, message: DataMessage): void {
    this.#refuseWhenClosed();
    const parsedName = parseBroadcastName(name);
    parseLabel(message.label);
    const broadcast = this.#roster.obtain(parsedName);
    const result = this.#roster.relay(broadcast, message);
    this.#roster.settle(broadcast);
    if (result.outcome === 'refused') throw new FanlightError(result.code, result.detail);
  }

  stateMessages(name: string): readonly DataMessage[] {
    return this.#roster.broadcast(parseBroadcastName(name))?.data.snapshot ?? [];
  }

  updateSettings(name: string, change: Partial<BroadcastSettings>): BroadcastView {
    this.#refuseWhenClosed();
    const parsedName = parseBroadcastName(name);
    const broadcast = this.#roster.obtain(parsedName);
    try {
      broadcast.admitNotice(this.#clock.now());
      this.#roster.changeSettings(broadcast, change);
    } finally {
      this.#roster.settle(broadcast);
    }
    return broadcast.view(this.#clock.now());
  }

  subscribe(listener: (event: BroadcastEvent) => void): () => void {
    return this.#roster.announcer.subscribe(listener);
  }

  totals(): { readonly broadcasts: number; readonly viewers: number; readonly publishers: number } {
    let broadcasts = 0;
    for (const broadcast of this.#roster.broadcasts()) if (broadcast.state !== 'idle') broadcasts += 1;
    const present = { viewer: 0, publisher: 0 };
    for (const session of this.#roster.sessions()) if (session.present) present[session.role] += 1;
    return { broadcasts, viewers: present.viewer, publishers: present.publisher };
  }

  get isStopping(): boolean {
    return this.#closed || this.#drain.hasBegun;
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#drain.begin(deadlineMs);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#roster.close();
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
      if (this.#verdictOn(broadcast, request, resumed?.id) === 'refused') throw new FanlightError('already_live');
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
      this.#refuseWhenStopping();
      const resumed = survivor(attempt);
      this.#refuseWhenLate(attempt, resumed);
      this.#admit(broadcast, request, resumed);
      const { session, resumeToken } = this.#sessionFor(attempt, resumed);
      if (session.role === 'publisher') broadcast.setTracks(opened.tracks);
      const { iceTag, codecs } = opened;
      if (session.role === 'viewer' && resumed === undefined && broadcast.full) this.#makeRoom(broadcast);
      this.#roster.seat(session, { transportId, iceTag, codecs, attempt: attempt.number });
      return { session: session.view(), resumeToken, resumed: resumed !== undefined, answer: opened.answer };
    } catch (error) {
      this.#media.closeTransport(transportId);
      throw error;
    }
  }

  /** An answer that comes after the answer to a newer request must not push that one aside. */
  #refuseWhenLate(attempt: Attempt, resumed: Session | undefined): void {
    if (resumed !== undefined && resumed.attempt > attempt.number) {
      throw new FanlightError('superseded');
    }
    const publisher = attempt.request.role === 'publisher' ? attempt.broadcast.publisher : undefined;
    if (publisher !== undefined && publisher.attempt > attempt.number) throw new FanlightError('already_live');
  }

  #sessionFor(attempt: Attempt, resumed: Session | undefined): { session: Session; resumeToken: string } {
    const { request, broadcast } = attempt;
    if (resumed && request.resume) return { session: resumed, resumeToken: request.resume.token };
    const { role, keyHash } = request;
    const birth = { role, broadcast: broadcast.name, keyHash, createdAtMs: this.#clock.now() };
    return Session.create(birth, this.#random);
  }

  #makeRoom(broadcast: Broadcast): void {
    const absent = broadcast.nextToGiveWay;
    if (absent) this.#roster.apply(absent, 'displaced');
  }

  #verdictOn(
    broadcast: Broadcast,
    { keyHash, asAdmin }: Pick<OpenSessionRequest, 'keyHash' | 'asAdmin'>,
    resumedSessionId: string | undefined,
  ): Verdict {
    const { publisher } = broadcast;
    const incumbent = publisher && {
      sessionId: publisher.id,
      gone: broadcast.isFree(this.#clock.now()),
      keyHash: publisher.keyHash,
    };
    return judgeClaim(incumbent, { resumedSessionId, keyHash, asAdmin });
  }

  #known(sessionId: string): Session {
    const session = this.#roster.session(sessionId);
    if (!session) throw new FanlightError('unknown_session');
    return session;
  }

  #refuseWhenStopping(): void {
    if (this.isStopping) throw shuttingDown();
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw shuttingDown();
  }
}

function shuttingDown(): FanlightError {
  return new FanlightError('shutting_down', undefined, { retryAfterSeconds: RESTART_RETRY_SECONDS });
}

function lossOf({ audio, video }: ViewerReception): number {
  return Math.max(audio?.lossShare ?? 0, video?.lossShare ?? 0);
}

/** The resumed session if it is still there. One that was lost meanwhile is opened anew, one that was stopped is not. */
function survivor(attempt: Attempt): Session | undefined {
  const { resumed } = attempt;
  if (resumed?.endReason === 'stopped') throw new FanlightError('unknown_session', 'It was stopped meanwhile.');
  return resumed?.state === 'ended' ? undefined : resumed;
}
