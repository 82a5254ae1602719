// One medium leaving to one viewer: its SSRC and payload types, where it may start, what it has sent, what it repeats.
// It must not know transports or sockets: it makes packets, the viewer's peer sends them.

import { bestDecoder, type Codec, type MediaKind } from '../rtp/codec.ts';
import { RTP_HEADER_LENGTH, writeRtpHeader } from '../rtp/packet.ts';
import type { AcceptedMedia } from './sdp/answer.ts';
import type { OfferedCodec } from './sdp/offer.ts';
import type { CanonicalPacket } from './up-track.ts';

/** A packet is repeated at most once in so long, however often it is asked for (a viewer must not amplify). */
const REPEAT_AFTER_MS = 40;
const MAX_REMEMBERED_REPEATS = 1024;

export class DownTrack {
  readonly kind: MediaKind;
  readonly ssrc: number;
  readonly #codecs: readonly OfferedCodec[];
  #sourceCodec: Codec | undefined;
  #payloadType: number | undefined;
  #started = false;
  /** Sequence → when it was last repeated. */
  readonly #repeatedAtMs = new Map<number, number>();
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
  forward(packet: CanonicalPacket): Buffer | undefined {
    if (packet.codec !== this.#sourceCodec) this.#adopt(packet.codec);
    const payloadType = this.#payloadType;
    if (payloadType === undefined) return undefined;
    if (!this.#started) {
      if (!packet.startsDecoding) return undefined;
      this.#started = true;
    }
    this.packetsSent++;
    this.octetsSent += packet.payload.length;
    return this.#write(packet, payloadType);
  }

  /** Answers a NACK; undefined when the packet was repeated a moment ago. */
  repeat(packet: CanonicalPacket, nowMs: number): Buffer | undefined {
    if (this.#payloadType === undefined || packet.codec !== this.#sourceCodec) return undefined;
    const last = this.#repeatedAtMs.get(packet.sequence);
    if (last !== undefined && nowMs - last < REPEAT_AFTER_MS) return undefined;
    if (this.#repeatedAtMs.size >= MAX_REMEMBERED_REPEATS) this.#repeatedAtMs.clear();
    this.#repeatedAtMs.set(packet.sequence, nowMs);
    return this.#write(packet, this.#payloadType);
  }

  #adopt(codec: Codec): void {
    this.#sourceCodec = codec;
    this.#payloadType = bestDecoder(this.#codecs, codec)?.payloadType;
    // Another codec's decoder starts from nothing.
    this.#started = false;
  }

  #write({ marker, sequence, timestamp, payload }: CanonicalPacket, payloadType: number): Buffer {
    const packet = Buffer.allocUnsafe(RTP_HEADER_LENGTH + payload.length);
    writeRtpHeader(packet, { payloadType, marker, sequence, timestamp, ssrc: this.ssrc });
    packet.set(payload, RTP_HEADER_LENGTH);
    return packet;
  }
}
