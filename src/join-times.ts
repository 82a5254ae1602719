// Measures joins, phase by phase: the request here, what the media workers tell of a transport, and the picture as the
// page tells it. One join for each session: resuming is none. It must not know how any of it comes about.

import type { JoinStep } from './broadcast/ports.ts';
import type { BroadcastEvent, BroadcastService, OpenedSession, SessionView } from './broadcast/service.ts';

/**
 * `request`: the offer until its answer. `ice`: from there to the first authentic STUN request. `dtls`: on to the proved
 * peer. `connect`: these three together. `packet`, `key-frame`: from there to the first one that leaves to the viewer.
 * `picture`: from the person's click to the first decoded frame.
 */
export type ViewerPhase = 'request' | JoinStep | 'connect' | 'picture';
/** The same of publishers, where `packet` and `key-frame` are the first ones that arrive. */
export type PublisherPhase = `publish-${Exclude<ViewerPhase, 'picture'>}`;
export type JoinPhase = ViewerPhase | PublisherPhase;

export interface JoinTimesOptions {
  readonly service: Pick<BroadcastService, 'subscribe' | 'session' | 'describe'>;
  readonly metrics: { observeJoin(phase: JoinPhase, seconds: number): void };
  /** Unix ms with fractions, on the clock that the media workers have. */
  readonly now: () => number;
}

interface Join {
  readonly role: SessionView['role'];
  readonly broadcast: string;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** What was reached, and when. */
  readonly reachedAtMs: Map<JoinStep, number>;
  /** Each phase counts once. */
  readonly measured: Set<ViewerPhase>;
}

const MEDIA_PHASES: ReadonlySet<ViewerPhase> = new Set<ViewerPhase>(['packet', 'key-frame', 'picture']);

export class JoinTimes {
  /** The clock of the media workers: who takes a moment for this reads it here. */
  readonly now: () => number;
  readonly #options: JoinTimesOptions;
  /** By session, from the answer until it ends or resumes. */
  readonly #joins = new Map<string, Join>();
  readonly #unsubscribe: () => void;

  constructor(options: JoinTimesOptions) {
    this.#options = options;
    this.now = options.now;
    this.#unsubscribe = options.service.subscribe((event) => this.#heard(event));
  }

  /** An offer was answered. Comes before the answer leaves, so that nothing of the connection lies before it. */
  answered(
    { session, resumed }: Pick<OpenedSession, 'session' | 'resumed'>,
    { askedAtMs, answeredAtMs }: { readonly askedAtMs: number; readonly answeredAtMs: number },
  ): void {
    const { id, role, broadcast } = session;
    this.#joins.delete(id);
    // It may have ended before its answer left.
    if (resumed || !this.#options.service.session(id)) return;
    const join: Join = {
      role,
      broadcast,
      askedAtMs,
      answeredAtMs,
      reachedAtMs: new Map(),
      measured: new Set(),
    };
    this.#joins.set(id, join);
    this.#measure(join, 'request', askedAtMs, answeredAtMs);
  }

  /** A viewer's page says how long its first picture took. */
  pictureShown(sessionId: string, ms: number): void {
    const join = this.#joins.get(sessionId);
    if (join?.role === 'viewer') this.#measure(join, 'picture', 0, ms);
  }

  close(): void {
    this.#unsubscribe();
  }

  #heard(event: BroadcastEvent): void {
    if (event.type === 'session' && event.session.state === 'ended') this.#joins.delete(event.session.id);
    if (event.type !== 'progress') return;
    const join = this.#joins.get(event.sessionId);
    if (join) this.#reached(join, event.step, event.atMs);
  }

  #reached(join: Join, step: JoinStep, atMs: number): void {
    join.reachedAtMs.set(step, atMs);
    switch (step) {
      case 'ice':
        this.#measure(join, 'ice', join.answeredAtMs, atMs);
        break;
      case 'dtls':
        this.#measure(join, 'dtls', join.reachedAtMs.get('ice') ?? atMs, atMs);
        this.#measure(join, 'connect', join.askedAtMs, atMs);
        break;
      default:
        this.#measure(join, step, join.reachedAtMs.get('dtls') ?? atMs, atMs);
    }
  }

  /** There was something to see since the transport came up. A viewer who waits for the publisher is not slow. */
  #hasBeenLive({ broadcast, reachedAtMs }: Join): boolean {
    const { state, sinceMs } = this.#options.service.describe(broadcast);
    const iceAtMs = reachedAtMs.get('ice');
    return state === 'live' && iceAtMs !== undefined && sinceMs <= iceAtMs;
  }

  #measure(join: Join, phase: ViewerPhase, fromMs: number, toMs: number): void {
    if (join.measured.has(phase)) return;
    join.measured.add(phase);
    const seconds = Math.max(0, toMs - fromMs) / 1000;
    if (join.role === 'viewer') {
      if (!MEDIA_PHASES.has(phase) || this.#hasBeenLive(join)) this.#options.metrics.observeJoin(phase, seconds);
    } else if (phase !== 'picture') this.#options.metrics.observeJoin(`publish-${phase}`, seconds);
  }
}
