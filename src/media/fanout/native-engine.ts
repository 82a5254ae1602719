// The fan-out engine in C (native/) behind our interface: numbers instead of objects, batches as bytes.
// It must not know viewers, tracks, or why a packet is sent.

import type { MediaKind } from '../../rtp/codec.ts';
import type { NtpTime } from '../../rtp/ntp.ts';
import { deriveSrtpKeys, type SrtpKeySet } from '../transport/srtp-keys.ts';
import type { RemoteAddress } from '../transport/udp-front.ts';
import {
  absSendTime,
  type EngineCounters,
  type FanoutEngine,
  type FanoutGroup,
  type FanoutMember,
  type FanoutPacket,
  type FanoutRoute,
  MAX_BATCH,
  MAX_PAYLOAD_BYTES,
  type MemberCounters,
  type MemberKeys,
  type RetransmissionRoute,
} from './engine.ts';
import { evenOut, MAX_PADDING_BYTES } from './padding.ts';
import { RECORD_HEADER_BYTES, SLOT, writeRecord } from './record.ts';

type Engine = { readonly __engine: never };

/** native/addon.c. Each call but `create` gives a number: 0, a new id, or a negative error. */
export interface NativeModule {
  readonly sources: string;
  create(fd: number, isIpv6: boolean, maySegment: boolean, cname: string): Engine | undefined;
  close(engine: Engine): number;
  addGroup(engine: Engine): number;
  removeGroup(engine: Engine, group: number): number;
  addMember(engine: Engine, group: number, profile: number, keys: Uint8Array): number;
  removeMember(engine: Engine, member: number): number;
  moveMember(engine: Engine, member: number, address: string, port: number): number;
  setRoute(
    engine: Engine,
    member: number,
    slot: number,
    ssrc: number,
    payloadType: number,
    indexOffset: number,
    firstIndex: number,
    liveIndex: number,
    mid: string,
    midId: number,
    sendTimeId: number,
    orientationId: number,
    audioLevelId: number,
    captureTimeId: number,
  ): number;
  clearRoute(engine: Engine, member: number, slot: number): number;
  send(engine: Engine, group: number, batch: Uint8Array, length: number): number;
  sendAlone(engine: Engine, member: number, batch: Uint8Array, length: number): number;
  repeat(
    engine: Engine,
    member: number,
    record: Uint8Array,
    length: number,
    rtxPayloadType: number,
    rtxSsrc: number,
    rtxIndex: number,
  ): number;
  rtcp(engine: Engine, member: number, packet: Uint8Array): number;
  report(
    engine: Engine,
    member: number,
    ntpSeconds: number,
    ntpFraction: number,
    slots: number,
    timestampOfSlot0: number,
    timestampOfSlot1: number,
  ): number;
  counters(engine: Engine, out: Float64Array): number;
  memberCounters(engine: Engine, member: number, out: Float64Array): number;
}

export interface NativeEngineOptions {
  readonly module: NativeModule;
  /** Of a bound UDP socket, which stays the caller's and must outlive the engine. */
  readonly fd: number;
  readonly isIpv6: boolean;
  readonly cname: string;
  /** False: never let the kernel cut messages into packets (UDP GSO). */
  readonly maySegment?: boolean;
}

const MAX_MID_LENGTH = 16;

export class NativeEngine implements FanoutEngine {
  readonly name = 'native';
  readonly #module: NativeModule;
  readonly #engine: Engine;
  readonly #counts = new Float64Array(7);
  /** Where batches are written; the C side reads them before it returns. */
  readonly #batch = Buffer.alloc(MAX_BATCH * (RECORD_HEADER_BYTES + MAX_PAYLOAD_BYTES + MAX_PADDING_BYTES));
  #closed = false;

  /** @throws Error when the engine cannot be made */
  constructor({ module, fd, isIpv6, cname, maySegment = true }: NativeEngineOptions) {
    const engine = module.create(fd, isIpv6, maySegment, cname);
    if (engine === undefined) throw new Error('the native fan-out engine could not be made');
    this.#module = module;
    this.#engine = engine;
  }

  /** Whether the kernel cuts messages into packets, to all but those on whose way it refused. */
  get segments(): boolean {
    this.counters();
    return this.#counts[4] === 1;
  }

  addGroup(): FanoutGroup {
    const group = checked(this.#module.addGroup(this.#engine));
    return new NativeGroup(group, this.#module, this.#engine, this.#batch);
  }

  counters(): EngineCounters {
    if (!this.#closed) checked(this.#module.counters(this.#engine, this.#counts));
    const [packetsSent = 0, bytesSent = 0, packetsBlocked = 0, packetsFailed = 0, , members = 0, groups = 0] =
      this.#counts;
    return { packetsSent, bytesSent, packetsBlocked, packetsFailed, members, groups };
  }

  close(): void {
    if (this.#closed) return;
    this.counters();
    this.#closed = true;
    this.#module.close(this.#engine);
  }
}

/** A negative answer is a mistake of ours, or no memory. */
function checked(result: number): number {
  if (result < 0) throw new Error(`the native fan-out engine refused a call (${result})`);
  return result;
}

class NativeGroup implements FanoutGroup {
  readonly #id: number;
  readonly #module: NativeModule;
  readonly #engine: Engine;
  readonly #batch: Buffer;
  readonly #members = new Set<NativeMember>();
  #removed = false;

  constructor(id: number, module: NativeModule, engine: Engine, batch: Buffer) {
    this.#id = id;
    this.#module = module;
    this.#engine = engine;
    this.#batch = batch;
  }

  addMember({ profile, key, salt }: MemberKeys): FanoutMember {
    const { rtp, rtcp } = deriveSrtpKeys(profile, key, salt);
    const keys = Buffer.concat([keyBytes(rtp), keyBytes(rtcp)]);
    const id = checked(this.#module.addMember(this.#engine, this.#id, profile, keys));
    keys.fill(0);
    const member = new NativeMember(id, this.#module, this.#engine, this.#batch, () => this.#members.delete(member));
    this.#members.add(member);
    return member;
  }

  send(packets: readonly FanoutPacket[], nowMs: number): void {
    if (this.#removed || packets.length === 0) return;
    evenOut(packets);
    checked(this.#module.send(this.#engine, this.#id, this.#batch, writeBatch(this.#batch, packets, nowMs)));
  }

  remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    for (const member of this.#members) member.remove();
    checked(this.#module.removeGroup(this.#engine, this.#id));
  }
}

/** Writes packets that leave now; their bytes. */
function writeBatch(batch: Buffer, packets: readonly FanoutPacket[], nowMs: number): number {
  const sendTime = absSendTime(nowMs);
  let length = 0;
  for (const packet of packets) {
    packet.sendTime = sendTime;
    length += writeRecord(batch, length, packet, sendTime);
  }
  return length;
}

/** Encryption key, authentication key and salt, each with the room that the longest takes. */
function keyBytes({ encryptionKey, authenticationKey, salt }: SrtpKeySet): Buffer {
  const bytes = Buffer.alloc(16 + 20 + 14);
  bytes.set(encryptionKey);
  bytes.set(authenticationKey, 16);
  bytes.set(salt, 36);
  return bytes;
}

class NativeMember implements FanoutMember {
  readonly #id: number;
  readonly #module: NativeModule;
  readonly #engine: Engine;
  readonly #batch: Buffer;
  readonly #onRemoved: () => void;
  readonly #counts = new Float64Array(5);
  #removed = false;

  constructor(id: number, module: NativeModule, engine: Engine, batch: Buffer, onRemoved: () => void) {
    this.#id = id;
    this.#module = module;
    this.#engine = engine;
    this.#batch = batch;
    this.#onRemoved = onRemoved;
  }

  moveTo({ address, port }: RemoteAddress): void {
    if (this.#removed) return;
    // A place that cannot be reached is the peer's fault, not ours.
    this.#module.moveMember(this.#engine, this.#id, address, port);
  }

  setRoute(kind: MediaKind, route: FanoutRoute | undefined): void {
    if (this.#removed) return;
    if (!route) {
      checked(this.#module.clearRoute(this.#engine, this.#id, SLOT[kind]));
      return;
    }
    const { ssrc, payloadType, indexOffset, firstIndex, liveIndex, mid, extensionIds: ids } = route;
    const midBytes = Buffer.byteLength(mid);
    const midId = midBytes > 0 && midBytes <= MAX_MID_LENGTH ? ids.mid : 0;
    checked(
      this.#module.setRoute(
        this.#engine,
        this.#id,
        SLOT[kind],
        ssrc,
        payloadType,
        indexOffset,
        firstIndex,
        liveIndex,
        midId > 0 ? mid : '',
        midId,
        ids.sendTime,
        ids.orientation,
        ids.audioLevel,
        ids.captureTime,
      ),
    );
  }

  send(packets: readonly FanoutPacket[], nowMs: number): void {
    if (this.#removed || packets.length === 0) return;
    const length = writeBatch(this.#batch, packets, nowMs);
    checked(this.#module.sendAlone(this.#engine, this.#id, this.#batch, length));
  }

  repeat(packet: FanoutPacket, retransmission: RetransmissionRoute | undefined): void {
    if (this.#removed) return;
    const length = writeRecord(this.#batch, 0, packet, retransmission?.sendTime ?? packet.sendTime);
    const { payloadType = 0, ssrc = 0, index = 0 } = retransmission ?? {};
    checked(this.#module.repeat(this.#engine, this.#id, this.#batch, length, payloadType, ssrc, index));
  }

  sendRtcp(packet: Uint8Array): void {
    if (!this.#removed) checked(this.#module.rtcp(this.#engine, this.#id, packet));
  }

  report({ seconds, fraction }: NtpTime, { audio, video }: Partial<Record<MediaKind, number>>): void {
    if (this.#removed) return;
    const slots = (audio === undefined ? 0 : 1) | (video === undefined ? 0 : 2);
    checked(this.#module.report(this.#engine, this.#id, seconds, fraction, slots, audio ?? 0, video ?? 0));
  }

  counters(): MemberCounters {
    if (!this.#removed) checked(this.#module.memberCounters(this.#engine, this.#id, this.#counts));
    const [audioPackets = 0, audioOctets = 0, videoPackets = 0, videoOctets = 0, dropped = 0] = this.#counts;
    return {
      packets: { audio: audioPackets, video: videoPackets },
      octets: { audio: audioOctets, video: videoOctets },
      dropped,
    };
  }

  remove(): void {
    if (this.#removed) return;
    this.counters();
    this.#removed = true;
    checked(this.#module.removeMember(this.#engine, this.#id));
    this.#onRemoved();
  }
}
