// One medium leaving to one viewer: its SSRC and payload types, where it may start, what it has sent, what it repeats.
// It must not know transports or sockets: it makes packets, the viewer's peer sends them.

import { randomInt } from 'node:crypto';
import { bestDecoder, type Codec, type MediaKind } from '../rtp/codec.ts';
import { RTP_HEADER_LENGTH, writeRtpHeader } from '../rtp/packet.ts';
import { sequenceDistance } from '../rtp/sequence.ts';
import type { AcceptedMedia } from './sdp/answer.ts';
import type { OfferedCodec } from './sdp/offer.ts';
import type { CanonicalPacket } from './up-track.ts';

/** Longer than the ring of an UpTrack reaches back. */
const RING_AGE_MS = 5_000;
/** A packet is repeated at most once in so long, however often it is asked for. */
const REPEAT_AFTER_MS = 40;
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
  readonly #codecs: readonly OfferedCodec[];
  #sourceCodec: Codec | undefined;
  #payloadType: number | undefined;
  #started = false;
  /** Viewer's sequence number less the canonical one; set with the first packet of each start. */
  #sequenceOffset: number | undefined;
  #firstSequence = 0;
  /** In the viewer's numbers. */
  #highestSent: number | undefined;
  #firstSentAtMs = 0;
  /** Sequence → when it was last repeated. */
  readonly #repeatedAtMs = new Map<number, number>();
  #repeatBytes = MAX_REPEAT_BYTES;
  #repeatRefilledAtMs = 0;
  packetsSent = 0;
  /** Payload bytes, as sender reports count them. */
  octetsSent = 0;

  constructor(media: AcceptedMedia, ssrc: number) {
    this.kind = media.kind;
    this.ssrc = ssrc;
    this.#codecs = media.codecs;
  }

  /** True while video waits for a frame from which it can be decoded. */
  get awaitsKeyFrame(): boolean {
    return this.kind === 'video' && !this.#started && this.#payloadType !== undefined;
  }

  /** The packet for this viewer, or undefined when it must not get it (yet). */
  forward(packet: CanonicalPacket, nowMs: number): Buffer | undefined {
    if (packet.codec !== this.#sourceCodec) this.#adopt(packet.codec);
    const payloadType = this.#payloadType;
    if (payloadType === undefined) return undefined;
    if (!this.#started) {
      if (!packet.startsDecoding) return undefined;
      this.#started = true;
      this.#begin(packet.sequence, nowMs);
    }
    if (this.#isBeforeFirst(packet.sequence, nowMs)) return undefined;
    this.#rememberHighest(packet.sequence);
    this.packetsSent++;
    this.octetsSent += packet.payload.length;
    this.#repeatBytes = Math.min(MAX_REPEAT_BYTES, this.#repeatBytes + packet.payload.length * REPEAT_SHARE);
    return this.#write(packet, payloadType);
  }

  /** The canonical number of a packet that this viewer knows by its own. */
  canonicalSequence(sequence: number): number {
    return (sequence - (this.#sequenceOffset ?? 0)) & 0xffff;
  }

  /** Answers a NACK; undefined when the packet was repeated a moment ago, or this viewer asks for too much. */
  repeat(packet: CanonicalPacket, nowMs: number): Buffer | undefined {
    if (!this.#started || this.#payloadType === undefined || packet.codec !== this.#sourceCodec) return undefined;
    const last = this.#repeatedAtMs.get(packet.sequence);
    if (last !== undefined && nowMs - last < REPEAT_AFTER_MS) return undefined;
    if (this.#isBeforeFirst(packet.sequence, nowMs) || !this.#mayRepeat(packet.payload.length, nowMs)) return undefined;
    this.#repeatedAtMs.delete(packet.sequence);
    this.#repeatedAtMs.set(packet.sequence, nowMs);
    if (this.#repeatedAtMs.size > MAX_REMEMBERED_REPEATS) {
      const [oldest = 0] = this.#repeatedAtMs.keys();
      this.#repeatedAtMs.delete(oldest);
    }
    return this.#write(packet, this.#payloadType);
  }

  /**
   * Each viewer's numbers begin below 2^15, wherever the canonical ones are: a receiver that loses the first packets
   * must not have to guess the roll-over counter (RFC 3711 §3.3.1). After a codec that it could not decode they go on
   * behind the highest it got: the canonical ones may have gone round meanwhile, and a number that is used twice breaks
   * AES-GCM.
   */
  #begin(sequence: number, nowMs: number): void {
    const first = this.#highestSent === undefined ? randomInt(2 ** 15) : (this.#highestSent + 2) & 0xffff;
    this.#sequenceOffset = (first - sequence) & 0xffff;
    this.#highestSent = first;
    this.#firstSequence = sequence;
    this.#firstSentAtMs = nowMs;
  }

  /** What the ring still has from before this viewer began would get a packet index that was never meant. */
  #isBeforeFirst(sequence: number, nowMs: number): boolean {
    return nowMs - this.#firstSentAtMs < RING_AGE_MS && sequenceDistance(this.#firstSequence, sequence) < 0;
  }

  #rememberHighest(canonical: number): void {
    const sequence = (canonical + (this.#sequenceOffset ?? 0)) & 0xffff;
    if (this.#highestSent === undefined || sequenceDistance(this.#highestSent, sequence) > 0)
      this.#highestSent = sequence;
  }

  #mayRepeat(bytes: number, nowMs: number): boolean {
    const refill = ((nowMs - this.#repeatRefilledAtMs) * REPEAT_BYTES_PER_SECOND) / 1000;
    this.#repeatRefilledAtMs = nowMs;
    this.#repeatBytes = Math.min(MAX_REPEAT_BYTES, this.#repeatBytes + refill);
    if (this.#repeatBytes < bytes) return false;
    this.#repeatBytes -= bytes;
    return true;
  }

  #adopt(codec: Codec): void {
    this.#sourceCodec = codec;
    this.#payloadType = bestDecoder(this.#codecs, codec)?.payloadType;
    // Another codec's decoder starts from nothing.
    this.#started = false;
  }

  #write({ marker, sequence: canonical, timestamp, payload }: CanonicalPacket, payloadType: number): Buffer {
    const sequence = (canonical + (this.#sequenceOffset ?? 0)) & 0xffff;
    const packet = Buffer.allocUnsafe(RTP_HEADER_LENGTH + payload.length);
    writeRtpHeader(packet, { payloadType, marker, sequence, timestamp, ssrc: this.ssrc });
    packet.set(payload, RTP_HEADER_LENGTH);
    return packet;
  }
}
