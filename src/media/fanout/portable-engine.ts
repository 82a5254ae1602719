// The fan-out engine in TypeScript, on node:crypto and dgram: for machines where the native one was not compiled.
// The same behaviour, packet by packet. It must not know viewers, tracks, or why a packet is sent.

import type { MediaKind } from '../../rtp/codec.ts';
import type { NtpTime } from '../../rtp/ntp.ts';
import { writeSenderReport } from '../../rtp/rtcp-writer.ts';
import { createSrtpCipher, type SrtpCipher } from '../transport/srtp-cipher.ts';
import { deriveSrtpKeys } from '../transport/srtp-keys.ts';
import type { RemoteAddress } from '../transport/udp-front.ts';
import {
  absSendTime,
  type EngineCounters,
  type FanoutEngine,
  type FanoutGroup,
  type FanoutMember,
  type FanoutPacket,
  type FanoutRoute,
  MAX_PAYLOAD_BYTES,
  type MemberCounters,
  type MemberKeys,
  type RetransmissionRoute,
} from './engine.ts';
import { MAX_HEADER_BYTES, writeHeader } from './header.ts';

/** What carries a finished datagram away. */
export interface DatagramSender {
  /** Bytes that wait because the kernel had no room. */
  readonly queuedBytes: number;
  send(datagram: Uint8Array, to: RemoteAddress): void;
}

export interface PortableEngineOptions {
  readonly sender: DatagramSender;
  readonly cname: string;
}

/** More than this waits in the socket: packets are lost instead of growing old. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
const RTX_HEADER_BYTES = 2;
/** RFC 3711 §9.2. */
const MAX_RTCP_INDEX = 0x7fff_ffff;

interface Counts {
  packetsSent: number;
  bytesSent: number;
  packetsBlocked: number;
  packetsFailed: number;
  members: number;
  groups: number;
}

interface Shared extends PortableEngineOptions {
  readonly counts: Counts;
  /** Where packets are put together before they are encrypted. */
  readonly scratch: Buffer;
}

export class PortableEngine implements FanoutEngine {
  readonly name = 'portable';
  readonly #shared: Shared;
  readonly #groups = new Set<PortableGroup>();

  constructor(options: PortableEngineOptions) {
    this.#shared = {
      ...options,
      counts: { packetsSent: 0, bytesSent: 0, packetsBlocked: 0, packetsFailed: 0, members: 0, groups: 0 },
      scratch: Buffer.alloc(MAX_HEADER_BYTES + RTX_HEADER_BYTES + MAX_PAYLOAD_BYTES),
    };
  }

  addGroup(): FanoutGroup {
    const group = new PortableGroup(this.#shared, () => this.#groups.delete(group));
    this.#groups.add(group);
    return group;
  }

  counters(): EngineCounters {
    return { ...this.#shared.counts };
  }

  close(): void {
    for (const group of this.#groups) group.remove();
  }
}

class PortableGroup implements FanoutGroup {
  readonly #shared: Shared;
  readonly #onRemoved: () => void;
  readonly #members = new Set<PortableMember>();
  #removed = false;

  constructor(shared: Shared, onRemoved: () => void) {
    this.#shared = shared;
    this.#onRemoved = onRemoved;
    shared.counts.groups++;
  }

  addMember(keys: MemberKeys): FanoutMember {
    const member = new PortableMember(this.#shared, keys, () => this.#members.delete(member));
    this.#members.add(member);
    return member;
  }

  send(packets: readonly FanoutPacket[], nowMs: number): void {
    const sendTime = absSendTime(nowMs);
    for (const packet of packets) packet.sendTime = sendTime;
    for (const member of this.#members) {
      for (const packet of packets) member.take(packet);
    }
  }

  remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    for (const member of this.#members) member.remove();
    this.#shared.counts.groups--;
    this.#onRemoved();
  }
}

class PortableMember implements FanoutMember {
  readonly #shared: Shared;
  readonly #cipher: SrtpCipher;
  readonly #onRemoved: () => void;
  readonly #routes: { audio: FanoutRoute | undefined; video: FanoutRoute | undefined } = {
    audio: undefined,
    video: undefined,
  };
  readonly #packets = { audio: 0, video: 0 };
  readonly #octets = { audio: 0, video: 0 };
  #dropped = 0;
  #rtcpIndex = 0;
  #address: RemoteAddress | undefined;
  #removed = false;

  constructor(shared: Shared, { profile, key, salt }: MemberKeys, onRemoved: () => void) {
    this.#shared = shared;
    this.#cipher = createSrtpCipher(profile, deriveSrtpKeys(profile, key, salt));
    this.#onRemoved = onRemoved;
    shared.counts.members++;
  }

  moveTo(address: RemoteAddress): void {
    // A raw socket can send from port 0; for dgram, answering there is an exception.
    if (address.port > 0) this.#address = address;
  }

  setRoute(kind: MediaKind, route: FanoutRoute | undefined): void {
    if (!this.#removed) this.#routes[kind] = route;
  }

  send(packets: readonly FanoutPacket[], nowMs: number): void {
    const sendTime = absSendTime(nowMs);
    for (const packet of packets) {
      packet.sendTime = sendTime;
      this.#send(packet);
    }
  }

  /** A packet of its group. */
  take(packet: FanoutPacket): void {
    if (packet.index >= (this.#routes[packet.kind]?.liveIndex ?? 0)) this.#send(packet);
  }

  #send(packet: FanoutPacket): void {
    const route = this.#routes[packet.kind];
    if (!route || packet.index < route.firstIndex) return;
    const index = packet.index + route.indexOffset;
    if (index < 0) return;
    const sent = this.#seal(packet, route, { ...route, sendTime: packet.sendTime }, index, 0);
    if (!sent) return;
    this.#packets[packet.kind]++;
    this.#octets[packet.kind] += packet.payload.length;
  }

  repeat(packet: FanoutPacket, retransmission: RetransmissionRoute | undefined): void {
    if (!retransmission) {
      this.#send(packet);
      return;
    }
    const route = this.#routes[packet.kind];
    if (!route || packet.index < route.firstIndex) return;
    this.#seal(packet, route, retransmission, retransmission.index, RTX_HEADER_BYTES);
  }

  sendRtcp(packet: Uint8Array): void {
    if (this.#removed || !this.#address || this.#rtcpIndex > MAX_RTCP_INDEX) return;
    this.#shared.sender.send(this.#cipher.protectRtcp(packet, this.#rtcpIndex++), this.#address);
  }

  report(ntp: NtpTime, timestamps: Partial<Record<MediaKind, number>>): void {
    for (const kind of ['audio', 'video'] as const) {
      const rtpTimestamp = timestamps[kind];
      const route = this.#routes[kind];
      if (rtpTimestamp === undefined || !route || this.#packets[kind] === 0) continue;
      const { cname } = this.#shared;
      this.sendRtcp(
        writeSenderReport({
          ssrc: route.ssrc,
          ntp,
          rtpTimestamp,
          packetCount: this.#packets[kind],
          octetCount: this.#octets[kind],
          cname,
        }),
      );
    }
  }

  counters(): MemberCounters {
    return { packets: { ...this.#packets }, octets: { ...this.#octets }, dropped: this.#dropped };
  }

  remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    this.#routes.audio = undefined;
    this.#routes.video = undefined;
    this.#shared.counts.members--;
    this.#onRemoved();
  }

  /** Heads, encrypts and sends; `rtxBytes` of room for the original sequence number (RFC 4588 §4). */
  #seal(
    packet: FanoutPacket,
    route: FanoutRoute,
    { ssrc, payloadType, sendTime }: Omit<RetransmissionRoute, 'index'>,
    index: number,
    rtxBytes: number,
  ): boolean {
    const { scratch, counts, sender } = this.#shared;
    if (!this.#address || sender.queuedBytes > MAX_QUEUED_BYTES) {
      this.#dropped++;
      if (this.#address) counts.packetsBlocked++;
      else counts.packetsFailed++;
      return false;
    }
    const sequence = index & 0xffff;
    const headerLength = writeHeader(scratch, packet, route, { ssrc, payloadType, sequence, sendTime });
    if (rtxBytes > 0) scratch.writeUInt16BE((packet.index + route.indexOffset) & 0xffff, headerLength);
    scratch.set(packet.payload, headerLength + rtxBytes);
    const length = headerLength + rtxBytes + packet.payload.length;
    const sealed = this.#cipher.protectRtp(scratch.subarray(0, length), headerLength, index);
    sender.send(sealed, this.#address);
    counts.packetsSent++;
    counts.bytesSent += sealed.length;
    return true;
  }
}
