// What a receiver tells of how it receives: loss, jitter, round trip, bandwidth (RFC 3550 §6.4.1, REMB draft).
// It must not know RTCP bytes, clocks or who the receiver is.

import type { MediaKind } from './codec.ts';
import { type NtpTime, ntpMiddle32 } from './ntp.ts';
import type { ReportBlock } from './rtcp.ts';

/** How one medium arrives. */
export interface ReceptionQuality {
  /** Share lost between the last two reports, 0 to 1. */
  readonly lossShare: number;
  /** Since the start; negative when duplicates outnumber losses. */
  readonly packetsLost: number;
  readonly jitterMs: number;
}

/** LSR and DLSR count in 1/65536 s. */
const REPORT_TICKS_PER_MS = 65_536 / 1000;
/** A longer one is a wrong clock, or a report of another time. */
const MAX_ROUND_TRIP_MS = 30_000;
/** RFC 6298 §2: how much the newest of several counts. */
const ROUND_TRIP_GAIN = 1 / 8;

export class ReceiverFeedback {
  readonly #quality = new Map<MediaKind, ReceptionQuality>();
  #roundTripMs: number | undefined;
  #estimatedBitrateBps: number | undefined;

  quality(kind: MediaKind): ReceptionQuality | undefined {
    return this.#quality.get(kind);
  }

  /** Smoothed; undefined before a report that answers one of ours. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** What the receiver believes that its network carries (REMB); undefined when it never said. */
  get estimatedBitrateBps(): number | undefined {
    return this.#estimatedBitrateBps;
  }

  /**
   * A report about a medium.
   * @param clockRate of the medium, Hz
   * @param now the time on the clock of our sender reports
   */
  reported(kind: MediaKind, block: ReportBlock, clockRate: number, now: NtpTime): void {
    this.#quality.set(kind, {
      lossShare: block.fractionLost,
      packetsLost: block.cumulativeLost,
      jitterMs: (block.jitter / clockRate) * 1000,
    });
    if (block.lastSr === 0) return;
    const ticks = (ntpMiddle32(now) - block.lastSr - block.delaySinceLastSr) | 0;
    const roundTripMs = Math.max(0, ticks / REPORT_TICKS_PER_MS);
    if (roundTripMs > MAX_ROUND_TRIP_MS) return;
    this.#roundTripMs =
      this.#roundTripMs === undefined
        ? roundTripMs
        : this.#roundTripMs + (roundTripMs - this.#roundTripMs) * ROUND_TRIP_GAIN;
  }

  estimated(bitrateBps: number): void {
    this.#estimatedBitrateBps = bitrateBps;
  }
}
