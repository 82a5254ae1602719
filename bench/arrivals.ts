// What one decrypting viewer got: order, gaps, duplicates, delay, from the stamps in the payloads.
// It must not know sockets, clocks or encryption.

import type { MediaKind } from '../src/rtp/codec.ts';
import type { Stamp } from './pattern.ts';

export interface ArrivalCounts {
  readonly packets: number;
  /** Sent by the publisher and never seen. */
  readonly lost: number;
  readonly duplicates: number;
  /** Came after a packet that was sent later. */
  readonly reordered: number;
  /** Its RTP sequence number does not belong to its place. */
  readonly misnumbered: number;
}

interface Track {
  /** The next number that has not been seen. */
  next: number;
  /** RTP sequence number less packet number, modulo 2^16; undefined before the first packet. */
  sequenceOffset: number | undefined;
  readonly missing: Set<number>;
}

export class Arrivals {
  readonly #tracks = new Map<MediaKind, Track>();
  #packets = 0;
  #duplicates = 0;
  #reordered = 0;
  #misnumbered = 0;
  #delaysMs: number[] = [];

  /** Forgets what was counted; from now on packets from these numbers on are expected. */
  restart(firstNumbers: Readonly<Record<MediaKind, number>>): void {
    this.#tracks.clear();
    for (const kind of ['video', 'audio'] as const) {
      this.#tracks.set(kind, { next: firstNumbers[kind], sequenceOffset: undefined, missing: new Set() });
    }
    this.#packets = 0;
    this.#duplicates = 0;
    this.#reordered = 0;
    this.#misnumbered = 0;
    this.#delaysMs = [];
  }

  /** @param sequence of the RTP header @param receivedAtNs by the clock of the stamp */
  add(kind: MediaKind, sequence: number, { number, sentAtNs }: Stamp, receivedAtNs: bigint): void {
    const track = this.#tracks.get(kind);
    if (!track) return;
    this.#packets++;
    this.#delaysMs.push(Number(receivedAtNs - sentAtNs) / 1e6);
    const offset = (sequence - number) & 0xffff;
    track.sequenceOffset ??= offset;
    if (offset !== track.sequenceOffset) this.#misnumbered++;
    if (number < track.next) {
      if (track.missing.delete(number)) this.#reordered++;
      else this.#duplicates++;
      return;
    }
    for (let missing = track.next; missing < number; missing++) track.missing.add(missing);
    track.next = number + 1;
  }

  /** @param endNumbers those that would be next: what lies before them and was not seen is lost */
  counts(endNumbers: Readonly<Record<MediaKind, number>>): ArrivalCounts {
    let lost = 0;
    for (const [kind, track] of this.#tracks) lost += track.missing.size + Math.max(0, endNumbers[kind] - track.next);
    return {
      packets: this.#packets,
      lost,
      duplicates: this.#duplicates,
      reordered: this.#reordered,
      misnumbered: this.#misnumbered,
    };
  }

  get packets(): number {
    return this.#packets;
  }

  /** Takes the delays since the last call. */
  takeDelaysMs(): number[] {
    const taken = this.#delaysMs;
    this.#delaysMs = [];
    return taken;
  }
}

/** The value below which `share` of the values lie (nearest rank); NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
