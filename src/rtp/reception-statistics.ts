// What a receiver report says about one source (RFC 3550 §6.4.1, A.1, A.3, A.8), and round trips from such reports.
// It must not know RTCP bytes, clocks or who the source is.

import { type NtpTime, ntpMiddle32 } from './ntp.ts';
import type { ReportBlock } from './rtcp.ts';
import { isRestart, timestampDistance, unwrapSequence } from './sequence.ts';

/** A longer difference in transit is a new clock, not jitter. */
const MAX_TRANSIT_CHANGE_SECONDS = 5;
/** Reports count delays in 1/65536 s. */
const REPORT_TICKS_PER_MS = 65_536 / 1000;

export class ReceptionStatistics {
  readonly #clockRate: number;
  /** Without wrap-around, as `#highest`. */
  #first = 0;
  #highest: number | undefined;
  #receivedCount = 0;
  #reportedExpected = 0;
  #reportedReceived = 0;

  #jitter = 0;
  #lastTimestamp = 0;
  #lastAtMs = 0;

  #senderReport: { readonly middle32: number; readonly atMs: number } | undefined;

  /** `clockRate` in Hz. */
  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /** Every packet of the source's SSRC as it comes, repetitions included. */
  received(sequence: number, timestamp: number, nowMs: number): void {
    if (this.#highest === undefined || isRestart(this.#highest & 0xffff, sequence)) {
      this.#start(sequence, timestamp, nowMs);
      return;
    }
    this.#receivedCount++;
    const number = unwrapSequence(this.#highest, sequence);
    // What comes late was sent again or overtaken: its delay says nothing about the network's evenness.
    if (number <= this.#highest) {
      this.#first = Math.min(this.#first, number);
      return;
    }
    this.#highest = number;
    // The packets of one frame leave at once and share a timestamp.
    if (timestamp !== this.#lastTimestamp) this.#updateJitter(timestamp, nowMs);
  }

  /** A sender report of the source came. */
  senderReport(ntp: NtpTime, nowMs: number): void {
    this.#senderReport = { middle32: ntpMiddle32(ntp), atMs: nowMs };
  }

  /** The report that is due now; fractionLost counts from the last call. Undefined before the first packet. */
  report(ssrc: number, nowMs: number): ReportBlock | undefined {
    if (this.#highest === undefined) return undefined;
    const expected = this.#highest - this.#first + 1;
    const expectedSince = expected - this.#reportedExpected;
    const lostSince = expectedSince - (this.#receivedCount - this.#reportedReceived);
    this.#reportedExpected = expected;
    this.#reportedReceived = this.#receivedCount;
    const sinceSenderReportMs = this.#senderReport ? nowMs - this.#senderReport.atMs : 0;
    return {
      ssrc,
      fractionLost: expectedSince > 0 && lostSince > 0 ? Math.floor((lostSince * 256) / expectedSince) / 256 : 0,
      cumulativeLost: expected - this.#receivedCount,
      highestSequence: this.#highest % 0x1_0000_0000,
      jitter: Math.floor(this.#jitter),
      lastSr: this.#senderReport?.middle32 ?? 0,
      delaySinceLastSr: Math.round(sinceSenderReportMs * REPORT_TICKS_PER_MS),
    };
  }

  #start(sequence: number, timestamp: number, nowMs: number): void {
    this.#first = sequence;
    this.#highest = sequence;
    this.#receivedCount = 1;
    this.#reportedExpected = 0;
    this.#reportedReceived = 0;
    this.#lastTimestamp = timestamp;
    this.#lastAtMs = nowMs;
  }

  /** RFC 3550 A.8: a mean over about 16 packets of how much the transit time changes. */
  #updateJitter(timestamp: number, nowMs: number): void {
    const arrivalTicks = ((nowMs - this.#lastAtMs) * this.#clockRate) / 1000;
    const transitChange = Math.abs(arrivalTicks - timestampDistance(this.#lastTimestamp, timestamp));
    if (transitChange < MAX_TRANSIT_CHANGE_SECONDS * this.#clockRate)
      this.#jitter += (transitChange - this.#jitter) / 16;
    this.#lastTimestamp = timestamp;
    this.#lastAtMs = nowMs;
  }
}
