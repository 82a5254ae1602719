// Everybody who is here: broadcasts, sessions and their transports, and what each change brings with it: deadlines,
// store, news. The one place that changes them. It must not know who asked for the change, or wait for anything.

import { Announcer } from './announcer.ts';
import type { Broadcast } from './broadcast.ts';
import type { MessageOutcome } from './data-relay.ts';
import { Directory } from './directory.ts';
import type { Limits } from './limits.ts';
import type { BroadcastName } from './names.ts';
import { Oblivion } from './oblivion.ts';
import { PresenceDesk } from './people/presence-desk.ts';
import {
  type BroadcastSettings,
  type ChatMessage,
  type Clock,
  type DataMessage,
  type MediaPort,
  type Role,
  type Store,
  TIMED_LABEL,
  type TransportEndReason,
} from './ports.ts';
import { type Jitter, recall } from './recall.ts';
import type { BroadcastReason, BroadcastView } from './service.ts';
import { REASON_OF_CLOSING } from './session/absence.ts';
import { Deadlines } from './session/deadlines.ts';
import { type Carrier, Session } from './session/session.ts';
import type { SessionEvent } from './session/session-state.ts';
import { DEFAULT_SETTINGS } from './settings.ts';

/** What the domain tells the operator. pino fits. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RosterOptions {
  readonly media: MediaPort;
  readonly store: Store;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly jitter: Jitter;
  readonly log: Log | undefined;
}

export class Roster {
  readonly announcer: Announcer;
  readonly presence: PresenceDesk;
  readonly #media: MediaPort;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #jitter: Jitter;
  readonly #log: Log | undefined;
  readonly #directory: Directory;
  readonly #sessions = new Map<string, Session>();
  readonly #byTransport = new Map<string, Session>();
  readonly #sessionDeadlines: Deadlines<Session>;
  /** Publishers of which nothing is heard: who waits for the name is told when strangers may have it. */
  readonly #silences: Deadlines<Session>;
  readonly #oblivion: Oblivion;
  #onDeserted = () => {};

  constructor(options: RosterOptions) {
    this.#media = options.media;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#jitter = options.jitter;
    this.#log = options.log;
    this.#directory = new Directory({
      clock: this.#clock,
      limits: this.#limits,
      forget: (broadcast) => {
        this.#forgetMessages(broadcast);
        this.#forgetSettings(broadcast);
        this.settle(broadcast);
      },
    });
    this.#sessionDeadlines = new Deadlines(this.#clock, (session) => this.apply(session, 'deadline'));
    this.#silences = new Deadlines(this.#clock, (session) => this.announcer.broadcastChanged(session.broadcast));
    const onDue = (broadcast: Broadcast) => this.#forgetLeftBehind(broadcast);
    this.#oblivion = new Oblivion({ clock: this.#clock, limits: this.#limits, onDue });
    this.announcer = new Announcer({
      clock: this.#clock,
      quietMs: this.#limits.viewerCountQuietMs,
      deliveriesPerSecond: this.#limits.newsDeliveriesPerSecond,
      viewOf: (name) => this.view(name as BroadcastName),
      onFault: (error) => this.#log?.warn({ err: error }, 'a listener of domain events failed'),
    });
    this.presence = new PresenceDesk(this.#clock, this.announcer);
  }

  broadcasts(): Iterable<Broadcast> {
    return this.#directory.all();
  }

  broadcast(name: BroadcastName): Broadcast | undefined {
    return this.#directory.get(name);
  }

  sessions(): Iterable<Session> {
    return this.#sessions.values();
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  sessionOfTransport(transportId: string): Session | undefined {
    return this.#byTransport.get(transportId);
  }

  /** Called back each time that the last transport is gone. */
  onDeserted(callback: () => void): void {
    this.#onDeserted = callback;
  }

  /** An unknown broadcast is idle since the start. */
  view(name: BroadcastName): BroadcastView {
    return this.#directory.getOrBlank(name).view(this.#clock.now());
  }

  /** For a publisher, or for anything else that needs the name. Then call `settle`, which forgets it when nothing came of it. Errors: broadcast_limit. */
  obtain(name: BroadcastName, role?: Role): Broadcast {
    return this.#directory.obtain(name, role);
  }

  /** Everybody that the store knows is away, with a fresh grace. */
  restore(): void {
    const stored = this.#store.load();
    for (const { name, settings, stateMessages, chat } of stored.broadcasts) {
      const broadcast = this.#directory.getOrAdd(name as BroadcastName);
      broadcast.changeSettings(settings);
      broadcast.data.restore(stateMessages);
      for (const { id } of broadcast.chat.restore(chat)) this.#store.deleteChatMessage(name, id);
    }
    const oldestFirst = [...stored.sessions].sort((a, b) => a.createdAtMs - b.createdAtMs);
    for (const session of oldestFirst.map((each) => Session.restore(each))) {
      const broadcast = this.#directory.getOrAdd(session.broadcast);
      const replaced = session.role === 'publisher' ? broadcast.publisher : undefined;
      session.apply('restored', this.#clock.now(), this.#limits);
      this.#sessions.set(session.id, session);
      broadcast.seat(session);
      if (session.role === 'publisher') broadcast.restoreLive();
      // The server died in the middle of a takeover.
      if (replaced) this.apply(replaced, 'taken-over');
      this.settle(broadcast, session);
    }
    for (const broadcast of [...this.#directory.all()]) this.settle(broadcast);
    this.#directory.makePlace(0);
  }

  /** Gives a new or resumed session its place and its transport; the transport and the publisher before it have to go. */
  seat(session: Session, carrier: Carrier): void {
    const broadcast = this.#broadcastOf(session);
    const counted = session.counts && this.#sessions.has(session.id);
    const replaced = session.role === 'publisher' && broadcast.publisher !== session ? broadcast.publisher : undefined;
    this.#releaseTransport(session);
    session.carryBy(carrier);
    session.apply('transport-opened', this.#clock.now(), this.#limits);
    this.#byTransport.set(carrier.transportId, session);
    if (!this.#sessions.has(session.id)) {
      this.#sessions.set(session.id, session);
      this.#store.saveSession(session.stored());
      this.#log?.info(fieldsOf(session), 'session opened');
    }
    broadcast.seat(session);
    if (replaced) this.apply(replaced, 'taken-over');
    if (session.role === 'publisher') this.#media.beginSource(broadcast.name, carrier.transportId);
    const judged = session.role === 'viewer' && session.judge(broadcast.tracks) ? [session] : [];
    this.settle(broadcast, session);
    this.#recallUnable(judged);
    if (session.role === 'viewer' && !counted) this.announcer.broadcastChangedSoon(broadcast.name);
  }

  /** Drives a session's life. An ended one is gone for good: place, transport, store. */
  apply(session: Session, event: SessionEvent, reason?: BroadcastReason): void {
    const counted = session.counts;
    if (!session.apply(event, this.#clock.now(), this.#limits, reason)) return;
    const broadcast = this.#broadcastOf(session);
    if (session.state === 'ended') this.#retire(session, broadcast);
    this.settle(broadcast, session);
    if (session.role === 'viewer' && session.counts !== counted) this.announcer.broadcastChangedSoon(broadcast.name);
    // A name without its publisher takes the place of another one.
    if (session.role === 'publisher' && session.state === 'ended') this.#directory.makePlace(0);
  }

  fellSilent(session: Session, forMs: number): void {
    session.fellSilent(forMs, this.#clock.now());
    this.apply(session, 'silent');
  }

  /** The transport is gone already. */
  transportClosed(session: Session, reason: TransportEndReason): void {
    this.#dropTransport(session);
    this.apply(session, 'transport-closed', REASON_OF_CLOSING[reason]);
  }

  /** Its name or mute changed: keeps that, and tells. */
  keep(session: Session): void {
    this.#store.saveSession(session.stored());
    this.settle(this.#broadcastOf(session), session);
  }

  /** Draws the conclusions from a change in a broadcast, and tells them. */
  settle(broadcast: Broadcast, changed?: Session): void {
    const { visible, adjusted, judged } = broadcast.refresh(this.#clock.now());
    if (changed) {
      this.#sessionDeadlines.set(changed, changed.deadlineMs);
      this.#followSilence(changed);
      this.presence.note(changed);
    }
    this.#oblivion.follow(broadcast);
    if (broadcast.deserted && broadcast.leftBehind === undefined) this.#directory.delete(broadcast.name);
    // Listeners come last: they may call back. Who hears that it cannot decode has heard what to do about it.
    this.#recallUnable(judged);
    for (const session of new Set(changed ? [changed, ...judged] : judged)) {
      this.announcer.emit({ type: 'session', session: session.view() });
    }
    if (visible) this.announcer.broadcastChanged(broadcast.name);
    else if (adjusted) this.announcer.broadcastChangedSoon(broadcast.name);
  }

  /** A data message from the publisher or a program: checked, remembered, sent on, told. Then call `settle`. */
  relay(broadcast: Broadcast, offered: DataMessage): MessageOutcome {
    const result = broadcast.data.accept(offered, this.#clock.now());
    if (result.outcome === 'refused') return result;
    const { message } = result;
    if (result.opensLabel) this.#media.openDataLabel(broadcast.name, message.label);
    const timedBy = message.label === TIMED_LABEL ? broadcast.publisher?.transportId : undefined;
    this.#media.sendData(broadcast.name, message, timedBy);
    if (result.remembered) {
      this.#store.saveStateMessage(broadcast.name, message);
      // A message for nobody starts its time anew; `settle` sets it.
      this.#oblivion.renew(broadcast);
    }
    this.announcer.emit({ type: 'data', broadcast: broadcast.name, message });
    return result;
  }

  /** Changes and keeps settings. Then call `settle`. */
  changeSettings(broadcast: Broadcast, change: Partial<BroadcastSettings>): void {
    if (!broadcast.changeSettings(change)) return;
    this.#store.saveSettings(broadcast.name, broadcast.settings);
    // As with messages: the time for which they are kept starts anew.
    this.#oblivion.renew(broadcast);
  }

  /** Remembers a chat message, and tells it. Then call `settle`. */
  say(broadcast: Broadcast, message: ChatMessage): void {
    const dropped = broadcast.chat.remember(message);
    this.#store.saveChatMessage(broadcast.name, message);
    for (const { id } of dropped) this.#store.deleteChatMessage(broadcast.name, id);
    this.#oblivion.renew(broadcast);
    this.announcer.emit({ type: 'chat', broadcast: broadcast.name, message });
  }

  /** The server stops: everybody is told, nobody is forgotten. */
  close(): void {
    this.#sessionDeadlines.clear();
    this.#silences.clear();
    this.#oblivion.clear();
    const nowMs = this.#clock.now();
    for (const session of this.#sessions.values()) {
      session.apply('server-stopping', nowMs, this.#limits);
      this.#releaseTransport(session);
      this.announcer.emit({ type: 'session', session: session.view() });
    }
    this.#sessions.clear();
    this.#directory.clear();
    this.presence.close();
    this.announcer.close();
  }

  #followSilence(session: Session): void {
    if (session.role !== 'publisher') return;
    const goneAtMs = session.goneAtMs(this.#limits.silentPublisherMs);
    // Of one that is gone already the news of the change itself says so.
    this.#silences.set(session, goneAtMs !== undefined && goneAtMs > this.#clock.now() ? goneAtMs : undefined);
  }

  #broadcastOf(session: Session): Broadcast {
    const broadcast = this.#directory.get(session.broadcast);
    if (!broadcast) throw new Error(`A session's broadcast "${session.broadcast}" was forgotten`);
    return broadcast;
  }

  #retire(session: Session, broadcast: Broadcast): void {
    this.#sessions.delete(session.id);
    this.#releaseTransport(session);
    if (session.role === 'publisher') this.#media.endSource(broadcast.name);
    this.#store.deleteSession(session.id);
    if (broadcast.remove(session)) this.#store.deleteStateMessages(broadcast.name);
    this.#log?.info({ ...fieldsOf(session), reason: session.endReason }, 'session ended');
  }

  #releaseTransport(session: Session): void {
    if (session.transportId === undefined) return;
    this.#media.closeTransport(session.transportId);
    this.#dropTransport(session);
  }

  #dropTransport(session: Session): void {
    if (session.transportId !== undefined) this.#byTransport.delete(session.transportId);
    session.dropTransport();
    if (this.#byTransport.size === 0) this.#onDeserted();
  }

  /** Another offer of theirs may have what this one lacks. */
  #recallUnable(judged: readonly Session[]): void {
    const unable = judged.filter(({ unsupportedCodec }) => unsupportedCodec !== undefined);
    recall(unable, 'codec', { announcer: this.announcer, jitter: this.#jitter });
  }

  #forgetLeftBehind(broadcast: Broadcast): void {
    if (broadcast.leftBehind === 'messages') this.#forgetMessages(broadcast);
    else this.#forgetSettings(broadcast);
    this.settle(broadcast);
  }

  #forgetMessages(broadcast: Broadcast): void {
    if (broadcast.data.forget()) this.#store.deleteStateMessages(broadcast.name);
    if (broadcast.chat.forget()) this.#store.deleteChat(broadcast.name);
  }

  #forgetSettings(broadcast: Broadcast): void {
    this.changeSettings(broadcast, DEFAULT_SETTINGS);
  }
}

/** A session's id is a capability, so the log gets only enough of it to tell sessions apart. */
function fieldsOf(session: Session): object {
  return { broadcast: session.broadcast, role: session.role, session: session.id.slice(0, 6) };
}
