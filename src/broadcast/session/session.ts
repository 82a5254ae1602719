// One resumable identity: its secret, its life, and the transport that carries it now.
// It must not know timers, the store, or its broadcast's other sessions.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { bestDecoder, type Codec, codecLabel, type Track } from '../../rtp/codec.ts';
import type { BroadcastName } from '../names.ts';
import type { Mute, Role, StoredSession } from '../ports.ts';
import type { BroadcastReason, SessionEndReason, SessionState, SessionView } from '../service.ts';
import { reasonAfter } from './absence.ts';
import { newborn, type SessionEvent, type SessionLife, type SessionLimits, transition } from './session-state.ts';

/** Cryptographically strong random bytes; a counter in tests. */
export type RandomSource = (bytes: number) => Uint8Array;

const SECRET_BYTES = 16;
/** 72 bits. */
const ALIAS_LENGTH = 12;

export function randomId(random: RandomSource = randomBytes): string {
  return Buffer.from(random(SECRET_BYTES)).toString('base64url');
}

/** The transport that carries a session from now on. */
export interface Carrier {
  readonly transportId: string;
  readonly iceTag: string;
  /** Viewer: what it can receive. */
  readonly codecs: readonly Codec[];
  /** Number of the request that opened it; a later request has a higher one. */
  readonly attempt: number;
}

export class Session {
  readonly id: string;
  readonly role: Role;
  readonly broadcast: BroadcastName;
  readonly keyHash: string | null;
  readonly createdAtMs: number;
  readonly #resumeTokenHash: Buffer;
  #life: SessionLife;
  #transportId: string | undefined;
  #iceTag = '';
  #codecs: readonly Codec[] = [];
  #attempt = 0;
  #unsupportedCodec: string | undefined;
  #alias: string | undefined;
  #name: string;
  #mute: Mute | undefined;
  #reason: BroadcastReason | undefined;
  #wasConnected = false;
  /** Unix ms of the last sign of life, while it is away and did not go: it is silent, or the server itself failed. */
  #heardAtMs: number | undefined;

  private constructor(stored: StoredSession) {
    this.id = stored.id;
    this.role = stored.role;
    // What is stored was parsed when it came in.
    this.broadcast = stored.broadcast as BroadcastName;
    this.keyHash = stored.keyHash;
    this.createdAtMs = stored.createdAtMs;
    this.#resumeTokenHash = Buffer.from(stored.resumeTokenHash, 'hex');
    this.#life = newborn(stored.role);
    this.#name = stored.name;
    this.#mute = stored.mute;
  }

  /** A new session and its resume token, which is told to the client and kept nowhere. */
  static create(
    birth: { role: Role; broadcast: BroadcastName; keyHash: string | null; createdAtMs: number },
    random: RandomSource = randomBytes,
  ): { session: Session; resumeToken: string } {
    const id = randomId(random);
    const resumeToken = randomId(random);
    const resumeTokenHash = sha256(resumeToken).toString('hex');
    const stored = { ...birth, id, resumeTokenHash, name: '', mute: undefined };
    return { session: new Session(stored), resumeToken };
  }

  static restore(stored: StoredSession): Session {
    return new Session(stored);
  }

  /** A name for others to see: it says nothing of the id, which opens doors. */
  get alias(): string {
    this.#alias ??= sha256(`viewer ${this.id}`).toString('base64url').slice(0, ALIAS_LENGTH);
    return this.#alias;
  }

  /** As others see it; empty when none was given. */
  get name(): string {
    return this.#name;
  }

  get mute(): Mute | undefined {
    return this.#mute;
  }

  /** Why it is not connected, or ended; undefined while it is there. */
  get reason(): BroadcastReason | undefined {
    return this.#reason;
  }

  get state(): SessionState {
    return this.#life.state;
  }

  get endReason(): SessionEndReason | undefined {
    return this.#life.endReason;
  }

  get deadlineMs(): number | undefined {
    return this.#life.deadlineMs;
  }

  /** It is there or on its way. */
  get present(): boolean {
    return this.#life.state === 'connecting' || this.#life.state === 'connected';
  }

  /** As people count: whoever was here and may be back any moment still is. */
  get counts(): boolean {
    return this.present || (this.#life.state === 'away' && this.#wasConnected);
  }

  /** It was there at least once: to be so needs an address of its own. */
  get wasConnected(): boolean {
    return this.#wasConnected;
  }

  get transportId(): string | undefined {
    return this.#transportId;
  }

  /** Number of the request that opened the current transport; 0 when there was none since the start. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Viewer: what is sent and it cannot decode, for people. */
  get unsupportedCodec(): string | undefined {
    return this.#unsupportedCodec;
  }

  /** Constant time, whatever the length. */
  verify(token: string): boolean {
    const hash = sha256(token);
    return hash.length === this.#resumeTokenHash.length && timingSafeEqual(hash, this.#resumeTokenHash);
  }

  /** Then comes the event `silent`. Who said before that it goes is gone, though nothing is heard of it after that. */
  fellSilent(forMs: number, nowMs: number): void {
    if (this.state === 'connected') this.#heardAtMs = nowMs - forMs;
  }

  /**
   * Unix ms from which nobody has to wait for it: long ago when it said that it goes or its connection was closed, else
   * when nothing has been heard of it for so long. Undefined while it is there or on its way.
   */
  goneAtMs(silentMs: number): number | undefined {
    if (this.state !== 'away') return undefined;
    return this.#heardAtMs === undefined ? 0 : this.#heardAtMs + silentMs;
  }

  /** True when the event changed something. `reason`: why, where the event alone does not say it. */
  apply(event: SessionEvent, nowMs: number, limits: SessionLimits, reason?: BroadcastReason): boolean {
    const before = this.#life;
    this.#life = transition(before, event, nowMs, limits);
    const byServer = event === 'restored' || (event === 'transport-closed' && reason === 'server-restarted');
    // What was closed does not come back by itself, however short the silence before was.
    if (event === 'transport-closed' && !byServer) this.#heardAtMs = undefined;
    if (this.#life === before) return false;
    // Who was cut off by the server was there until now, and needs a moment to notice.
    if (event !== 'silent') this.#heardAtMs = byServer ? nowMs : undefined;
    this.#reason = reasonAfter(this.#reason, event, this.#life.state, reason);
    // The store does not say who was only on the way before the restart: most were there.
    this.#wasConnected ||= this.#life.state === 'connected' || event === 'restored';
    return true;
  }

  rename(name: string): void {
    this.#name = name;
  }

  muteUntil(mute: Mute | undefined): void {
    this.#mute = mute;
  }

  isMuted(nowMs: number): boolean {
    return this.#mute !== undefined && nowMs < this.#mute.untilMs;
  }

  carryBy(carrier: Carrier): void {
    this.#transportId = carrier.transportId;
    this.#iceTag = carrier.iceTag;
    this.#codecs = carrier.codecs;
    this.#attempt = carrier.attempt;
  }

  dropTransport(): void {
    this.#transportId = undefined;
  }

  /** A new ICE session on the same transport. */
  renewIce(iceTag: string): void {
    this.#iceTag = iceTag;
  }

  /**
   * Viewer: compares what is sent with what it can decode, kind by kind as far as it asked for the kind.
   * True when `unsupportedCodec` changed.
   */
  judge(tracks: readonly Track[]): boolean {
    const before = this.#unsupportedCodec;
    const undecodable = tracks.find((track) => {
      const offered = this.#codecs.filter((codec) => codec.kind === track.kind);
      return offered.length > 0 && bestDecoder(offered, track.codec) === undefined;
    });
    this.#unsupportedCodec = undecodable && codecLabel(undecodable.codec);
    return this.#unsupportedCodec !== before;
  }

  stored(): StoredSession {
    return {
      id: this.id,
      role: this.role,
      broadcast: this.broadcast,
      resumeTokenHash: this.#resumeTokenHash.toString('hex'),
      keyHash: this.keyHash,
      createdAtMs: this.createdAtMs,
      name: this.#name,
      mute: this.#mute,
    };
  }

  view(): SessionView {
    return {
      id: this.id,
      role: this.role,
      broadcast: this.broadcast,
      state: this.#life.state,
      endReason: this.#life.endReason,
      unsupportedCodec: this.#unsupportedCodec,
      iceTag: this.#iceTag,
      alias: this.alias,
      name: this.#name,
      mute: this.#mute,
    };
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
