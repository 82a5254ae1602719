// One medium leaving to one viewer: its SSRCs, payload types and numbers, where it may start, what it may be sent again.
// It must not know transports or sockets: the fan-out engine writes, encrypts and sends what this decides.

import { randomInt } from 'node:crypto';
import { bestDecoder, type Codec, type MediaKind } from '../../rtp/codec.ts';
import type { PassedExtensions } from '../../rtp/header-extension.ts';
import { unwrapSequence } from '../../rtp/sequence.ts';
import { absSendTime, type FanoutMember, MAX_BATCH, type RetransmissionRoute } from '../fanout/engine.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import type { Latecomer } from './catch-up.ts';
import type { CanonicalPacket } from './up-track.ts';

/** A packet is repeated at most once in so long when the round trip is not known, and never more often than the least. */
const DEFAULT_REPEAT_AFTER_MS = 40;
const LEAST_REPEAT_AFTER_MS = 20;
const MAX_REMEMBERED_REPEATS = 1024;
/**
 * What repeating may cost: a viewer that asks for everything must not take the worker's time from the others. A quarter
 * of what is sent to it, and something to begin with, is more than any loss that video survives.
 */
const REPEAT_SHARE = 0.25;
const REPEAT_BYTES_PER_SECOND = 64 * 1024;
const MAX_REPEAT_BYTES = 256 * 1024;

/** Above every index: the group's packets do not go to who is behind. */
const NOT_LIVE = 2 ** 47;
/** What was sent alone is repeated for so long after the viewer was live. */
const REMEMBER_ALONE_MS = 3_000;

/** A frame that was sent to this viewer alone, under another timestamp than the others'. */
interface SentAlone {
  readonly timestamp: number;
  readonly sendTime: number;
  /** Canonical, behind its packets. A rest that came late left at another time, and is not repeated. */
  readonly endIndex: number;
}

export class DownTrack implements Latecomer {
  readonly kind: MediaKind;
  readonly ssrc: number;
  readonly #media: AcceptedMedia;
  readonly #member: FanoutMember;
  #payloadType: number | undefined;
  #started = false;
  /** Canonical: of the packet with which the viewer began. */
  #firstIndex = 0;
  /** What the group is sent goes to it, too. */
  #isLive = false;
  /** Canonical: behind what it was sent alone; where it began when that was nothing. */
  #aloneEnd = 0;
  /** Canonical timestamp → how the frame was sent to this viewer alone. */
  readonly #sentAlone = new Map<number, SentAlone>();
  #wentLiveAtMs = 0;
  /** Viewer's packet index less the canonical one; set with the first packet of each start. */
  #indexOffset: number | undefined;
  /** In the viewer's numbers: where the next start may begin. */
  #nextIndex: number | undefined;
  #rtxIndex = randomInt(2 ** 15);
  /** Canonical index → when it was last repeated. */
  readonly #repeatedAtMs = new Map<number, number>();
  #repeatBytes = MAX_REPEAT_BYTES;
  #repeatRefilledAtMs = 0;
  #octetsCredited = 0;

  /** @param media accepted for a viewer: it has a local SSRC */
  constructor(media: AcceptedMedia, member: FanoutMember) {
    if (media.localSsrc === undefined) throw new Error('media toward a viewer needs an SSRC');
    this.kind = media.kind;
    this.ssrc = media.localSsrc;
    this.#media = media;
    this.#member = member;
  }

  /**
   * Another codec comes: its decoder starts from nothing.
   * @param newestIndex highest canonical index that may have gone out until now
   * @returns whether the viewer can decode it
   */
  adopt(codec: Codec, newestIndex: number): boolean {
    if (this.#started) {
      this.#nextIndex = (this.#isLive ? newestIndex + 1 : this.#aloneEnd) + (this.#indexOffset ?? 0) + 1;
      this.#started = false;
      this.#isLive = false;
      this.#member.setRoute(this.kind, undefined);
    }
    this.#payloadType = bestDecoder(this.#media.codecs, codec)?.payloadType;
    return this.#payloadType !== undefined;
  }

  /**
   * The viewer begins with this packet. Its numbers begin below 2^15, wherever the canonical ones are: a receiver that
   * loses the first packets must not have to guess the roll-over counter (RFC 3711 §3.3.1). After a codec that it could
   * not decode they go on behind the highest it got: a number that is used twice breaks AES-GCM.
   * @param sentBefore later packets that the others have already, when this one was overtaken
   */
  start(packet: CanonicalPacket, sentBefore: readonly CanonicalPacket[] = []): void {
    if (this.#payloadType === undefined || this.#started) return;
    this.#place(packet);
    this.#isLive = true;
    this.#route(packet.index);
    for (const each of sentBefore) this.#member.repeat(each, undefined);
  }

  /** It was given a packet to begin with. */
  get hasStarted(): boolean {
    return this.#started;
  }

  /** Also while it is behind already: then one number is left out, so that no frame is put together from both sides. */
  startBehind(packet: CanonicalPacket): void {
    if (this.#payloadType === undefined || this.#isLive) return;
    if (this.#started) this.#nextIndex = this.#aloneEnd + (this.#indexOffset ?? 0) + 1;
    this.#place(packet);
    this.#route(NOT_LIVE);
  }

  sendAlone(packets: readonly CanonicalPacket[], timestamp: number, nowMs: number): void {
    const [first] = packets;
    if (!first || !this.#started || this.#isLive) return;
    const endIndex = first.index + packets.length;
    const isRest = this.#sentAlone.has(first.timestamp);
    if (!isRest) this.#sentAlone.set(first.timestamp, { timestamp, sendTime: absSendTime(nowMs), endIndex });
    for (let at = 0; at < packets.length; at += MAX_BATCH) {
      const batch = packets.slice(at, at + MAX_BATCH).map((packet) => underOwnTime(packet, timestamp));
      this.#member.send(batch, nowMs);
    }
    this.#aloneEnd = endIndex;
  }

  goLive(index: number, nowMs: number): void {
    if (!this.#started || this.#isLive) return;
    this.#isLive = true;
    this.#wentLiveAtMs = nowMs;
    this.#route(index);
  }

  /** Many times a second: forgets what nobody asks for any more. */
  tick(nowMs: number): void {
    const isLong = this.#isLive && nowMs - this.#wentLiveAtMs > REMEMBER_ALONE_MS;
    if (isLong && this.#sentAlone.size > 0) this.#sentAlone.clear();
  }

  #place(packet: CanonicalPacket): void {
    this.#started = true;
    this.#isLive = false;
    this.#sentAlone.clear();
    // Numbers go on behind what was used, also when nothing of it was.
    this.#aloneEnd = packet.index;
    this.#firstIndex = packet.index;
    this.#indexOffset = (this.#nextIndex ?? randomInt(2 ** 15)) - packet.index;
  }

  #route(liveIndex: number): void {
    const payloadType = this.#payloadType;
    if (payloadType === undefined || this.#indexOffset === undefined) return;
    const id = (name: Parameters<AcceptedMedia['extensions']['get']>[0]) => this.#media.extensions.get(name) ?? 0;
    this.#member.setRoute(this.kind, {
      ssrc: this.ssrc,
      payloadType,
      indexOffset: this.#indexOffset,
      firstIndex: this.#firstIndex,
      liveIndex,
      mid: this.#media.mid,
      extensionIds: {
        mid: id('mid'),
        sendTime: id('abs-send-time'),
        orientation: id('orientation'),
        audioLevel: id('audio-level'),
        captureTime: id('capture-time'),
      },
    });
  }

  /** The canonical index of a packet that this viewer knows by its sequence number; undefined before the start. */
  canonicalIndex(sequence: number, newestIndex: number): number | undefined {
    if (this.#indexOffset === undefined) return undefined;
    return unwrapSequence(newestIndex + this.#indexOffset, sequence) - this.#indexOffset;
  }

  /** Before the packets of a NACK: what the viewer may ask for by now. */
  refill(nowMs: number): void {
    const octets = this.#member.counters().octets[this.kind];
    const earned = (octets - this.#octetsCredited) * REPEAT_SHARE;
    this.#octetsCredited = octets;
    const refill = ((nowMs - this.#repeatRefilledAtMs) * REPEAT_BYTES_PER_SECOND) / 1000;
    this.#repeatRefilledAtMs = nowMs;
    this.#repeatBytes = Math.min(MAX_REPEAT_BYTES, this.#repeatBytes + refill + earned);
  }

  /** This viewer has asked for as much as it may. */
  get isSpent(): boolean {
    return this.#repeatBytes <= 0;
  }

  /**
   * Answers a NACK, unless the packet was repeated a moment ago or this viewer asks for too much.
   * @param roundTripMs to the viewer, where it is known
   * @returns whether it was sent
   */
  repeat(canonical: CanonicalPacket, nowMs: number, roundTripMs: number | undefined): boolean {
    if (!this.#started || canonical.index < this.#firstIndex || this.isSpent) return false;
    const packet = this.#asSent(canonical);
    if (!packet || packet.sendTime < 0) return false;
    const last = this.#repeatedAtMs.get(packet.index);
    const againAfterMs = Math.max(LEAST_REPEAT_AFTER_MS, roundTripMs ?? DEFAULT_REPEAT_AFTER_MS);
    if (last !== undefined && nowMs - last < againAfterMs) return false;
    this.#repeatBytes -= packet.payload.length;
    this.#repeatedAtMs.delete(packet.index);
    this.#repeatedAtMs.set(packet.index, nowMs);
    if (this.#repeatedAtMs.size > MAX_REMEMBERED_REPEATS) {
      const [oldest = 0] = this.#repeatedAtMs.keys();
      this.#repeatedAtMs.delete(oldest);
    }
    const retransmission = this.#nextRetransmission(nowMs);
    this.#member.repeat(packet, retransmission);
    // The member counts it among what was sent, but repeating earns no further repeating.
    if (!retransmission) this.#octetsCredited += packet.payload.length;
    return true;
  }

  /** The packet as it went out to this viewer; undefined when it did not, or when that is too long ago. */
  #asSent(packet: CanonicalPacket): CanonicalPacket | undefined {
    if (packet.index >= this.#aloneEnd) return this.#isLive ? packet : undefined;
    const alone = this.#sentAlone.get(packet.timestamp);
    if (!alone || packet.index >= alone.endIndex) return undefined;
    return { ...underOwnTime(packet, alone.timestamp), sendTime: alone.sendTime };
  }

  /** By RFC 4588 where the viewer negotiated it, else the packet goes out again as it was. */
  #nextRetransmission(nowMs: number): RetransmissionRoute | undefined {
    const payloadType = this.#media.rtxPayloadTypes.get(this.#payloadType ?? -1);
    const ssrc = this.#media.localRtxSsrc;
    if (payloadType === undefined || ssrc === undefined) return undefined;
    return { ssrc, payloadType, index: this.#rtxIndex++, sendTime: absSendTime(nowMs) };
  }
}

/** The packet under another timestamp: its capture time belongs to the one that it had, and receivers reckon on from it. */
function underOwnTime(packet: CanonicalPacket, timestamp: number): CanonicalPacket {
  return { ...packet, timestamp, padding: 0, extensions: withoutCaptureTime(packet.extensions) };
}

function withoutCaptureTime(extensions: PassedExtensions | undefined): PassedExtensions | undefined {
  if (!extensions?.captureTime) return extensions;
  const { captureTime: _left, ...others } = extensions;
  return others;
}
