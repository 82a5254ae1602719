// What people do: give names, write, and are kept from writing. Looks after store and news; the rules are elsewhere.
// It must not know sockets, nor who has a publisher's rights.

import { randomBytes } from 'node:crypto';
import { FanlightError } from '../../errors.ts';
import type { Limits } from '../limits.ts';
import { type BroadcastName, parseBroadcastName } from '../names.ts';
import type { ChatMessage, Clock, Store } from '../ports.ts';
import type { Roster } from '../roster.ts';
import type { Session } from '../session/session.ts';
import { TokenBucket } from '../token-bucket.ts';
import type { Author } from './chat-room.ts';
import type {
  ChatAuthor,
  ChatService,
  MutedPerson,
  MuteRequest,
  PeopleService,
  PresenceView,
} from './people-service.ts';
import { isNameOfPublishers, parseChatText, parseDisplayName, tidyReason } from './words.ts';

/** 72 bits. */
const MESSAGE_ID_BYTES = 9;

export interface PeopleDeskOptions {
  readonly roster: Roster;
  readonly store: Store;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Errors: shutting_down. */
  readonly refuseWhenClosed: () => void;
}

export class PeopleDesk implements PeopleService, ChatService {
  readonly #options: PeopleDeskOptions;
  readonly #roster: Roster;
  readonly #names = new WeakMap<Session, TokenBucket>();

  constructor(options: PeopleDeskOptions) {
    this.#options = options;
    this.#roster = options.roster;
  }

  rename(sessionId: string, name: string): void {
    const parsed = parseDisplayName(name);
    const session = this.#session(sessionId);
    if (session.role === 'viewer' && isNameOfPublishers(parsed)) {
      throw new FanlightError('invalid_display_name', 'The publisher is called so.');
    }
    if (parsed === session.name) return;
    if (!this.#namesOf(session).take(this.#options.clock.now())) {
      throw new FanlightError('too_many_requests', 'Names come too often.');
    }
    session.rename(parsed);
    this.#roster.keep(session);
  }

  present(broadcast: string): PresenceView {
    return this.#roster.presence.view(parseBroadcastName(broadcast));
  }

  post(broadcast: string, author: ChatAuthor, text: string): void {
    this.#options.refuseWhenClosed();
    const name = parseBroadcastName(broadcast);
    const by = this.#author(name, author);
    const parsed = parseChatText(text);
    const atMs = this.#options.clock.now();
    const place = this.#roster.obtain(name);
    try {
      place.chat.admit(by, place.settings, place.audience, atMs);
      const { viewer, role } = by;
      const id = randomBytes(MESSAGE_ID_BYTES).toString('base64url');
      this.#roster.say(place, { id, viewer, name: by.name, role, text: parsed, atMs });
    } finally {
      this.#roster.settle(place);
    }
  }

  history(broadcast: string): readonly ChatMessage[] {
    return this.#roster.broadcast(parseBroadcastName(broadcast))?.chat.history ?? [];
  }

  remove(broadcast: string, id: string): void {
    const name = parseBroadcastName(broadcast);
    const known = this.#roster.broadcast(name);
    if (!known?.chat.has(id)) return;
    known.admitNotice(this.#options.clock.now());
    known.chat.remove(id);
    this.#options.store.deleteChatMessage(name, id);
    this.#roster.settle(known);
    this.#roster.announcer.emit({ type: 'chat-deleted', broadcast: name, ids: [id] });
  }

  mute(broadcast: string, { viewer, seconds, reason }: MuteRequest): void {
    const name = parseBroadcastName(broadcast);
    const nowMs = this.#options.clock.now();
    const session = this.#viewers(name).find(({ alias }) => alias === viewer);
    if (seconds > 0) this.#refuseMute(name, session, nowMs);
    const known = this.#roster.broadcast(name);
    if (!known) return;
    known.admitNotice(nowMs);
    if (session) {
      session.muteUntil(seconds > 0 ? { untilMs: nowMs + seconds * 1000, reason: tidyReason(reason) } : undefined);
      this.#roster.keep(session);
    }
    // Also when that one has gone: then whoever asked has an old list.
    this.#roster.announcer.emit({ type: 'mutes', broadcast: name });
  }

  mutes(broadcast: string): readonly MutedPerson[] {
    const nowMs = this.#options.clock.now();
    return this.#viewers(parseBroadcastName(broadcast)).flatMap(({ alias, name, mute }) =>
      mute && mute.untilMs > nowMs ? [{ viewer: alias, name, ...mute }] : [],
    );
  }

  /** Each name goes to all sockets of the session, through whichever of them it came. */
  #namesOf(session: Session): TokenBucket {
    const { namesPerSecond, nameBurst } = this.#options.limits;
    const bucket = this.#names.get(session) ?? new TokenBucket(namesPerSecond, nameBurst);
    this.#names.set(session, bucket);
    return bucket;
  }

  /** Who is muted and gone is muted no more, but whoever is here can be. */
  #refuseMute(name: BroadcastName, session: Session | undefined, nowMs: number): void {
    if (!session) throw new FanlightError('unknown_viewer');
    if (!session.isMuted(nowMs) && this.mutes(name).length >= this.#options.limits.mutes) {
      throw new FanlightError('chat_mutes_full');
    }
  }

  /** Errors: unknown_session, invalid_display_name, chat_not_connected. */
  #author(name: BroadcastName, author: ChatAuthor): Author {
    if (!('sessionId' in author)) {
      return { viewer: null, name: parseDisplayName(author.name), role: author.role, mute: undefined, who: undefined };
    }
    const session = this.#session(author.sessionId);
    if (session.broadcast !== name) throw new FanlightError('unknown_session');
    if (session.role === 'viewer' && !session.wasConnected) throw new FanlightError('chat_not_connected');
    return { viewer: session.alias, name: session.name, role: session.role, mute: session.mute, who: session };
  }

  #session(id: string): Session {
    const session = this.#roster.session(id);
    if (!session) throw new FanlightError('unknown_session');
    return session;
  }

  #viewers(name: BroadcastName): Session[] {
    return [...(this.#roster.broadcast(name)?.viewers() ?? [])];
  }
}
