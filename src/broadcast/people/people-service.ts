// What signaling/ may ask about the people of a broadcast: who is here, and what they write. Interfaces only.

import type { ChatMessage, Role } from '../ports.ts';

/** Somebody who is here and has given a name. */
export interface PresenceEntry {
  /** `Session.alias`. */
  readonly viewer: string;
  readonly name: string;
  readonly role: Role;
}

export interface PresenceView {
  /** At most 500. */
  readonly people: readonly PresenceEntry[];
  /** All who have given a name. */
  readonly total: number;
}

/** Leads from one view to the next. */
export interface PresenceChange {
  readonly joined: readonly PresenceEntry[];
  readonly left: readonly PresenceEntry[];
  /** Under their new names. */
  readonly changed: readonly PresenceEntry[];
  readonly total: number;
}

export interface PeopleService {
  /** Gives a session a name, or takes it back with an empty one. Errors: invalid_display_name, unknown_session, too_many_requests. */
  rename(sessionId: string, name: string): void;
  /** As last told; the same object until the next change is told. Errors: invalid_name. */
  present(broadcast: string): PresenceView;
}

/** A session, or somebody with a publisher's rights who has none. */
export type ChatAuthor =
  | { readonly sessionId: string }
  | { readonly role: 'publisher' | 'program'; readonly name: string };

export interface MutedPerson {
  readonly viewer: string;
  readonly name: string;
  /** Unix ms. */
  readonly untilMs: number;
  readonly reason: string;
}

export interface MuteRequest {
  readonly viewer: string;
  /** From now; 0 lets the person write again. */
  readonly seconds: number;
  readonly reason: string;
}

export interface ChatService {
  /**
   * Errors: invalid_name, invalid_chat_message, unknown_session, chat_not_connected, chat_off, chat_publisher_only, chat_needs_name,
   * chat_muted, chat_slow_mode, chat_rate_exceeded, broadcast_limit, shutting_down.
   */
  post(broadcast: string, author: ChatAuthor, text: string): void;
  /** Oldest first; the same array until something changes. Errors: invalid_name. */
  history(broadcast: string): readonly ChatMessage[];
  /** Everybody is told, when it was remembered. Errors: invalid_name, too_many_requests. */
  remove(broadcast: string, id: string): void;
  /** Deletes nothing. Errors: invalid_name, unknown_viewer, chat_mutes_full, too_many_requests. */
  mute(broadcast: string, request: MuteRequest): void;
  /** Who may not write now. Errors: invalid_name. */
  mutes(broadcast: string): readonly MutedPerson[];
}
