// RTCP as it comes out of decryption: what is read must be in bounds, and be the same after it was written again.

import { isDeepStrictEqual } from 'node:util';
import { isRtcp, parseRtcp, type ReportBlock, type RtcpPacket } from '../../src/rtp/rtcp.ts';
import {
  writeFir,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../../src/rtp/rtcp-writer.ts';
import { BYTE_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, isUint, promise } from '../target.ts';
import { bytesOf } from './corpus.ts';

/** One datagram's worth: more would be work for nothing. */
const MAX_PACKETS = 64;
const MAX_NUMBERS = 2100;

const REPORT: ReportBlock = {
  ssrc: 4001,
  fractionLost: 0.25,
  cumulativeLost: -3,
  highestSequence: 0x0001_ffff,
  jitter: 90,
  lastSr: 0x1234_5678,
  delaySinceLastSr: 65_536,
};

export const rtcp: FuzzTarget = {
  name: 'rtcp',
  seeds: [
    writeSenderReport({
      ssrc: 1,
      ntp: { seconds: 0xe000_0000, fraction: 0x8000_0000 },
      rtpTimestamp: 90_000,
      packetCount: 10,
      octetCount: 1000,
      cname: 'fanlight',
    }),
    writeReceiverReport(1, [REPORT, { ...REPORT, ssrc: 4002, cumulativeLost: 7 }], ''),
    writeNack(1, 4001, [65_530, 65_533, 2, 3, 40]),
    writePli(1, 4001),
    writeFir(1, [{ ssrc: 4001, commandNumber: 255 }]),
    writeRemb(1, 2_500_000, [4001, 4002]),
    // Goodbye with a reason; application-defined; an unknown payload-specific message; padding.
    bytesOf('82cb0005 00000fa1 00000fa2 0b627965 2d627965 2d627965'),
    bytesOf('80cc0002 00000fa1 6e616d65'),
    bytesOf('8fce0004 00000001 00000fa1 58585858 00000000'),
    bytesOf('a1ce0003 00000001 00000fa1 00000004'),
  ],
  mutations: BYTE_MUTATIONS,
  maxBytes: 1500,
  maxMs: 5,
  check(input) {
    const packets = parseRtcp(input);
    promise(packets.length <= MAX_PACKETS, 'a datagram has few packets');
    for (const packet of packets) {
      promise(isInBounds(packet), `a ${packet.type} is in bounds`);
      const written = write(packet);
      if (!written) continue;
      promise(isRtcp(written), 'what is written is RTCP');
      const [again] = parseRtcp(written);
      promise(isDeepStrictEqual(again, normal(packet)), `a ${packet.type} is read as it was written`);
    }
    return packets
      .slice(0, 4)
      .map(({ type }) => type)
      .join(' ');
  },
};

function isInBounds(packet: RtcpPacket): boolean {
  const areSsrcs = (numbers: readonly number[]) => numbers.every((number) => isUint(number, 32));
  switch (packet.type) {
    case 'sender-report':
      return isUint(packet.ssrc, 32) && isUint(packet.rtpTimestamp, 32) && packet.reports.every(isReport);
    case 'receiver-report':
      return packet.reports.length <= 31 && packet.reports.every(isReport);
    case 'nack':
      return packet.lost.length <= MAX_NUMBERS && packet.lost.every((sequence) => isUint(sequence, 16));
    case 'pli':
      return isUint(packet.mediaSsrc, 32);
    case 'fir':
      return packet.entries.length <= MAX_PACKETS && packet.entries.every((entry) => isUint(entry.commandNumber, 8));
    case 'remb':
      return Number.isFinite(packet.bitrateBps) && packet.bitrateBps >= 0 && areSsrcs(packet.ssrcs);
    case 'bye':
      return packet.ssrcs.length <= 31 && areSsrcs(packet.ssrcs);
    default:
      return true;
  }
}

function isReport(report: ReportBlock): boolean {
  const { fractionLost, cumulativeLost } = report;
  return (
    isUint(report.ssrc, 32) &&
    fractionLost >= 0 &&
    fractionLost < 1 &&
    cumulativeLost >= -0x80_0000 &&
    cumulativeLost <= 0x7f_ffff &&
    isUint(report.highestSequence, 32) &&
    isUint(report.jitter, 32)
  );
}

/** Undefined for what we never write. */
function write(packet: RtcpPacket): Uint8Array | undefined {
  switch (packet.type) {
    case 'sender-report':
      return writeSenderReport({ ...packet, cname: 'x' });
    case 'receiver-report':
      return writeReceiverReport(packet.senderSsrc, packet.reports, 'x');
    case 'nack':
      return writeNack(packet.senderSsrc, packet.mediaSsrc, sorted(packet.lost));
    case 'pli':
      return writePli(packet.senderSsrc, packet.mediaSsrc);
    case 'fir':
      return writeFir(packet.senderSsrc, packet.entries);
    case 'remb':
      return writeRemb(packet.senderSsrc, packet.bitrateBps, packet.ssrcs);
    default:
      return undefined;
  }
}

/** As it is after writing: our sender reports carry no blocks, and lost numbers stand once and in order. */
function normal(packet: RtcpPacket): RtcpPacket {
  if (packet.type === 'sender-report') return { ...packet, reports: [] };
  if (packet.type === 'nack') return { ...packet, lost: sorted(packet.lost) };
  return packet;
}

function sorted(sequences: readonly number[]): number[] {
  return [...new Set(sequences)].sort((a, b) => a - b);
}
