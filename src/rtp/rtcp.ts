// Reads RTCP, compound and reduced-size, as values (RFC 3550 §6, RFC 4585 §6, RFC 5104 §4.3, REMB draft).
// It must not know encryption, nor what anybody does with a report. rtcp-writer.ts writes the same values.

import type { NtpTime } from './ntp.ts';
import { addSequence } from './sequence.ts';

/** What a receiver says about one source (RFC 3550 §6.4.1). */
export interface ReportBlock {
  /** The source that the report is about. */
  readonly ssrc: number;
  /** Share lost since the last report, 0 to 255/256, in steps of 1/256. */
  readonly fractionLost: number;
  /** Signed 24 bits: negative when duplicates outnumber losses. */
  readonly cumulativeLost: number;
  /** Highest sequence number in the low 16 bits, its cycles above; unsigned 32 bits. */
  readonly highestSequence: number;
  /** Ticks of the RTP clock. */
  readonly jitter: number;
  /** Middle 32 bits of the last sender report's NTP time; 0 without one. */
  readonly lastSr: number;
  /** Units of 1/65536 s; 0 without a sender report. */
  readonly delaySinceLastSr: number;
}

export interface SenderReport {
  readonly type: 'sender-report';
  readonly ssrc: number;
  readonly ntp: NtpTime;
  readonly rtpTimestamp: number;
  readonly packetCount: number;
  readonly octetCount: number;
  readonly reports: readonly ReportBlock[];
}

/** In all feedback, `senderSsrc` is who writes and `mediaSsrc` the source that is meant. */
export type RtcpPacket =
  | SenderReport
  | { readonly type: 'receiver-report'; readonly senderSsrc: number; readonly reports: readonly ReportBlock[] }
  | { readonly type: 'nack'; readonly senderSsrc: number; readonly mediaSsrc: number; readonly lost: readonly number[] }
  | { readonly type: 'pli'; readonly senderSsrc: number; readonly mediaSsrc: number }
  | { readonly type: 'fir'; readonly senderSsrc: number; readonly entries: readonly FirEntry[] }
  | {
      readonly type: 'remb';
      readonly senderSsrc: number;
      readonly bitrateBps: number;
      readonly ssrcs: readonly number[];
    }
  | { readonly type: 'bye'; readonly ssrcs: readonly number[] };

/** A full intra request (RFC 5104 §4.3.1); the same `commandNumber` again is a repetition of the same request. */
export interface FirEntry {
  readonly ssrc: number;
  readonly commandNumber: number;
}

export const RTCP = {
  senderReport: 200,
  receiverReport: 201,
  sdes: 202,
  bye: 203,
  transport: 205,
  payload: 206,
} as const;
/** Message types of transport-layer and payload-specific feedback (RFC 4585 §6.2, §6.3; RFC 5104; REMB is AFB). */
export const FEEDBACK = { nack: 1, pli: 1, fir: 4, remb: 15 } as const;
/** "REMB" in ASCII. */
export const REMB_IDENTIFIER = 0x52454d42;

/** More than any honest datagram holds; keeps the work of one datagram small. */
const MAX_PACKETS = 64;
const MAX_LOST = 2048;
const MAX_FIR_ENTRIES = 64;
const REPORT_BLOCK_LENGTH = 24;

/** Whether a datagram that is RTP or RTCP is RTCP (RFC 5761 §4). */
export function isRtcp(bytes: Uint8Array): boolean {
  const packetType = bytes[1] ?? 0;
  return packetType >= 192 && packetType <= 223;
}

/** The known packets in their order; unknown ones are left out, reading ends at a malformed one. Never throws. */
export function parseRtcp(bytes: Uint8Array): RtcpPacket[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packets: RtcpPacket[] = [];
  let offset = 0;
  for (let count = 0; count < MAX_PACKETS && offset + 4 <= view.byteLength; count++) {
    const first = view.getUint8(offset);
    const next = offset + 4 + 4 * view.getUint16(offset + 2);
    if (first >> 6 !== 2 || next > view.byteLength) break;
    let end = next;
    if (first & 0x20) {
      const padding = view.getUint8(next - 1);
      end -= padding;
      if (padding === 0 || end < offset + 4) break;
    }
    const packet = parseOne(view, view.getUint8(offset + 1), first & 0x1f, offset + 4, end);
    if (packet === 'malformed') break;
    if (packet !== 'unknown') packets.push(packet);
    offset = next;
  }
  return packets;
}

/** One packet's body from `start` to `end`; `count` is the five bits of count or feedback message type. */
function parseOne(
  view: DataView,
  packetType: number,
  count: number,
  start: number,
  end: number,
): RtcpPacket | 'unknown' | 'malformed' {
  switch (packetType) {
    case RTCP.senderReport:
      return parseSenderReport(view, count, start, end);
    case RTCP.receiverReport: {
      if (end < start + 4 + count * REPORT_BLOCK_LENGTH) return 'malformed';
      return {
        type: 'receiver-report',
        senderSsrc: view.getUint32(start),
        reports: parseReports(view, count, start + 4),
      };
    }
    case RTCP.bye: {
      if (end < start + 4 * count) return 'malformed';
      return { type: 'bye', ssrcs: parseSsrcs(view, count, start) };
    }
    case RTCP.transport: {
      if (end < start + 8) return 'malformed';
      return count === FEEDBACK.nack ? parseNack(view, start, end) : 'unknown';
    }
    case RTCP.payload:
      return end < start + 8 ? 'malformed' : parsePayloadFeedback(view, count, start, end);
    default:
      return 'unknown';
  }
}

function parseSenderReport(view: DataView, count: number, start: number, end: number): RtcpPacket | 'malformed' {
  if (end < start + 24 + count * REPORT_BLOCK_LENGTH) return 'malformed';
  return {
    type: 'sender-report',
    ssrc: view.getUint32(start),
    ntp: { seconds: view.getUint32(start + 4), fraction: view.getUint32(start + 8) },
    rtpTimestamp: view.getUint32(start + 12),
    packetCount: view.getUint32(start + 16),
    octetCount: view.getUint32(start + 20),
    reports: parseReports(view, count, start + 24),
  };
}

function parseReports(view: DataView, count: number, start: number): ReportBlock[] {
  return Array.from({ length: count }, (_, at) => {
    const offset = start + at * REPORT_BLOCK_LENGTH;
    return {
      ssrc: view.getUint32(offset),
      fractionLost: view.getUint8(offset + 4) / 256,
      cumulativeLost: (view.getInt32(offset + 4) << 8) >> 8,
      highestSequence: view.getUint32(offset + 8),
      jitter: view.getUint32(offset + 12),
      lastSr: view.getUint32(offset + 16),
      delaySinceLastSr: view.getUint32(offset + 20),
    };
  });
}

function parseSsrcs(view: DataView, count: number, start: number): number[] {
  return Array.from({ length: count }, (_, at) => view.getUint32(start + 4 * at));
}

/** RFC 4585 §6.2.1: pairs of a lost number and a mask of the 16 that follow it. */
function parseNack(view: DataView, start: number, end: number): RtcpPacket {
  const lost: number[] = [];
  for (let offset = start + 8; offset + 4 <= end && lost.length < MAX_LOST; offset += 4) {
    const first = view.getUint16(offset);
    lost.push(first);
    for (let mask = view.getUint16(offset + 2), step = 1; mask !== 0; mask >>= 1, step++) {
      if (mask & 1) lost.push(addSequence(first, step));
    }
  }
  return { type: 'nack', senderSsrc: view.getUint32(start), mediaSsrc: view.getUint32(start + 4), lost };
}

function parsePayloadFeedback(
  view: DataView,
  messageType: number,
  start: number,
  end: number,
): RtcpPacket | 'unknown' | 'malformed' {
  const senderSsrc = view.getUint32(start);
  if (messageType === FEEDBACK.pli) return { type: 'pli', senderSsrc, mediaSsrc: view.getUint32(start + 4) };
  if (messageType === FEEDBACK.fir) {
    const entries: FirEntry[] = [];
    for (let offset = start + 8; offset + 8 <= end && entries.length < MAX_FIR_ENTRIES; offset += 8) {
      entries.push({ ssrc: view.getUint32(offset), commandNumber: view.getUint8(offset + 4) });
    }
    return { type: 'fir', senderSsrc, entries };
  }
  if (messageType !== FEEDBACK.remb) return 'unknown';
  // REMB (draft-alvestrand-rmcat-remb-03 §2.2) is one of several "application layer feedback" messages.
  if (end < start + 16 || view.getUint32(start + 8) !== REMB_IDENTIFIER) return 'unknown';
  const count = view.getUint8(start + 12);
  if (end < start + 16 + 4 * count) return 'malformed';
  const word = view.getUint32(start + 12) & 0xff_ffff;
  const bitrateBps = (word & 0x3_ffff) * 2 ** (word >> 18);
  return { type: 'remb', senderSsrc, bitrateBps, ssrcs: parseSsrcs(view, count, start + 16) };
}
