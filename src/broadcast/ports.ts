// What the domain needs from the outside: media, store, clock. Interfaces only; media/ and store/ implement them.

import type { ErrorCode } from '../errors.ts';
import type { Codec, Track } from '../rtp/codec.ts';

export type Role = 'publisher' | 'viewer';

/** A data message as it crosses the relay: the bytes are never looked into. */
export interface DataMessage {
  readonly label: string;
  /** True: arrived as binary; false: arrived as text (payload is UTF-8). */
  readonly binary: boolean;
  readonly payload: Uint8Array;
}

/** Of one payload; larger ones are refused. */
export const MAX_DATA_MESSAGE_BYTES = 64 * 1024;

/** The control channel between one client and the server; never relayed. */
export const CONTROL_LABEL = 'fanlight';

/** Its messages belong to video frames: JSON objects with `rtpTimestamp`, which viewers receive in the numbers that they see. */
export const TIMED_LABEL = 'timed';

/** Labels whose last message is remembered for late joiners, and whose newest is worth more than the ones before. */
export function isStateLabel(label: string): boolean {
  return label === 'state' || label.startsWith('state/');
}

export interface OpenTransportRequest {
  readonly transportId: string;
  readonly broadcast: string;
  readonly role: Role;
  /** SDP offer, already bounded in size. */
  readonly offer: string;
  /** Addresses by which this client reached us over HTTP, best first; put in front of the announced candidates. */
  readonly addressHints: readonly string[];
  /** Viewer only: what the publisher sends now. The offer must be able to decode each kind that it asks for. */
  readonly requiredTracks: readonly Track[];
}

export interface OpenedTransport {
  readonly answer: string;
  /** Local ICE username fragment: identifies the ICE session, becomes the entity tag. */
  readonly iceTag: string;
  /** Publisher: what it is going to send, as negotiated (most preferred codec of each kind). Viewer: empty. */
  readonly tracks: readonly Track[];
  /** Viewer: every codec it can receive, in its order. Publisher: empty. */
  readonly codecs: readonly Codec[];
  /** Index of the media worker that holds it. */
  readonly worker: number;
}

/** New local ICE credentials after an ICE restart, with the full list of candidates. */
export interface IceDescription {
  readonly usernameFragment: string;
  readonly password: string;
  /** Lines without `a=`: `candidate:…`. */
  readonly candidates: readonly string[];
}

/** Why a transport ended; `stopped` is our own doing. */
export type TransportEndReason = 'stopped' | 'setup-timeout' | 'silent' | 'closed-by-peer' | 'worker-died' | 'failed';

/**
 * A step on the way to the first picture. `ice`: the first authentic STUN request. `dtls`: the peer is proved, the transport
 * up. `packet` and `key-frame`: the first one leaves to a viewer, or comes from a publisher.
 */
export type JoinStep = 'ice' | 'dtls' | 'packet' | 'key-frame';

/** One video layer of a publisher as it really is; without simulcast there is one. */
export interface LayerView {
  /** Null without simulcast, or where layers are told apart by SSRC. */
  readonly rid: string | null;
  /** Packets arrive. */
  readonly active: boolean;
  /** Of payload; 0 when not active. */
  readonly bitrateBps: number;
  /** Null where it is not known: VP9 and AV1 do not say it in the clear. */
  readonly width: number | null;
  readonly height: number | null;
  /** Viewers get this one. */
  readonly forwarded: boolean;
}

export type TransportEvent =
  | { readonly type: 'connected'; readonly transportId: string }
  /** Each step once, `ice` first: Unix ms with fractions, on the clock that all threads share. */
  | { readonly type: 'progress'; readonly transportId: string; readonly step: JoinStep; readonly atMs: number }
  /** Nothing authentic has arrived for so long; the transport is kept for now. */
  | { readonly type: 'silent'; readonly transportId: string; readonly forMs: number }
  /** After `silent`: packets arrive again. */
  | { readonly type: 'active'; readonly transportId: string }
  | { readonly type: 'closed'; readonly transportId: string; readonly reason: TransportEndReason }
  /** Publisher: the tracks as really sent (first packets seen, or codec changed). */
  | { readonly type: 'tracks'; readonly transportId: string; readonly tracks: readonly Track[] }
  /** Publisher: how its video layers stand; when that changed, and when a bitrate moved by a lot. */
  | { readonly type: 'layers'; readonly transportId: string; readonly layers: readonly LayerView[] }
  /** Publisher: it opened a data channel with this label. */
  | { readonly type: 'data-channel'; readonly transportId: string; readonly label: string }
  /** Publisher: a data message arrived. */
  | { readonly type: 'data'; readonly transportId: string; readonly message: DataMessage }
  /** Viewer: its SCTP association is up; it gets no data before `startData`. */
  | { readonly type: 'data-ready'; readonly transportId: string }
  /** Viewer: it read too slowly, and this many messages of the label were not sent to it. */
  | { readonly type: 'data-lost'; readonly transportId: string; readonly label: string; readonly messages: number };

/** How one medium arrives at a viewer, as its receiver reports say. */
export interface MediaQuality {
  /** Share lost between its last two reports, 0 to 1. */
  readonly lossShare: number;
  readonly packetsLost: number;
  readonly jitterMs: number;
}

/** What is known of how a viewer receives; null for what it has not said yet. */
export interface ViewerQuality {
  readonly transportId: string;
  readonly packetsSent: number;
  /** What the kernel did not take for it. */
  readonly packetsDropped: number;
  readonly roundTripMs: number | null;
  /** What the viewer believes that its network carries (REMB). */
  readonly estimatedBitrateBps: number | null;
  readonly audio: MediaQuality | null;
  readonly video: MediaQuality | null;
}

/** The media plane as the domain sees it. Commands to one worker keep their order. */
export interface MediaPort {
  /** Rejects with FanlightError: malformed_sdp, unsupported_offer, unsupported_codec, transport_limit, worker_unavailable. */
  openTransport(request: OpenTransportRequest): Promise<OpenedTransport>;
  /** New ICE credentials; the old ones keep working until the peer uses the new. Rejects with unknown_session, worker_unavailable. */
  restartIce(transportId: string): Promise<IceDescription>;
  /** Idempotent; unknown ids are ignored. No `closed` event follows for a transport closed by this call. */
  closeTransport(transportId: string): void;
  /** The publisher that the broadcast had does not come back: who joins from now on sees nothing of what it sent. */
  endSource(broadcast: string): void;
  /** From now on this transport is the broadcast's publisher, whatever came of it before an `endSource` was heard. */
  beginSource(broadcast: string, transportId: string): void;
  /**
   * To every viewer transport of the broadcast that had `startData`.
   * @param timedBy with a message on TIMED_LABEL: the publisher's transport whose RTP timestamps it speaks of; without one
   *   there is no frame that it could belong to
   */
  sendData(broadcast: string, message: DataMessage, timedBy?: string): void;
  /** Opens the labels at the viewer, sends it the snapshot, and lets live messages follow. */
  startData(transportId: string, labels: readonly string[], snapshot: readonly DataMessage[]): void;
  /** Opens a label at every viewer transport of the broadcast that had `startData`. */
  openDataLabel(broadcast: string, label: string): void;
  /** Tells a publisher on its control channel (label `fanlight`) that a message was refused. */
  refuseData(transportId: string, label: string, code: ErrorCode): void;
  /** How the connected viewers of a broadcast receive. Workers that do not answer are left out. */
  viewerQuality(broadcast: string): Promise<readonly ViewerQuality[]>;
  /** One listener; called synchronously, in order per transport. */
  listen(listener: (event: TransportEvent) => void): void;
}

export interface StoredSession {
  readonly id: string;
  readonly role: Role;
  readonly broadcast: string;
  /** SHA-256 of the resume token, hex. The token itself is not stored. */
  readonly resumeTokenHash: string;
  /** SHA-256 of the bearer token that opened it, hex; null when it came without one. */
  readonly keyHash: string | null;
  /** Unix ms. */
  readonly createdAtMs: number;
  /** As others see it; empty when none was given. */
  readonly name: string;
  /** Undefined when it was never muted. */
  readonly mute: Mute | undefined;
}

/** A session may not write in the chat until then. */
export interface Mute {
  /** Unix ms. */
  readonly untilMs: number;
  /** The publisher's words; may be empty. */
  readonly reason: string;
}

/** Who may write in the chat. `named`: who has given a name. The publisher always may, unless it is off. */
export type ChatRight = 'off' | 'publisher' | 'named' | 'everyone';

export const CHAT_RIGHTS = ['off', 'publisher', 'named', 'everyone'] as const satisfies readonly ChatRight[];

export interface ChatMessage {
  readonly id: string;
  /** Alias of the session that wrote it; null for a program, or a publisher who is not live yet. */
  readonly viewer: string | null;
  /** At the time; empty for somebody without a name. */
  readonly name: string;
  readonly role: Role | 'program';
  readonly text: string;
  /** Unix ms. */
  readonly atMs: number;
}

export interface BroadcastSettings {
  /** Shown on the pages; up to 120 characters, may be empty. */
  readonly title: string;
  /** False: not shown on `/` and in the list of the API. */
  readonly listed: boolean;
  readonly chat: ChatRight;
  /** Between two chat messages of one session; 0 to 300. The publisher is not held to it. */
  readonly slowModeSeconds: number;
}

export interface StoredBroadcast {
  readonly name: string;
  readonly settings: BroadcastSettings;
  /** The last message of each label `state` and `state/…`. */
  readonly stateMessages: readonly DataMessage[];
  /** Oldest first. */
  readonly chat: readonly ChatMessage[];
}

export interface StoredState {
  readonly sessions: readonly StoredSession[];
  readonly broadcasts: readonly StoredBroadcast[];
}

/** What must survive a restart. Writes are queued in order and never throw into the domain; failures are logged. */
export interface Store {
  load(): StoredState;
  saveSession(session: StoredSession): void;
  deleteSession(id: string): void;
  /** Settings at their defaults need not be kept. */
  saveSettings(broadcast: string, settings: BroadcastSettings): void;
  saveStateMessage(broadcast: string, message: DataMessage): void;
  deleteStateMessages(broadcast: string): void;
  saveChatMessage(broadcast: string, message: ChatMessage): void;
  deleteChatMessage(broadcast: string, id: string): void;
  deleteChat(broadcast: string): void;
  close(): void;
}

/** Time as an argument: a fake in tests. */
export interface Clock {
  /** Unix ms. */
  now(): number;
  /** Calls back once, not before `delayMs`. Returns a cancel function. Must not keep the process alive. */
  schedule(delayMs: number, callback: () => void): () => void;
}
