// A registry on fake media, clock and store, with the verbs that its tests use. For tests only.

import type { Limits } from '../broadcast/limits.ts';
import { Registry } from '../broadcast/registry.ts';
import type { BroadcastEvent, OpenedSession, OpenSessionRequest } from '../broadcast/service.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { FakeClock, FakeMedia } from './fakes.ts';

type Overrides = Partial<Omit<OpenSessionRequest, 'role'>>;

export class Stage {
  readonly clock: FakeClock;
  readonly media = new FakeMedia();
  readonly store: MemoryStore;
  readonly registry: Registry;
  readonly events: BroadcastEvent[] = [];
  readonly logged: string[] = [];
  readonly #limits: Partial<Limits>;

  constructor(limits: Partial<Limits> = {}, before?: Stage) {
    this.#limits = limits;
    this.clock = before?.clock ?? new FakeClock();
    this.store = before?.store ?? new MemoryStore();
    const log = (fields: object, message: string) => this.logged.push(`${message} ${JSON.stringify(fields)}`);
    const { clock, media, store } = this;
    this.registry = new Registry({ media, store, clock, limits, log: { info: log, warn: log } });
    this.registry.subscribe((event) => this.events.push(event));
  }

  /** The server stops and starts again, with the same store. */
  restart(): Stage {
    this.registry.close();
    return new Stage(this.#limits, this);
  }

  open(role: 'publisher' | 'viewer', overrides: Overrides = {}): Promise<OpenedSession> {
    return this.registry.open({
      role,
      broadcast: 'live',
      offer: 'offer',
      keyHash: null,
      asAdmin: false,
      resume: undefined,
      addressHints: [],
      ...overrides,
    });
  }

  /** Opens and connects. */
  async publish(overrides: Overrides = {}): Promise<OpenedSession & { transportId: string }> {
    const opened = await this.open('publisher', overrides);
    const transportId = this.media.lastTransportId;
    this.media.emit({ type: 'connected', transportId });
    return { ...opened, transportId };
  }

  /** Opens and connects. */
  async watch(overrides: Overrides = {}): Promise<OpenedSession & { transportId: string }> {
    const opened = await this.open('viewer', overrides);
    const transportId = this.media.lastTransportId;
    this.media.emit({ type: 'connected', transportId });
    return { ...opened, transportId };
  }

  lose(transportId: string): void {
    this.media.emit({ type: 'closed', transportId, reason: 'failed' });
  }

  /** The server itself loses it. */
  killWorkerOf(transportId: string): void {
    this.media.emit({ type: 'closed', transportId, reason: 'worker-died' });
  }

  /** What the listener heard about a session: `away`, `ended grace-over`. */
  storyOf(sessionId: string): string[] {
    return this.events.flatMap((event) => {
      if (event.type !== 'session' || event.session.id !== sessionId) return [];
      const { state, endReason } = event.session;
      return [endReason ? `${state} ${endReason}` : state];
    });
  }

  /** What the listener heard about a broadcast: `live 3`. */
  newsOf(name: string): string[] {
    return this.events.flatMap((event) =>
      event.type === 'broadcast' && event.broadcast.name === name
        ? [`${event.broadcast.state} ${event.broadcast.viewers}`]
        : [],
    );
  }
}

/** The resume header of an opened session. */
export function resumeOf(opened: OpenedSession): { resume: { sessionId: string; token: string } } {
  return { resume: { sessionId: opened.session.id, token: opened.resumeToken } };
}
