// The domain's service: hands each question and wish to who knows, and answers what is asked about broadcasts.
// It must not know HTTP, sockets or SDP.

import { randomBytes } from 'node:crypto';
import { FanlightError } from '../errors.ts';
import { Admission } from './admission.ts';
import { Drain } from './drain.ts';
import { LayerBoard } from './layer-board.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { MediaListener } from './media-listener.ts';
import { parseBroadcastName, parseLabel } from './names.ts';
import { PeopleDesk } from './people/people-desk.ts';
import type { BroadcastSettings, Clock, DataMessage, IceDescription, LayerView, MediaPort, Store } from './ports.ts';
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
  Reach,
  SessionView,
  ViewerReception,
} from './service.ts';
import type { RandomSource, Session } from './session/session.ts';

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

export class Registry implements BroadcastService {
  readonly people: PeopleDesk;
  readonly chat: PeopleDesk;
  readonly #media: MediaPort;
  readonly #clock: Clock;
  readonly #roster: Roster;
  readonly #admission: Admission;
  readonly #drain: Drain;
  readonly #layers: LayerBoard;
  #closed = false;

  /** Loads the store: whoever was here before the restart is away, and may resume. */
  constructor(options: RegistryOptions) {
    const { media, store, clock, log, jitter = Math.random } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#media = media;
    this.#clock = clock;
    this.#roster = new Roster({ media, store, clock, limits, jitter, log });
    this.#admission = new Admission({
      media,
      clock,
      roster: this.#roster,
      random: options.random ?? randomBytes,
      refuseWhenStopping: () => this.#refuseWhenStopping(),
      isClosed: () => this.#closed,
    });
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

  open(request: OpenSessionRequest): Promise<OpenedSession> {
    return this.#admission.open(request);
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
    return broadcast === undefined || this.#admission.admits(broadcast, claim);
  }

  endPublisher(name: string, claim: Omit<PublisherClaim, 'sessionId'>): void {
    const broadcast = this.#roster.broadcast(parseBroadcastName(name));
    if (!broadcast?.publisher) throw new FanlightError('unknown_session', 'Nobody publishes under this name.');
    if (!this.#admission.admits(broadcast, { ...claim, sessionId: undefined })) throw new FanlightError('already_live');
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

  subscribe(listener: (event: BroadcastEvent) => void, reach?: Reach): () => void {
    return this.#roster.announcer.subscribe(listener, reach);
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
