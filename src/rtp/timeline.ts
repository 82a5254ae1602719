// The one sequence and timestamp space that viewers see, continuous while the publisher's sources change.
// It must not know viewers, sockets or key frames: the caller decides with which packet a source begins.

import type { MediaKind } from './codec.ts';
import { ReplayWindow } from './replay-window.ts';
import {
  addTimestamp,
  isRestart,
  MAX_DROPOUT,
  sequenceDistance,
  timestampDistance,
  unwrapSequence,
} from './sequence.ts';

export interface TimelineOptions {
  /** Video frames end with a marker, which tells whether the last frame of an old source is whole; audio's do not. */
  readonly kind: MediaKind;
  /** Hz of the RTP clock. */
  readonly clockRate: number;
  /** What the first packet goes out with. Below 2^15, so that SRTP receivers agree on the first roll-over. */
  readonly firstSequence: number;
  /** Any 32 bits, by choice at random (RFC 3550 §5.1). */
  readonly firstTimestamp: number;
}

/** What of a packet matters here; `RtpPacket` has it. */
export interface TimelineInput {
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
}

export interface TimelinePlace {
  /** Outgoing sequence number without wrap-around: its low 16 bits go on the wire, what is above is SRTP's roll-over. */
  readonly index: number;
  readonly sequence: number;
  /** Outgoing, 32 bits. */
  readonly timestamp: number;
  /** First packet of a source, or of one that restarted its numbers. */
  readonly startsSource: boolean;
}

/** How far back packets are told apart from their repetitions; more than MAX_DROPOUT. */
const WINDOW = 4096;
/** For so long packets from before a restart of the numbers may still come, and are not one more restart. */
const LATE_MS = 2000;

export class Timeline {
  readonly #kind: MediaKind;
  readonly #clockRate: number;
  readonly #firstSequence: number;
  readonly #firstTimestamp: number;
  /** Outgoing numbers that were given, without wrap-around: none is given twice. */
  readonly #given = new ReplayWindow(WINDOW);

  #source: number | undefined;
  /** First and highest number of the current source, without wrap-around. */
  #sourceStart = 0;
  #sourceHighest = 0;
  /** Outgoing minus incoming sequence number after everything in `#skipped`. */
  #offset = 0;
  #timestampOffset = 0;
  /** Numbers of the current source that viewers must not miss, rising. */
  #skipped: number[] = [];

  /** Where the numbers of the current source were before they restarted. */
  #abandoned: { readonly highest: number; readonly atMs: number } | undefined;

  /** The highest outgoing packet ended its frame. */
  #isFrameWhole = true;
  #newestTimestamp = 0;
  /** When the first packet with the newest timestamp came. */
  #newestAtMs = 0;

  constructor({ kind, clockRate, firstSequence, firstTimestamp }: TimelineOptions) {
    this.#kind = kind;
    this.#clockRate = clockRate;
    this.#firstSequence = firstSequence;
    this.#firstTimestamp = firstTimestamp;
  }

  /**
   * Whether this packet would begin a source, or one that restarted its numbers: a decoder knows nothing of what came
   * before, so the caller may want to wait for a better one. A late packet begins nothing.
   */
  wouldStart(source: number, sequence: number, nowMs: number): boolean {
    if (this.#source === undefined || source > this.#source) return true;
    if (source < this.#source || !isRestart(this.#sourceHighest & 0xffff, sequence)) return false;
    return !this.#isAbandoned(sequence, nowMs);
  }

  /**
   * Where a packet lies for viewers; undefined when it must not go out: of an older source, before the first of its
   * source, or a repetition. No outgoing sequence number is ever given to two packets, which SRTP relies on.
   * `source` is a number that the caller raises with every new source: another publisher, session or SSRC.
   */
  map(source: number, packet: TimelineInput, nowMs: number): TimelinePlace | undefined {
    if (this.#source !== undefined && source < this.#source) return undefined;
    const restarts = source === this.#source && isRestart(this.#sourceHighest & 0xffff, packet.sequence);
    if (restarts && this.#isAbandoned(packet.sequence, nowMs)) return undefined;
    const startsSource = source !== this.#source || restarts;
    if (startsSource) {
      this.#abandoned = restarts ? { highest: this.#sourceHighest & 0xffff, atMs: nowMs } : undefined;
      this.#start(source, packet, nowMs);
    }

    const incoming = unwrapSequence(this.#sourceHighest, packet.sequence);
    const outgoing = this.#outgoing(incoming);
    if (outgoing === undefined || !this.#given.isFresh(outgoing)) return undefined;
    if (outgoing > this.#given.highest) this.#isFrameWhole = this.#kind === 'audio' || packet.marker;
    this.#given.add(outgoing);
    this.#sourceHighest = Math.max(this.#sourceHighest, incoming);

    const timestamp = addTimestamp(packet.timestamp, this.#timestampOffset);
    if (timestampDistance(this.#newestTimestamp, timestamp) > 0) {
      this.#newestTimestamp = timestamp;
      this.#newestAtMs = nowMs;
    }
    return { index: outgoing, sequence: outgoing & 0xffff, timestamp, startsSource };
  }

  /**
   * Leaves out a packet without payload, so that viewers see no gap. When a later packet went out already, the gap
   * cannot be closed any more: returns, once, the outgoing sequence number that viewers miss, to be filled or not.
   */
  skip(source: number, sequence: number): number | undefined {
    if (source !== this.#source || isRestart(this.#sourceHighest & 0xffff, sequence)) return undefined;
    const incoming = unwrapSequence(this.#sourceHighest, sequence);
    if (incoming <= this.#sourceHighest) {
      const outgoing = this.#outgoing(incoming);
      if (outgoing === undefined || !this.#given.isFresh(outgoing)) return undefined;
      this.#given.add(outgoing);
      return outgoing & 0xffff;
    }
    this.#sourceHighest = incoming;
    this.#skipped.push(incoming);
    this.#offset--;
    // So far back that `map` takes no packet from before it.
    if (this.#skipped.length > WINDOW) this.#skipped.shift();
    return undefined;
  }

  /** Outgoing time of a sender report or data message of the current source; undefined for another or before media. */
  mapTimestamp(source: number, timestamp: number): number | undefined {
    return source === this.#source ? addTimestamp(timestamp, this.#timestampOffset) : undefined;
  }

  #isAbandoned(sequence: number, nowMs: number): boolean {
    if (!this.#abandoned || nowMs - this.#abandoned.atMs > LATE_MS) return false;
    const distance = sequenceDistance(this.#abandoned.highest, sequence);
    return distance <= 0 && distance > -MAX_DROPOUT;
  }

  /**
   * Sequence goes on after the highest; one number is left out when the last frame was not whole, so that receivers
   * do not join its packets to the new source's (as mediasoup does). Time goes on by the clock on the wall.
   */
  #start(source: number, packet: TimelineInput, nowMs: number): void {
    const isFirst = this.#source === undefined;
    const sequence = isFirst ? this.#firstSequence : this.#given.highest + (this.#isFrameWhole ? 1 : 2);
    const elapsedTicks = Math.round(((nowMs - this.#newestAtMs) * this.#clockRate) / 1000);
    const timestamp = isFirst ? this.#firstTimestamp : addTimestamp(this.#newestTimestamp, Math.max(1, elapsedTicks));
    this.#source = source;
    this.#sourceStart = packet.sequence;
    this.#sourceHighest = packet.sequence;
    this.#offset = sequence - packet.sequence;
    this.#timestampOffset = timestampDistance(packet.timestamp, timestamp);
    this.#skipped = [];
    this.#newestTimestamp = timestamp;
    this.#newestAtMs = nowMs;
  }

  /** Undefined before the source's first packet, whose numbers belong to the source before, and for a skipped packet. */
  #outgoing(incoming: number): number | undefined {
    if (incoming < this.#sourceStart) return undefined;
    let skippedAfter = 0;
    for (let at = this.#skipped.length - 1; at >= 0; at--) {
      const skipped = this.#skipped[at] ?? 0;
      if (skipped === incoming) return undefined;
      if (skipped < incoming) break;
      skippedAfter++;
    }
    return incoming + this.#offset + skippedAfter;
  }
}
