// One broadcast: who publishes, who views, what is sent, and the state that follows from it.
// It must not know transports, timers, the store or who listens.

import { FanlightError } from '../errors.ts';
import type { Track } from '../rtp/codec.ts';
import { DataRelay } from './data-relay.ts';
import type { Limits } from './limits.ts';
import type { BroadcastName } from './names.ts';
import { ChatRoom } from './people/chat-room.ts';
import type { BroadcastSettings, Role } from './ports.ts';
import type { BroadcastReason, BroadcastState, BroadcastView } from './service.ts';
import type { Session } from './session/session.ts';
import { changeSettings, DEFAULT_SETTINGS, isDefaultSettings } from './settings.ts';
import { TokenBucket } from './token-bucket.ts';

const NO_TRACKS: readonly Track[] = [];

/** What is told when it changes, all but the settings at once; the viewer count is not part of it. */
interface Face {
  readonly state: BroadcastState;
  readonly reason: BroadcastReason | undefined;
  readonly tracks: readonly Track[];
  readonly settings: BroadcastSettings;
  readonly graceEndsAtMs: number | undefined;
}

const BEFORE_ANYBODY: Face = {
  state: 'idle',
  reason: undefined,
  tracks: NO_TRACKS,
  settings: DEFAULT_SETTINGS,
  graceEndsAtMs: undefined,
};

export class Broadcast {
  readonly name: BroadcastName;
  readonly data: DataRelay;
  readonly chat: ChatRoom;
  readonly #limits: Limits;
  readonly #notices: TokenBucket;
  readonly #viewers = new Map<string, Session>();
  #publisher: Session | undefined;
  #settings = DEFAULT_SETTINGS;
  /** Of the last publisher; `tracks` is what counts. */
  #tracks = NO_TRACKS;
  /** Since it was idle the last time: without it a publisher on its way does not count as interrupted. */
  #hasBeenLive = false;
  readonly #opensInFlight: Record<Role, number> = { publisher: 0, viewer: 0 };
  #face = BEFORE_ANYBODY;
  /** Why the last one ended. */
  #endReason: BroadcastReason | undefined;
  #sinceMs: number;
  #touchedAtMs: number;

  constructor(name: BroadcastName, limits: Limits, nowMs: number) {
    this.name = name;
    this.data = new DataRelay(limits);
    this.chat = new ChatRoom(limits);
    this.#limits = limits;
    this.#notices = new TokenBucket(limits.noticesPerSecond, limits.noticeBurst);
    this.#sinceMs = nowMs;
    this.#touchedAtMs = nowMs;
  }

  get publisher(): Session | undefined {
    return this.#publisher;
  }

  get state(): BroadcastState {
    return this.#face.state;
  }

  /** What viewers are to receive: nothing while idle. */
  get tracks(): readonly Track[] {
    return this.#face.tracks;
  }

  get settings(): BroadcastSettings {
    return this.#settings;
  }

  /** Viewer sessions, whoever of them is there. */
  get audience(): number {
    return this.#viewers.size;
  }

  /** No place for one more viewer, unless an absent one gives way. */
  get full(): boolean {
    return this.audience >= this.#limits.viewersPerBroadcast;
  }

  /** The absent viewer whose grace ends first. */
  get nextToGiveWay(): Session | undefined {
    let next: Session | undefined;
    for (const viewer of this.#viewers.values()) {
      if (viewer.state !== 'away') continue;
      if (next === undefined || (viewer.deadlineMs ?? 0) < (next.deadlineMs ?? 0)) next = viewer;
    }
    return next;
  }

  /** A publisher has the name, or is on its way to it. */
  get published(): boolean {
    return this.#publisher !== undefined || this.#opensInFlight.publisher > 0;
  }

  /** Nobody is here, or on the way. */
  get deserted(): boolean {
    return !this.published && this.#viewers.size === 0 && this.#opensInFlight.viewer === 0;
  }

  /** What it keeps although nobody is here; undefined when somebody is, or when nobody would miss it. */
  get leftBehind(): 'messages' | 'settings' | undefined {
    if (!this.deserted) return undefined;
    if (!this.data.remembersNothing || this.chat.history.length > 0) return 'messages';
    return isDefaultSettings(this.#settings) ? undefined : 'settings';
  }

  /** Unix ms of the last change of anything. */
  get touchedAtMs(): number {
    return this.#touchedAtMs;
  }

  /** Something to show to people who look for broadcasts. */
  get worthListing(): boolean {
    if (this.#face.state !== 'idle' || !isDefaultSettings(this.#settings)) return true;
    return this.countedViewers > 0;
  }

  get countedViewers(): number {
    let count = 0;
    for (const viewer of this.#viewers.values()) if (viewer.counts) count += 1;
    return count;
  }

  viewers(): Iterable<Session> {
    return this.#viewers.values();
  }

  /** While an open is under way the broadcast is not forgotten. */
  beginOpen(role: Role): void {
    this.#opensInFlight[role] += 1;
  }

  endOpen(role: Role): void {
    this.#opensInFlight[role] -= 1;
  }

  /** Gives a session its place. A publisher replaces the one before. */
  seat(session: Session): void {
    if (session.role === 'publisher') this.#publisher = session;
    else this.#viewers.set(session.id, session);
  }

  /** A stored publisher was live before the restart. */
  restoreLive(): void {
    this.#hasBeenLive = true;
  }

  /** Removes an ended session. True when the broadcast ended with it, which forgets its labels and messages. */
  remove(session: Session): boolean {
    this.#viewers.delete(session.id);
    if (session !== this.#publisher) return false;
    this.#publisher = undefined;
    if (!this.#hasBeenLive) return false;
    this.#hasBeenLive = false;
    this.#endReason = session.reason;
    this.data.forget();
    return true;
  }

  setTracks(tracks: readonly Track[]): void {
    // The same tracks told again are no news.
    if (JSON.stringify(tracks) !== JSON.stringify(this.#tracks)) this.#tracks = tracks;
  }

  /** For what publishers and programs make everybody hear, apart from data and chat. Errors: too_many_requests. */
  admitNotice(nowMs: number): void {
    if (!this.#notices.take(nowMs)) throw new FanlightError('too_many_requests', 'Changes come too often.');
  }

  /** True when the settings are different now. */
  changeSettings(change: Partial<BroadcastSettings>): boolean {
    const before = this.#settings;
    this.#settings = changeSettings(before, change);
    return this.#settings !== before;
  }

  /**
   * Draws the conclusions from what changed in its sessions, tracks and settings. To be called after each change.
   * `visible`: more than the viewer count and the settings is different. `adjusted`: the settings are. `judged`: viewers whose `unsupportedCodec` changed.
   */
  refresh(nowMs: number): {
    readonly visible: boolean;
    readonly adjusted: boolean;
    readonly judged: readonly Session[];
  } {
    const before = this.#face;
    this.#touchedAtMs = nowMs;
    const state = this.#conclude();
    if (state === 'live') {
      this.#hasBeenLive = true;
      this.#endReason = undefined;
    }
    if (state !== before.state) this.#sinceMs = nowMs;
    const after: Face = {
      state,
      reason: this.#reasonOf(state),
      tracks: state === 'idle' ? NO_TRACKS : this.#tracks,
      settings: this.#settings,
      graceEndsAtMs: state === 'interrupted' ? this.#graceEndsAtMs() : undefined,
    };
    this.#face = after;
    const judged =
      after.tracks === before.tracks ? [] : [...this.#viewers.values()].filter((viewer) => viewer.judge(after.tracks));
    const visible =
      after.state !== before.state ||
      after.reason !== before.reason ||
      after.tracks !== before.tracks ||
      after.graceEndsAtMs !== before.graceEndsAtMs;
    return { visible, adjusted: after.settings !== before.settings, judged };
  }

  view(nowMs: number): BroadcastView {
    return {
      name: this.name,
      state: this.#face.state,
      sinceMs: this.#sinceMs,
      reason: this.#face.reason,
      viewers: this.countedViewers,
      tracks: this.#face.tracks,
      title: this.#settings.title,
      listed: this.#settings.listed,
      chat: this.#settings.chat,
      slowModeSeconds: this.#settings.slowModeSeconds,
      graceEndsAtMs: this.#face.graceEndsAtMs,
      free: this.isFree(nowMs),
    };
  }

  /** Nobody has the name, or who has it is gone. */
  isFree(nowMs: number): boolean {
    if (!this.#publisher) return true;
    const goneAtMs = this.#publisher.goneAtMs(this.#limits.silentPublisherMs);
    return goneAtMs !== undefined && goneAtMs <= nowMs;
  }

  #conclude(): BroadcastState {
    if (this.#publisher?.state === 'connected') return 'live';
    return this.#publisher !== undefined && this.#hasBeenLive ? 'interrupted' : 'idle';
  }

  #reasonOf(state: BroadcastState): BroadcastReason | undefined {
    if (state === 'live') return undefined;
    return state === 'interrupted' ? this.#publisher?.reason : this.#endReason;
  }

  #graceEndsAtMs(): number | undefined {
    const deadlineMs = this.#publisher?.deadlineMs;
    if (deadlineMs === undefined || this.#publisher?.state === 'away') return deadlineMs;
    // On its way back: when the new transport does not come up either, the grace follows.
    return deadlineMs + this.#limits.publisherGraceMs;
  }
}
