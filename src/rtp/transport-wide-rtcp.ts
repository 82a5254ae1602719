// Writes transport-wide feedback: RTCP 205, message type 15 (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
// It must not know when a report is due.

import { RTCP } from './rtcp.ts';
import { addSequence } from './sequence.ts';
import type { ArrivalReport } from './transport-wide-recorder.ts';

export interface FeedbackHeader {
  /** Who writes. */
  readonly senderSsrc: number;
  /** Any SSRC of the transport: libwebrtc drops feedback about one that is not its own. */
  readonly mediaSsrc: number;
  /** Counts the feedback packets of a transport; written modulo 256. */
  readonly firstCount: number;
}

const MESSAGE_TYPE = 15;
const HEADER_LENGTH = 20;
/** Deltas are told in 250 µs, the reference time in 64 ms. */
const TICKS_PER_MS = 4;
const TICKS_PER_REFERENCE = 256;
/** §3.1.1: no arrival; 8 bits of delta, unsigned; 16 bits, signed. */
type Status = 0 | 1 | 2;
const MISSING = 0;
const SMALL = 1;
const LARGE = 2;
const MAX_RUN = 0x1fff;
/** Statuses in a vector chunk of one or two bits each (§3.1.4). */
const ONE_BIT_SYMBOLS = 14;
const TWO_BIT_SYMBOLS = 7;
/** An arrival costs at most a run of losses before it, a vector and a delta, two bytes each: it stays below 1,200 bytes. */
const MAX_ARRIVALS = 190;

interface Statuses {
  readonly baseSequence: number;
  /** In units of 64 ms. */
  readonly reference: number;
  /** The last one is not MISSING. */
  readonly statuses: readonly Status[];
  /** In ticks, one for each status that is not MISSING. */
  readonly deltas: readonly number[];
}

/**
 * Feedback packets for a report, each a datagram of its own, in order: several when it is long, or when two arrivals lie
 * further apart than a delta can say (8.2 s). Empty when nothing came. Times may be of any clock that only goes forward.
 */
export function writeTransportWideFeedback(header: FeedbackHeader, report: ArrivalReport): Uint8Array[] {
  const packets: Uint8Array[] = [];
  let done = 0;
  while (done < report.arrivals.length) {
    const part = takeStatuses(report, done);
    if (!part) break;
    packets.push(writePacket(header, header.firstCount + packets.length, part));
    done += part.statuses.length;
  }
  return packets;
}

/** As many statuses from `start` on as one packet can hold; undefined when nothing came any more. */
function takeStatuses({ baseSequence, arrivals }: ArrivalReport, start: number): Statuses | undefined {
  const statuses: Status[] = [];
  const deltas: number[] = [];
  let reference: number | undefined;
  let previousTicks = 0;
  let missing = 0;
  for (let at = start; at < arrivals.length; at++) {
    const arrivedAtMs = arrivals[at];
    if (arrivedAtMs === undefined) {
      missing++;
      continue;
    }
    const ticks = Math.round(arrivedAtMs * TICKS_PER_MS);
    if (reference === undefined) {
      reference = Math.floor(ticks / TICKS_PER_REFERENCE);
      previousTicks = reference * TICKS_PER_REFERENCE;
    } else if (deltas.length === MAX_ARRIVALS) break;
    const delta = ticks - previousTicks;
    if (delta < -0x8000 || delta > 0x7fff) break;
    for (; missing > 0; missing--) statuses.push(MISSING);
    statuses.push(delta >= 0 && delta <= 0xff ? SMALL : LARGE);
    deltas.push(delta);
    previousTicks = ticks;
  }
  return reference === undefined
    ? undefined
    : { baseSequence: addSequence(baseSequence, start), reference, statuses, deltas };
}

function writePacket({ senderSsrc, mediaSsrc }: FeedbackHeader, count: number, part: Statuses): Uint8Array {
  const chunks = chunksOf(part.statuses);
  const deltasLength = part.deltas.reduce((length, delta) => length + (isSmall(delta) ? 1 : 2), 0);
  const unpadded = HEADER_LENGTH + 2 * chunks.length + deltasLength;
  const length = 4 * Math.ceil(unpadded / 4);
  const view = new DataView(new ArrayBuffer(length));
  // The padding's last byte counts it, and the header's P bit says that there is some (RFC 3550 §6.4.1).
  view.setUint8(0, (length > unpadded ? 0xa0 : 0x80) | MESSAGE_TYPE);
  if (length > unpadded) view.setUint8(length - 1, length - unpadded);
  view.setUint8(1, RTCP.transport);
  view.setUint16(2, length / 4 - 1);
  view.setUint32(4, senderSsrc);
  view.setUint32(8, mediaSsrc);
  view.setUint16(12, part.baseSequence);
  view.setUint16(14, part.statuses.length);
  view.setUint32(16, ((part.reference & 0xff_ffff) << 8) | (count & 0xff));
  let offset = HEADER_LENGTH;
  for (const chunk of chunks) {
    view.setUint16(offset, chunk);
    offset += 2;
  }
  for (const delta of part.deltas) {
    if (isSmall(delta)) view.setUint8(offset++, delta);
    else {
      view.setInt16(offset, delta);
      offset += 2;
    }
  }
  return new Uint8Array(view.buffer);
}

function isSmall(delta: number): boolean {
  return delta >= 0 && delta <= 0xff;
}

/** 16 bits each (§3.1.3, §3.1.4): a run where that says more than a vector would. */
function chunksOf(statuses: readonly Status[]): number[] {
  const chunks: number[] = [];
  let at = 0;
  while (at < statuses.length) {
    const status = statuses[at] ?? MISSING;
    const run = runLength(statuses, at);
    const nearby = statuses.slice(at, at + ONE_BIT_SYMBOLS);
    const oneBit = !nearby.includes(LARGE);
    const symbols = Math.min(oneBit ? ONE_BIT_SYMBOLS : TWO_BIT_SYMBOLS, statuses.length - at);
    if (run >= symbols) {
      chunks.push((status << 13) | run);
      at += run;
    } else if (oneBit) {
      chunks.push(nearby.reduce<number>((chunk, each, bit) => chunk | (each << (13 - bit)), 0x8000));
      at += ONE_BIT_SYMBOLS;
    } else {
      const first = nearby.slice(0, TWO_BIT_SYMBOLS);
      chunks.push(first.reduce<number>((chunk, each, pair) => chunk | (each << (12 - 2 * pair)), 0xc000));
      at += TWO_BIT_SYMBOLS;
    }
  }
  return chunks;
}

function runLength(statuses: readonly Status[], start: number): number {
  let end = start + 1;
  while (end < statuses.length && end - start < MAX_RUN && statuses[end] === statuses[start]) end++;
  return end - start;
}
