// The domain's face toward signaling/ and http/: what they may ask, and what they are told. Implemented by registry.ts.

import type { Track } from '../rtp/codec.ts';
import type { ChatService, PeopleService, PresenceChange } from './people/people-service.ts';
import type {
  BroadcastSettings,
  ChatMessage,
  ChatRight,
  DataMessage,
  IceDescription,
  JoinStep,
  LayerView,
  Mute,
  Role,
  ViewerQuality,
} from './ports.ts';

/** `idle`: nobody publishes. `live`. `interrupted`: the publisher is gone and its grace runs. */
export type BroadcastState = 'idle' | 'live' | 'interrupted';

/**
 * Why it is interrupted: `left` (the page or program went away and may come back), `connection-lost`, `server-restarted`,
 * `replaced` (a new connection takes the place of the old one). Why it is idle after having been live: `stopped` (by the
 * publisher), `removed` (by the admin), `grace-over` (it did not come back).
 */
export type BroadcastReason =
  | 'left'
  | 'connection-lost'
  | 'server-restarted'
  | 'replaced'
  | 'stopped'
  | 'removed'
  | 'grace-over';

export interface BroadcastView {
  readonly name: string;
  readonly state: BroadcastState;
  /** Unix ms at which the state began. */
  readonly sinceMs: number;
  /** Why it is not live; undefined when it is, or when there is nothing to say. */
  readonly reason: BroadcastReason | undefined;
  /** Viewer sessions that are connecting or connected, or were and may be back any moment (`away`). */
  readonly viewers: number;
  readonly tracks: readonly Track[];
  readonly title: string;
  readonly listed: boolean;
  readonly chat: ChatRight;
  readonly slowModeSeconds: number;
  /** Only when interrupted: Unix ms at which the broadcast becomes idle. */
  readonly graceEndsAtMs: number | undefined;
  /** Anybody who may publish may take the name: nobody has it, or who has it is gone. */
  readonly free: boolean;
}

/** `away`: its transport is gone or silent and its grace runs. */
export type SessionState = 'connecting' | 'connected' | 'away' | 'ended';

export type SessionEndReason = 'stopped' | 'grace-over' | 'taken-over' | 'server-stopping';

export interface SessionView {
  readonly id: string;
  readonly role: Role;
  readonly broadcast: string;
  readonly state: SessionState;
  /** Why it ended; undefined before. */
  readonly endReason: SessionEndReason | undefined;
  /** Viewer: the publisher's codec that this viewer cannot decode, for people (`AV1`); undefined when all is well. */
  readonly unsupportedCodec: string | undefined;
  /** Entity tag of the current ICE session (without quotes). */
  readonly iceTag: string;
  /** What others know it by (`viewer`); says nothing of the id. */
  readonly alias: string;
  /** As others see it; empty when none was given. */
  readonly name: string;
  /** May be over. */
  readonly mute: Mute | undefined;
}

export interface OpenSessionRequest {
  readonly role: Role;
  readonly broadcast: string;
  readonly offer: string;
  /** SHA-256 hex of the bearer token that came with the request; null without one. */
  readonly keyHash: string | null;
  /** It is the admin key: takes over whoever is live. */
  readonly asAdmin: boolean;
  /** From the `Fanlight-Resume` header. */
  readonly resume: { readonly sessionId: string; readonly token: string } | undefined;
  readonly addressHints: readonly string[];
}

/** By what somebody speaks for the publisher of a broadcast. */
export interface PublisherClaim {
  /** Of a session whose resume token came along. */
  readonly sessionId: string | undefined;
  readonly keyHash: string | null;
  readonly asAdmin: boolean;
}

export interface OpenedSession {
  readonly session: SessionView;
  /** Secret, 128 random bits, base64url. A resumed session keeps its token. */
  readonly resumeToken: string;
  readonly resumed: boolean;
  readonly answer: string;
}

export type BroadcastEvent =
  /** Something in the view changed (for the viewer count and settings alone at most one event per broadcast and 100 ms, and fewer the more clients hear it). */
  | { readonly type: 'broadcast'; readonly broadcast: BroadcastView }
  | { readonly type: 'session'; readonly session: SessionView }
  | { readonly type: 'data'; readonly broadcast: string; readonly message: DataMessage }
  /** The publisher's video layers: one became active or not, another one is forwarded, a size or bitrate changed. */
  | { readonly type: 'layers'; readonly broadcast: string; readonly layers: readonly LayerView[] }
  | { readonly type: 'presence'; readonly broadcast: string; readonly change: PresenceChange }
  | { readonly type: 'chat'; readonly broadcast: string; readonly message: ChatMessage }
  | { readonly type: 'chat-deleted'; readonly broadcast: string; readonly ids: readonly string[] }
  /** Somebody was muted, or may write again. */
  | { readonly type: 'mutes'; readonly broadcast: string }
  /** A viewer session read its data too slowly and lost messages. */
  | { readonly type: 'data-lost'; readonly sessionId: string; readonly label: string; readonly messages: number }
  /** The session's client should come back by a new offer, after so long. `codec`: it did not negotiate what is sent now. */
  | {
      readonly type: 'reconnect';
      readonly sessionId: string;
      readonly reason: ReconnectReason;
      readonly afterMs: number;
    }
  /** The session's transport took a step toward its first picture, as `TransportEvent` says it. */
  | { readonly type: 'progress'; readonly sessionId: string; readonly step: JoinStep; readonly atMs: number };

/** To how many clients a listener brings what happens in a broadcast. */
export type Reach = (broadcast: string) => number;

/** `codec`: the publisher sends what this viewer did not negotiate. */
export type ReconnectReason = 'server-stopping' | 'codec';

/** How one connected viewer receives. */
export interface ViewerReception extends Omit<ViewerQuality, 'transportId'> {
  /** Tells viewers apart for as long as their session lasts; not its id, which is for its owner. */
  readonly viewer: string;
}

export interface BroadcastService {
  readonly people: PeopleService;
  readonly chat: ChatService;
  /**
   * Opens or resumes a session and answers the offer.
   * Errors: invalid_name, malformed_sdp, unsupported_offer, unsupported_codec, wrong_resume_token, already_live,
   * viewer_limit, broadcast_limit, transport_limit, worker_unavailable, shutting_down, superseded, unknown_session.
   * An unknown session in `resume` is not an error: a new session is opened.
   * Of several requests for one session or name the latest counts; an earlier one that is answered after it fails with
   * superseded (same session) or already_live. unknown_session: the session was stopped while it was resumed.
   */
  open(request: OpenSessionRequest): Promise<OpenedSession>;
  /** Errors: unknown_session, worker_unavailable. */
  restartIce(sessionId: string): Promise<IceDescription>;
  session(sessionId: string): SessionView | undefined;
  /** True when the token is the session's resume token (constant time). False for an unknown session. */
  verifyResumeToken(sessionId: string, token: string): boolean;
  /** SHA-256 hex of the bearer token that opened the session; null without one, or for an unknown session. */
  keyHashOf(sessionId: string): string | null;
  /** Ends a session at once (DELETE, Stop). Error: unknown_session. */
  end(sessionId: string): void;
  /**
   * Ends the session of the publisher, for whoever might take its broadcast over. Viewers stay, and are told whether it
   * was the admin (`removed`).
   * Errors: invalid_name, unknown_session (nobody publishes), already_live (somebody else does).
   */
  endPublisher(name: string, claim: Omit<PublisherClaim, 'sessionId'>): void;
  /** True for whoever might take the broadcast over, or is its publisher; for anybody while nobody has it. Error: invalid_name. */
  speaksForPublisher(name: string, claim: PublisherClaim): boolean;
  /** The client says that it goes away for a moment (page reload): the grace begins now. Unknown ids are ignored. */
  leave(sessionId: string): void;
  /** Every broadcast that is not idle, has viewers or has settings worth showing; live first, newest first. Unlisted ones only with `all`. */
  list(options: { readonly all: boolean }): BroadcastView[];
  /** The view of any valid name; an unknown one is idle. Error: invalid_name. */
  describe(name: string): BroadcastView;
  /** As last told; empty when idle. Error: invalid_name. */
  layers(name: string): readonly LayerView[];
  /** What the connected viewers' transports tell, those with the greatest loss first. Error: invalid_name. */
  receptions(name: string): Promise<readonly ViewerReception[]>;
  /**
   * A data message from a program, with the publisher's rights.
   * Errors: invalid_name, invalid_label, message_too_large, data_rate_exceeded, state_memory_full, broadcast_limit, shutting_down.
   */
  publishData(name: string, message: DataMessage): void;
  /** The remembered `state` messages, oldest first. The same array and messages until something changes. */
  stateMessages(name: string): readonly DataMessage[];
  /** Errors: invalid_name, too_many_requests, broadcast_limit, shutting_down. */
  updateSettings(name: string, change: Partial<BroadcastSettings>): BroadcastView;
  /** Listener is called synchronously after each change. Returns unsubscribe. `reach`: nobody when not given. */
  subscribe(listener: (event: BroadcastEvent) => void, reach?: Reach): () => void;
  /** Counters for metrics. */
  totals(): { readonly broadcasts: number; readonly viewers: number; readonly publishers: number };
  /** It takes no sessions any more. */
  readonly isStopping: boolean;
  /**
   * Stops taking sessions and asks those that are here to go elsewhere; their media goes on. Resolves when no session has a
   * transport any more, or after `deadlineMs`.
   */
  drain(deadlineMs: number): Promise<void>;
  /** Stops taking sessions, closes transports, keeps sessions in the store. Idempotent. */
  close(): void;
}
