// Writes the RTCP that we send: reports with SDES, NACK, PLI, FIR, REMB (RFC 3550 §6, 4585 §6, 5104 §4.3).
// It must not know when anything is due, nor encryption. rtcp.ts reads the same values.

import type { NtpTime } from './ntp.ts';
import { FEEDBACK, type FirEntry, REMB_IDENTIFIER, type ReportBlock, RTCP } from './rtcp.ts';
import { sequenceDistance } from './sequence.ts';

const SDES_CNAME = 1;
const MAX_REPORTS = 31;
const MAX_CNAME_LENGTH = 255;
const REPORT_BLOCK_LENGTH = 24;

export interface SenderReportFields {
  readonly ssrc: number;
  readonly ntp: NtpTime;
  readonly rtpTimestamp: number;
  /** Counts since the start; written modulo 2^32. */
  readonly packetCount: number;
  readonly octetCount: number;
  /** ASCII, at most 255 characters; the same for a viewer's audio and video, which ties them together. */
  readonly cname: string;
}

/** A sender report and its SDES, one compound packet. */
export function writeSenderReport(report: SenderReportFields): Uint8Array {
  const bytes = new Uint8Array(28 + sdesLength(report.cname));
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, RTCP.senderReport, 0, 28);
  view.setUint32(4, report.ssrc);
  view.setUint32(8, report.ntp.seconds);
  view.setUint32(12, report.ntp.fraction);
  view.setUint32(16, report.rtpTimestamp);
  view.setUint32(20, report.packetCount);
  view.setUint32(24, report.octetCount);
  writeSdes(view, 28, report.ssrc, report.cname);
  return bytes;
}

/** A goodbye of our sources (RFC 3550 §6.6), behind an empty report, with which a compound packet begins. */
export function writeGoodbye(ssrcs: readonly number[], cname: string): Uint8Array {
  const report = writeReceiverReport(ssrcs[0] ?? 0, [], cname);
  const bytes = new Uint8Array(report.length + 4 + 4 * ssrcs.length);
  bytes.set(report);
  const view = new DataView(bytes.buffer);
  writeHeader(view, report.length, RTCP.bye, ssrcs.length, 4 + 4 * ssrcs.length);
  for (const [at, ssrc] of ssrcs.entries()) view.setUint32(report.length + 4 + 4 * at, ssrc);
  return bytes;
}

/** A receiver report about up to 31 sources and its SDES, one compound packet. */
export function writeReceiverReport(senderSsrc: number, reports: readonly ReportBlock[], cname: string): Uint8Array {
  if (reports.length > MAX_REPORTS) throw new Error(`${reports.length} report blocks in one packet`);
  const length = 8 + reports.length * REPORT_BLOCK_LENGTH;
  const bytes = new Uint8Array(length + sdesLength(cname));
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, RTCP.receiverReport, reports.length, length);
  view.setUint32(4, senderSsrc);
  let offset = 8;
  for (const report of reports) {
    view.setUint32(offset, report.ssrc);
    view.setInt32(offset + 4, clamp(report.cumulativeLost, -0x80_0000, 0x7f_ffff) & 0xff_ffff);
    view.setUint8(offset + 4, clamp(Math.floor(report.fractionLost * 256), 0, 255));
    view.setUint32(offset + 8, report.highestSequence);
    view.setUint32(offset + 12, report.jitter);
    view.setUint32(offset + 16, report.lastSr);
    view.setUint32(offset + 20, report.delaySinceLastSr);
    offset += REPORT_BLOCK_LENGTH;
  }
  writeSdes(view, length, senderSsrc, cname);
  return bytes;
}

/**
 * A generic NACK of its own, reduced-size: FFmpeg understands it only alone in its datagram. `lost` in rising order
 * (with wrap-around) packs best. 256 numbers need at most 1036 bytes.
 */
export function writeNack(senderSsrc: number, mediaSsrc: number, lost: readonly number[]): Uint8Array {
  const pairs: { first: number; mask: number }[] = [];
  for (const sequence of lost) {
    const last = pairs.at(-1);
    const step = last ? sequenceDistance(last.first, sequence) : 0;
    if (last && step === 0) continue;
    if (last && step >= 1 && step <= 16) last.mask |= 1 << (step - 1);
    else pairs.push({ first: sequence, mask: 0 });
  }
  const view = feedback(RTCP.transport, FEEDBACK.nack, senderSsrc, mediaSsrc, 4 * pairs.length);
  pairs.forEach(({ first, mask }, at) => {
    view.setUint16(12 + 4 * at, first);
    view.setUint16(14 + 4 * at, mask);
  });
  return bytesOf(view);
}

/** Picture loss indication. */
export function writePli(senderSsrc: number, mediaSsrc: number): Uint8Array {
  return bytesOf(feedback(RTCP.payload, FEEDBACK.pli, senderSsrc, mediaSsrc, 0));
}

/** Full intra request; raise an entry's `commandNumber` (8 bits) for a new request, keep it for a repetition. */
export function writeFir(senderSsrc: number, entries: readonly FirEntry[]): Uint8Array {
  // The media SSRC of the feedback header is unused and 0 (RFC 5104 §4.3.1.2).
  const view = feedback(RTCP.payload, FEEDBACK.fir, senderSsrc, 0, 8 * entries.length);
  entries.forEach(({ ssrc, commandNumber }, at) => {
    view.setUint32(12 + 8 * at, ssrc);
    view.setUint8(16 + 8 * at, commandNumber);
  });
  return bytesOf(view);
}

/** Receiver estimated maximum bitrate, for all `ssrcs` together; rounded down to 18 significant bits. */
export function writeRemb(senderSsrc: number, bitrateBps: number, ssrcs: readonly number[]): Uint8Array {
  const view = feedback(RTCP.payload, FEEDBACK.remb, senderSsrc, 0, 8 + 4 * ssrcs.length);
  let exponent = 0;
  let mantissa = Math.max(0, Math.floor(bitrateBps));
  while (mantissa > 0x3_ffff && exponent < 63) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  view.setUint32(12, REMB_IDENTIFIER);
  view.setUint32(16, (exponent << 18) | mantissa);
  view.setUint8(16, ssrcs.length);
  ssrcs.forEach((ssrc, at) => {
    view.setUint32(20 + 4 * at, ssrc);
  });
  return bytesOf(view);
}

/** A feedback packet (RFC 4585 §6.1) with room for its control information. */
function feedback(
  packetType: number,
  messageType: number,
  senderSsrc: number,
  mediaSsrc: number,
  informationLength: number,
): DataView {
  const view = new DataView(new ArrayBuffer(12 + informationLength));
  writeHeader(view, 0, packetType, messageType, view.byteLength);
  view.setUint32(4, senderSsrc);
  view.setUint32(8, mediaSsrc);
  return view;
}

function writeHeader(view: DataView, offset: number, packetType: number, count: number, length: number): void {
  view.setUint8(offset, 0x80 | count);
  view.setUint8(offset + 1, packetType);
  view.setUint16(offset + 2, length / 4 - 1);
}

/** Header, SSRC, item of two bytes and text, then at least one zero byte up to a multiple of four (RFC 3550 §6.5). */
function sdesLength(cname: string): number {
  if (cname.length > MAX_CNAME_LENGTH) throw new Error(`CNAME of ${cname.length} characters`);
  return 8 + 4 * Math.ceil((2 + cname.length + 1) / 4);
}

function writeSdes(view: DataView, offset: number, ssrc: number, cname: string): void {
  writeHeader(view, offset, RTCP.sdes, 1, sdesLength(cname));
  view.setUint32(offset + 4, ssrc);
  view.setUint8(offset + 8, SDES_CNAME);
  view.setUint8(offset + 9, cname.length);
  for (let at = 0; at < cname.length; at++) view.setUint8(offset + 10 + at, cname.charCodeAt(at));
}

function clamp(value: number, lowest: number, highest: number): number {
  return Math.min(highest, Math.max(lowest, value));
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer);
}
