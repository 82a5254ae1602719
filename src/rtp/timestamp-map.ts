// Which of the publisher's RTP timestamps became which of those that viewers see, for the last sources too: messages about a
// frame may come after the frame. It must not know packets, messages or a clock.

import { addTimestamp, timestampDistance } from './sequence.ts';

/** Frames of one source that all moved by the same number of ticks. */
interface Segment {
  readonly sourceId: string;
  /** Incoming timestamps of its first and newest frame; of the first within the memory, once there are more. */
  first: number;
  newest: number;
  /** Outgoing minus incoming. */
  readonly offset: number;
  /** When the next one began; undefined for the current one. */
  endedAtMs: number | undefined;
}

export interface TimestampMapOptions {
  /** Hz of the RTP clock. */
  readonly clockRate: number;
}

/** How long numbers of a source that ended are known, and how far from its frames a timestamp may lie. */
const MEMORY_MS = 10_000;
/** A publisher that changes its source all the time gets a shorter memory. */
const MAX_SEGMENTS = 32;

export class TimestampMap {
  readonly #reachTicks: number;
  /** The current one is the last. */
  readonly #segments: Segment[] = [];

  constructor({ clockRate }: TimestampMapOptions) {
    this.#reachTicks = (MEMORY_MS / 1000) * clockRate;
  }

  /**
   * A packet of a source went out.
   * @param sourceId the numbers that `incoming` is one of
   * @returns true when it is the first with this offset, so that timestamps around it can be translated from now on
   */
  mapped(sourceId: string, incoming: number, outgoing: number, nowMs: number): boolean {
    const current = this.#segments.at(-1);
    if (current?.sourceId === sourceId && addTimestamp(incoming, current.offset) === outgoing) {
      this.#extend(current, incoming);
      return false;
    }
    if (current) current.endedAtMs = nowMs;
    this.#forget(nowMs);
    const offset = timestampDistance(incoming, outgoing);
    this.#segments.push({ sourceId, first: incoming, newest: incoming, offset, endedAtMs: undefined });
    return true;
  }

  /**
   * What a timestamp of a source is for viewers. Of several offsets (the source restarted, or another layer is forwarded)
   * that of the nearest frames counts, so that frames from before a change keep theirs.
   * @returns undefined when no frame within 10 s of it went out, or when that is too long ago
   */
  translate(sourceId: string, timestamp: number): number | undefined {
    let nearest: Segment | undefined;
    let nearestTicks = this.#reachTicks;
    for (const segment of this.#segments) {
      const ticks = distanceTo(segment, timestamp);
      if (segment.sourceId !== sourceId || ticks > nearestTicks) continue;
      nearest = segment;
      nearestTicks = ticks;
    }
    return nearest && addTimestamp(timestamp, nearest.offset);
  }

  #extend(segment: Segment, incoming: number): void {
    if (timestampDistance(segment.newest, incoming) <= 0) return;
    segment.newest = incoming;
    // Else numbers of half a day would all be its own.
    if (timestampDistance(segment.first, incoming) > this.#reachTicks) {
      segment.first = addTimestamp(incoming, -this.#reachTicks);
    }
  }

  #forget(nowMs: number): void {
    const kept = this.#segments.filter(({ endedAtMs = nowMs }) => nowMs - endedAtMs <= MEMORY_MS);
    this.#segments.splice(0, this.#segments.length, ...kept.slice(-MAX_SEGMENTS + 1));
  }
}

/** Ticks from a timestamp to the segment's frames; 0 among them. */
function distanceTo({ first, newest }: Segment, timestamp: number): number {
  const length = (newest - first) >>> 0;
  const sinceFirst = (timestamp - first) >>> 0;
  if (sinceFirst <= length) return 0;
  return Math.min(sinceFirst - length, (first - timestamp) >>> 0);
}
