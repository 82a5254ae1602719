// For tests: a fan-out engine that only notes, where bytes do not matter, and where they do a sender that keeps what the
// portable engine would send, with the receiver that opens it. They must not know relays or tracks.

import type {
  FanoutGroup,
  FanoutMember,
  FanoutPacket,
  FanoutRoute,
  MemberCounters,
  MemberKeys,
  RetransmissionRoute,
} from '../media/fanout/engine.ts';
import { type DatagramSender, PortableEngine } from '../media/fanout/portable-engine.ts';
import type { SrtpKeys } from '../media/transport/dtls.ts';
import { SrtpSession } from '../media/transport/srtp.ts';
import type { RemoteAddress } from '../media/transport/udp-front.ts';
import type { MediaKind } from '../rtp/codec.ts';
import type { NtpTime } from '../rtp/ntp.ts';
import { parseRtp, type RtpPacket } from '../rtp/packet.ts';
import { isRtcp, parseRtcp, type RtcpPacket } from '../rtp/rtcp.ts';

/** What left for a member: the packet under the member's number. */
export interface Departure {
  readonly index: number;
  readonly ssrc: number;
  readonly payloadType: number;
  readonly packet: FanoutPacket;
}

export class FakeMember implements FanoutMember {
  readonly keys: MemberKeys;
  readonly addresses: RemoteAddress[] = [];
  readonly routes: Partial<Record<MediaKind, FanoutRoute>> = {};
  readonly sent: Departure[] = [];
  readonly repeated: { readonly packet: FanoutPacket; readonly by: RetransmissionRoute | undefined }[] = [];
  readonly reports: { readonly ntp: NtpTime; readonly timestamps: Partial<Record<MediaKind, number>> }[] = [];
  isRemoved = false;

  constructor(keys: MemberKeys) {
    this.keys = keys;
  }

  moveTo(address: RemoteAddress): void {
    this.addresses.push(address);
  }

  setRoute(kind: MediaKind, route: FanoutRoute | undefined): void {
    if (route && !this.isRemoved) this.routes[kind] = route;
    else delete this.routes[kind];
  }

  send(packets: readonly FanoutPacket[], nowMs: number): void {
    for (const packet of packets) {
      packet.sendTime = nowMs;
      this.take(packet);
    }
  }

  take(packet: FanoutPacket): void {
    const route = this.routes[packet.kind];
    if (!route || packet.index < route.firstIndex) return;
    const { ssrc, payloadType, indexOffset } = route;
    this.sent.push({ index: packet.index + indexOffset, ssrc, payloadType, packet });
  }

  repeat(packet: FanoutPacket, by: RetransmissionRoute | undefined): void {
    const route = this.routes[packet.kind];
    if (route && packet.index >= route.firstIndex) this.repeated.push({ packet, by });
  }

  sendRtcp(): void {
    // Only reports are sent so far, and those by `report`.
  }

  report(ntp: NtpTime, timestamps: Partial<Record<MediaKind, number>>): void {
    this.reports.push({ ntp, timestamps });
  }

  counters(): MemberCounters {
    const packets = { audio: 0, video: 0 };
    const octets = { audio: 0, video: 0 };
    for (const { packet } of this.sent) {
      packets[packet.kind]++;
      octets[packet.kind] += packet.payload.length;
    }
    return { packets, octets, dropped: 0 };
  }

  remove(): void {
    this.isRemoved = true;
    delete this.routes.audio;
    delete this.routes.video;
  }
}

export class FakeGroup implements FanoutGroup {
  readonly members: FakeMember[] = [];
  /** One entry for each call. */
  readonly batches: (readonly FanoutPacket[])[] = [];
  isRemoved = false;

  addMember(keys: MemberKeys): FakeMember {
    const member = new FakeMember(keys);
    this.members.push(member);
    return member;
  }

  send(packets: readonly FanoutPacket[], nowMs: number): void {
    this.batches.push(packets);
    for (const packet of packets) packet.sendTime = nowMs;
    for (const member of this.members)
      for (const packet of packets) {
        const isLive = packet.index >= (member.routes[packet.kind]?.liveIndex ?? 0);
        if (isLive) member.take(packet);
      }
  }

  remove(): void {
    this.isRemoved = true;
    for (const member of this.members) member.remove();
  }
}

/** Master keys of a viewer's transport, AEAD_AES_128_GCM, as the server has them. */
export const VIEWER_KEYS: SrtpKeys = {
  profile: 7,
  localKey: Buffer.alloc(16, 1),
  localSalt: Buffer.alloc(12, 2),
  remoteKey: Buffer.alloc(16, 3),
  remoteSalt: Buffer.alloc(12, 4),
};

export const MEMBER_KEYS: MemberKeys = { profile: 7, key: VIEWER_KEYS.localKey, salt: VIEWER_KEYS.localSalt };

export const VIEWER_ADDRESS: RemoteAddress = { address: '192.0.2.1', port: 5000 };

/** The viewer's end of a portable engine: keeps the datagrams, and opens them as the viewer would. */
export class ReceivingViewer implements DatagramSender {
  readonly queuedBytes = 0;
  readonly datagrams: { readonly bytes: Buffer; readonly to: RemoteAddress }[] = [];
  readonly engine = new PortableEngine({ sender: this, cname: 'cname' });
  readonly #srtp = new SrtpSession({
    profile: VIEWER_KEYS.profile,
    localKey: VIEWER_KEYS.remoteKey,
    localSalt: VIEWER_KEYS.remoteSalt,
    remoteKey: VIEWER_KEYS.localKey,
    remoteSalt: VIEWER_KEYS.localSalt,
  });

  send(datagram: Uint8Array, to: RemoteAddress): void {
    this.datagrams.push({ bytes: Buffer.from(datagram), to });
  }

  /** Takes the oldest datagram off, undecrypted; undefined when there is none. */
  next(): Buffer | undefined {
    return this.datagrams.shift()?.bytes;
  }

  /** What came since the last call and was authentic and new, RTP only. */
  rtp(): readonly RtpPacket[] {
    return this.receive().rtp;
  }

  /** What came since the last call and was authentic and new. */
  receive(): { readonly rtp: readonly RtpPacket[]; readonly rtcp: readonly RtcpPacket[] } {
    const rtp: RtpPacket[] = [];
    const rtcp: RtcpPacket[] = [];
    for (const { bytes } of this.datagrams.splice(0)) {
      if (isRtcp(bytes)) {
        rtcp.push(...parseRtcp(this.#srtp.unprotectRtcp(bytes) ?? Buffer.alloc(0)));
        continue;
      }
      const packet = parseRtp(this.#srtp.unprotectRtp(bytes) ?? Buffer.alloc(0));
      if (packet) rtp.push(packet);
    }
    return { rtp, rtcp };
  }
}
