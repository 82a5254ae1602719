// What a fan-out engine does, native or portable: packets of a group go to all of its members, each with a header, keys
// and numbers of its own. Types only. It must not know viewers, tracks or when anybody may start.

import type { MediaKind } from '../../rtp/codec.ts';
import type { PassedExtensions } from '../../rtp/header-extension.ts';
import type { NtpTime } from '../../rtp/ntp.ts';
import type { SrtpProfile } from '../transport/srtp-keys.ts';
import type { RemoteAddress } from '../transport/udp-front.ts';

/** Which engine is wanted: `auto` takes the native one where it can be had. */
export type FanoutChoice = 'auto' | 'native' | 'portable';

/** A packet in the canonical space. Members share its payload, which is never changed. */
export interface FanoutPacket {
  readonly kind: MediaKind;
  readonly marker: boolean;
  /** Canonical sequence number without wrap-around, below 2^47. */
  readonly index: number;
  readonly timestamp: number;
  /** 1 to `MAX_PAYLOAD_BYTES`. */
  readonly payload: Uint8Array;
  readonly extensions: PassedExtensions | undefined;
  /**
   * When it first left, as abs-send-time has it: seconds in 6.18 fixed point, or `NOT_SENT`. Set by the group's `send`: a repetition
   * must be the same byte for byte, since two packets under one number break AES-GCM.
   */
  sendTime: number;
  /** Bytes of RTP padding with which it leaves (RFC 3550 §5.1), 0 to 255. Set with `sendTime`, for the same reason. */
  padding: number;
}

/** `sendTime` of a packet that no member was sent. */
export const NOT_SENT = -1;
/** Longer payloads do not come over networks with packets of 1500 bytes. */
export const MAX_PAYLOAD_BYTES = 2000;
/** Packets that `send` takes at once. */
export const MAX_BATCH = 64;

/** Ids of one-byte header extensions (RFC 8285 §4.2), 1 to 14; 0 where the member did not negotiate one. */
export interface RouteExtensionIds {
  readonly mid: number;
  readonly sendTime: number;
  readonly orientation: number;
  readonly audioLevel: number;
  readonly captureTime: number;
}

/** How packets of one kind are headed for one member. */
export interface FanoutRoute {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Member's packet index less the canonical one. The index is sequence number and roll-over counter in one. */
  readonly indexOffset: number;
  /** Canonical index of the first packet that may go out. */
  readonly firstIndex: number;
  /** Canonical index from which on the group's packets go to the member; before it, only those sent to it alone. */
  readonly liveIndex: number;
  /** At most 16 ASCII characters; longer ones are not written. */
  readonly mid: string;
  readonly extensionIds: RouteExtensionIds;
}

/** Where a repetition goes by RFC 4588. `index` is of the retransmission's own SSRC and must rise with each. */
export interface RetransmissionRoute {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly index: number;
  /** When it leaves, as `absSendTime` gives it. */
  readonly sendTime: number;
}

/** Master keys toward a member (RFC 5764 §4.2). */
export interface MemberKeys {
  readonly profile: SrtpProfile;
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

export interface MemberCounters {
  /**
   * Packets and payload bytes as sender reports count them: what was given to the kernel, taken or not. Retransmissions
   * by RTX are not among them.
   */
  readonly packets: Readonly<Record<MediaKind, number>>;
  readonly octets: Readonly<Record<MediaKind, number>>;
  /** What the kernel did not take. */
  readonly dropped: number;
}

export interface FanoutMember {
  /** Until the first call nothing can be sent. A place where nothing can be sent to is as none. */
  moveTo(address: RemoteAddress): void;
  /** Undefined: packets of this kind do not go to the member. */
  setRoute(kind: MediaKind, route: FanoutRoute | undefined): void;
  /**
   * Sends packets to this member alone, in order, and sets their `sendTime`; with the padding that they have, so that who
   * knows both can repeat them byte for byte. At most `MAX_BATCH`.
   */
  send(packets: readonly FanoutPacket[], nowMs: number): void;
  /** Sends a packet again, as it was, or by RTX. Nothing happens without a route of its kind. */
  repeat(packet: FanoutPacket, retransmission: RetransmissionRoute | undefined): void;
  /** Encrypts and sends RTCP, compound or reduced-size, of at most 1400 bytes. */
  sendRtcp(packet: Uint8Array): void;
  /** Sender reports of the kinds that have a timestamp and have sent something (RFC 3550 §6.4.1). */
  report(ntp: NtpTime, timestamps: Partial<Record<MediaKind, number>>): void;
  counters(): MemberCounters;
  /** Forgets keys and routes. Idempotent; other calls do nothing afterwards. */
  remove(): void;
}

export interface FanoutGroup {
  addMember(keys: MemberKeys): FanoutMember;
  /** Sends to all members with a route of the packet's kind, in order. At most `MAX_BATCH` packets. */
  send(packets: readonly FanoutPacket[], nowMs: number): void;
  /** Its members are removed too. Idempotent. */
  remove(): void;
}

/** Absolute since the start. */
export interface EngineCounters {
  readonly packetsSent: number;
  readonly bytesSent: number;
  /** The kernel had no room for them. */
  readonly packetsBlocked: number;
  /** The kernel refused them for another reason, or there was nowhere to send them. */
  readonly packetsFailed: number;
  readonly members: number;
  readonly groups: number;
}

export interface FanoutEngine {
  readonly name: 'native' | 'portable';
  addGroup(): FanoutGroup;
  counters(): EngineCounters;
  /** Idempotent. */
  close(): void;
}

/** 24 bits of abs-send-time (6.18 fixed point seconds, wrapping every 64 s) for a time in Unix ms. */
export function absSendTime(nowMs: number): number {
  return Math.floor((nowMs % 64_000) * 262.144) & 0xff_ffff;
}
