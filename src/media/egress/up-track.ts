// One medium of a broadcast as this worker's viewers see it: one sequence and timestamp space for all of them, whoever
// the source is; the packets of the last seconds for retransmission; the clock for sender reports.
// It must not know transports, viewers or sockets.

import { randomInt } from 'node:crypto';
import { CLOCK_RATE, type Codec, type MediaKind } from '../../rtp/codec.ts';
import { type GroupLimits, GroupOfPictures } from '../../rtp/group-of-pictures.ts';
import { RetransmissionRing } from '../../rtp/retransmission-ring.ts';
import { addTimestamp } from '../../rtp/sequence.ts';
import { Timeline } from '../../rtp/timeline.ts';
import { Vp8Continuity } from '../../rtp/vp8-descriptor.ts';
import { type FanoutPacket, MAX_PAYLOAD_BYTES, NOT_SENT } from '../fanout/engine.ts';
import type { SourcePacket, SourceReport } from '../worker-protocol.ts';

/** A packet in the canonical space, ready to be headed per viewer. */
export interface CanonicalPacket extends FanoutPacket {
  readonly codec: Codec;
  /** Begins a frame from which a decoder can start; always true for audio. */
  readonly startsDecoding: boolean;
}

function isSameCodec(codec: Codec, other: Codec | undefined): boolean {
  return codec === other || JSON.stringify(codec) === JSON.stringify(other);
}

function sourceKey(sourceId: string, ssrc: number): string {
  return `${sourceId}/${ssrc}`;
}

const NO_MEMORY: GroupLimits = { maxBytes: 0, maxMs: 0 };
/** Late packets come from the source before, at most from a few. */
const MAX_REMEMBERED_SOURCES = 64;
/** After so long without a packet the picture stands still, and its time goes on without it: longer than networks stall. */
const STILL_AFTER_MS = 1_000;
/** The next packet may come a little early: nobody is told of a time after its own. */
const STILL_MARGIN_MS = 50;

export class UpTrack {
  readonly kind: MediaKind;
  /** Of video: what those who join now need first. */
  readonly group: GroupOfPictures<CanonicalPacket>;
  readonly #timeline: Timeline;
  readonly #vp8 = new Vp8Continuity();
  readonly #ring = new RetransmissionRing<CanonicalPacket>();
  /** Transport and SSRC → number of the source, rising; the newest few. */
  readonly #sourceNumbers = new Map<string, number>();
  #source = 0;
  #sourcesStarted = 0;
  #awaitsKeyFrame = false;
  /** Highest canonical index given. */
  #newestIndex: number | undefined;
  #codec: Codec | undefined;
  /** The object that the last packet carried: packets from another worker carry copies, equal but not the same. */
  #carriedCodec: Codec | undefined;
  /** A canonical timestamp and our clock at that moment, from the source's sender reports. */
  #reference: { readonly timestamp: number; readonly capturedAtMs: number } | undefined;
  #last: { readonly timestamp: number; readonly arrivedAtMs: number } | undefined;

  constructor(kind: MediaKind, startMemory: GroupLimits = NO_MEMORY) {
    this.kind = kind;
    this.group = new GroupOfPictures(kind === 'video' ? startMemory : NO_MEMORY);
    // Below 2^15, so that viewers are sure of SRTP's first roll-over counter (RFC 3711 §3.3.1).
    const firstSequence = randomInt(2 ** 15);
    const firstTimestamp = randomInt(2 ** 32);
    this.#timeline = new Timeline({ kind, clockRate: CLOCK_RATE[kind], firstSequence, firstTimestamp });
  }

  /** A new source's packets came, but no key frame yet. */
  get awaitsKeyFrame(): boolean {
    return this.#awaitsKeyFrame;
  }

  /** Highest canonical index given; undefined before the first. */
  get newestIndex(): number | undefined {
    return this.#newestIndex;
  }

  /** What the source sends now; undefined before the first packet. */
  get codec(): Codec | undefined {
    return this.#codec;
  }

  /** How many sources have begun: another number means that there is a new one. */
  get sourcesStarted(): number {
    return this.#sourcesStarted;
  }

  /** Something came within the last `withinMs`. */
  isActive(nowMs: number, withinMs: number): boolean {
    return this.#last !== undefined && nowMs - this.#last.arrivedAtMs <= withinMs;
  }

  /** Takes a packet of a source; undefined when viewers must not see it (padding, too long, late from an older source). */
  receive(sourceId: string, item: SourcePacket): CanonicalPacket | undefined {
    const source = this.#numberOf(sourceKey(sourceId, item.ssrc));
    // Too long for any network that viewers have: a gap, so that they know that something is missing.
    if (item.payload.length > MAX_PAYLOAD_BYTES) return undefined;
    if (item.payload.length === 0) {
      this.#timeline.skip(source, item.sequence);
      return undefined;
    }
    const { startsDecoding, payload } = item;
    // Another source, and one that lost too much to follow, is shown from its next key frame on; until then the last
    // picture stands.
    this.#awaitsKeyFrame = !startsDecoding && this.#timeline.wouldStart(source, item.sequence, item.arrivedAtMs);
    if (this.#awaitsKeyFrame) return undefined;
    const place = this.#timeline.map(source, item, item.arrivedAtMs);
    if (!place) return undefined;
    const isLate = this.#newestIndex !== undefined && place.index < this.#newestIndex;
    // Of the codec before: viewers' decoders are past it, and going back would cost each of them a key frame.
    if (isLate && !isSameCodec(item.codec, this.#codec)) return undefined;
    if (!isLate) this.#newestIndex = place.index;
    if (place.startsSource) {
      // What stands for which moment goes on as it was until the new source's first report: the timeline goes on by
      // the clock on the wall too, and players lose lip-sync when the two are moved against each other.
      this.#source = source;
      this.#sourcesStarted++;
    }
    const codecBefore = this.#codec;
    const codec = this.#intern(item.codec);
    // Who joins can decode one of them only.
    if (codec !== codecBefore && !startsDecoding) this.group.clear();
    if (!isLate) this.#last = { timestamp: place.timestamp, arrivedAtMs: item.arrivedAtMs };
    const canonical: CanonicalPacket = {
      kind: this.kind,
      codec,
      marker: item.marker,
      index: place.index,
      timestamp: place.timestamp,
      startsDecoding,
      payload: codec.name === 'VP8' ? this.#vp8.map(payload, place.startsSource) : payload,
      extensions: item.extensions,
      sendTime: NOT_SENT,
      padding: 0,
    };
    this.#ring.add(place.sequence, canonical, item.arrivedAtMs);
    if (this.kind === 'video') this.group.add(canonical, item.arrivedAtMs);
    return canonical;
  }

  senderReport(sourceId: string, item: SourceReport): void {
    // One of an SSRC that was replaced would be placed by the new one's numbers.
    if (this.#sourceNumbers.get(sourceKey(sourceId, item.ssrc)) !== this.#source) return;
    const timestamp = this.#timeline.mapTimestamp(this.#source, item.rtpTimestamp);
    if (timestamp !== undefined) this.#reference = { timestamp, capturedAtMs: item.capturedAtMs };
  }

  /** A packet of the last seconds, or since the last key frame, by its canonical index. */
  recall(index: number, nowMs: number): CanonicalPacket | undefined {
    const packet = this.#ring.get(index & 0xffff, nowMs);
    return packet?.index === index ? packet : this.group.get(index);
  }

  /**
   * The timestamp of what viewers see now: the newest packet's, and when nothing has come for a while so much more as
   * has passed since, as the next one will have it. Undefined before the first.
   */
  edgeAt(nowMs: number): number | undefined {
    if (!this.#last) return undefined;
    const quietMs = nowMs - this.#last.arrivedAtMs;
    if (quietMs <= STILL_AFTER_MS) return this.#last.timestamp;
    return addTimestamp(this.#last.timestamp, Math.round(((quietMs - STILL_MARGIN_MS) * CLOCK_RATE[this.kind]) / 1000));
  }

  /** All that is still there from an index on: nothing, unless a packet came late. */
  recallFrom(index: number, nowMs: number): CanonicalPacket[] {
    const packets: CanonicalPacket[] = [];
    for (let at = index; at <= (this.#newestIndex ?? -1); at++) {
      const packet = this.recall(at, nowMs);
      if (packet) packets.push(packet);
    }
    return packets;
  }

  #numberOf(key: string): number {
    const known = this.#sourceNumbers.get(key);
    if (known !== undefined) return known;
    const number = (this.#sourceNumbers.size > 0 ? Math.max(...this.#sourceNumbers.values()) : 0) + 1;
    this.#sourceNumbers.set(key, number);
    for (const oldest of this.#sourceNumbers.keys()) {
      if (this.#sourceNumbers.size <= MAX_REMEMBERED_SOURCES) break;
      this.#sourceNumbers.delete(oldest);
    }
    return number;
  }

  /** Equal codecs become one object, so that viewers notice a change by looking at the reference. */
  #intern(codec: Codec): Codec {
    if (codec !== this.#carriedCodec || !this.#codec) {
      this.#carriedCodec = codec;
      if (!this.#codec || !isSameCodec(codec, this.#codec)) this.#codec = codec;
    }
    return this.#codec;
  }

  /** The canonical timestamp that stands for `nowMs` (RFC 3550 §6.4.1), undefined before the first packet. */
  timestampAt(nowMs: number): number | undefined {
    const known = this.#reference ?? (this.#last && { ...this.#last, capturedAtMs: this.#last.arrivedAtMs });
    if (!known) return undefined;
    const ticks = Math.round(((nowMs - known.capturedAtMs) * CLOCK_RATE[this.kind]) / 1000);
    return (known.timestamp + ticks) >>> 0;
  }
}
