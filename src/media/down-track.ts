// One medium leaving to one viewer: its SSRCs, payload types and numbers, where it may start, what it may be sent again.
// It must not know transports or sockets: the fan-out engine writes, encrypts and sends what this decides.

import { randomInt } from 'node:crypto';
import { bestDecoder, type Codec, type MediaKind } from '../rtp/codec.ts';
import { unwrapSequence } from '../rtp/sequence.ts';
import { absSendTime, type FanoutMember, type RetransmissionRoute } from './fanout/engine.ts';
import type { AcceptedMedia } from './sdp/answer.ts';
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

export class DownTrack {
  readonly kind: MediaKind;
  readonly ssrc: number;
  readonly #media: AcceptedMedia;
  readonly #member: FanoutMember;
  #payloadType: number | undefined;
  #started = false;
  /** Canonical: of the packet with which the viewer began. */
  #firstIndex = 0;
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
      this.#nextIndex = newestIndex + (this.#indexOffset ?? 0) + 2;
      this.#started = false;
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
    const payloadType = this.#payloadType;
    if (payloadType === undefined || this.#started) return;
    this.#started = true;
    this.#firstIndex = packet.index;
    this.#indexOffset = (this.#nextIndex ?? randomInt(2 ** 15)) - packet.index;
    const id = (name: Parameters<AcceptedMedia['extensions']['get']>[0]) => this.#media.extensions.get(name) ?? 0;
    this.#member.setRoute(this.kind, {
      ssrc: this.ssrc,
      payloadType,
      indexOffset: this.#indexOffset,
      firstIndex: this.#firstIndex,
      liveIndex: this.#firstIndex,
      mid: this.#media.mid,
      extensionIds: {
        mid: id('mid'),
        sendTime: id('abs-send-time'),
        orientation: id('orientation'),
        audioLevel: id('audio-level'),
        captureTime: id('capture-time'),
      },
    });
    for (const each of sentBefore) this.#member.repeat(each, undefined);
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
  repeat(packet: CanonicalPacket, nowMs: number, roundTripMs: number | undefined): boolean {
    if (!this.#started || packet.index < this.#firstIndex || packet.sendTime < 0 || this.isSpent) return false;
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

  /** By RFC 4588 where the viewer negotiated it, else the packet goes out again as it was. */
  #nextRetransmission(nowMs: number): RetransmissionRoute | undefined {
    const payloadType = this.#media.rtxPayloadTypes.get(this.#payloadType ?? -1);
    const ssrc = this.#media.localRtxSsrc;
    if (payloadType === undefined || ssrc === undefined) return undefined;
    return { ssrc, payloadType, index: this.#rtxIndex++, sendTime: absSendTime(nowMs) };
  }
}
