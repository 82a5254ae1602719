// How many bytes may be on their way at once (RFC 9260 §7.2): slow start, congestion avoidance, fast recovery.
// It must not know chunks or a clock.

import { COMMON_HEADER_BYTES, dataChunkBytes, MAX_PACKET_BYTES } from './packet.ts';

/** What a chunk costs the network beside itself: headers of SCTP, DTLS, UDP and IP. Else a thousand tiny messages would pass as one packet. */
const OVERHEAD_BYTES = COMMON_HEADER_BYTES + 68;
const FULL_CHUNK_BYTES = MAX_PACKET_BYTES - COMMON_HEADER_BYTES + OVERHEAD_BYTES;
/** RFC 9260 §7.2.1. */
const INITIAL_BYTES = 4 * FULL_CHUNK_BYTES;
const MIN_THRESHOLD_BYTES = 4 * FULL_CHUNK_BYTES;
/** What one peer may have in flight, however fast it is: a window of this at a round trip of 100 ms is 40 Mb/s. */
const MAX_BYTES = 512 * 1024;

/** What a chunk of this payload counts for. */
export function flightBytes(payloadBytes: number): number {
  return dataChunkBytes(payloadBytes) + OVERHEAD_BYTES;
}

export class CongestionWindow {
  #bytes = INITIAL_BYTES;
  #threshold = MAX_BYTES;
  #partialBytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Bytes were acknowledged, and the cumulative number moved, outside of fast recovery.
   * @param wasFull the window limited the sender; else it does not grow
   */
  acknowledged(bytes: number, wasFull: boolean): void {
    if (!wasFull) return;
    if (this.#bytes <= this.#threshold) {
      this.#bytes = Math.min(MAX_BYTES, this.#bytes + Math.min(bytes, FULL_CHUNK_BYTES));
      return;
    }
    this.#partialBytes += bytes;
    if (this.#partialBytes < this.#bytes) return;
    this.#partialBytes -= this.#bytes;
    this.#bytes = Math.min(MAX_BYTES, this.#bytes + FULL_CHUNK_BYTES);
  }

  /** A loss that later packets told (§7.2.3, §7.2.4). */
  lost(): void {
    this.#threshold = Math.max(this.#bytes / 2, MIN_THRESHOLD_BYTES);
    this.#bytes = this.#threshold;
    this.#partialBytes = 0;
  }

  /** Nothing was heard in time (§7.2.3). */
  expired(): void {
    this.lost();
    this.#bytes = FULL_CHUNK_BYTES;
  }
}
