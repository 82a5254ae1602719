// What a publisher is told of its packets as a whole: receiver reports, transport-wide feedback, or a bitrate.
// It must not know key frames or lost packets one by one.

import type { RtpPacket } from '../../rtp/packet.ts';
import { ReceptionStatistics } from '../../rtp/reception-statistics.ts';
import { writeReceiverReport, writeRemb } from '../../rtp/rtcp-writer.ts';
import { TransportWideRecorder } from '../../rtp/transport-wide-recorder.ts';
import { writeTransportWideFeedback } from '../../rtp/transport-wide-rtcp.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import type { Format } from './demultiplexer.ts';
import type { IngressSource } from './source.ts';

export interface IngressReportsOptions {
  readonly media: readonly AcceptedMedia[];
  /** Ours, in feedback. */
  readonly ssrc: number;
  readonly cname: string;
}

/**
 * What a publisher may send at most. Told by REMB from the start to those that take no transport-wide feedback, so that
 * their estimate need not climb for half a minute by loss reports alone (draft-alvestrand-rmcat-remb-03).
 */
const MAX_PUBLISHER_BITRATE_BPS = 10_000_000;
const REPORT_EVERY_MS = 1_000;
/** With the sources it fits one receiver report (31 blocks, RFC 3550 §6.4.2). */
const MAX_REPEATING = 15;
/** SSRCs of retransmissions without a packet for so long give way to new ones. */
const SILENT_REPEATING_MS = 10_000;

interface Repeating {
  readonly statistics: ReceptionStatistics;
  lastPacketAtMs: number;
}

export class IngressReports {
  readonly #options: IngressReportsOptions;
  /** Only where the publisher numbers its packets and negotiated the feedback. */
  readonly #arrivals: TransportWideRecorder | undefined;
  /** Of the packet that came last with a number. */
  #numberedSsrc = 0;
  #feedbackCount = 0;
  /** By SSRC of retransmissions. */
  readonly #repeating = new Map<number, Repeating>();
  #reportedAtMs = 0;

  constructor(options: IngressReportsOptions) {
    this.#options = options;
    const isNegotiated = options.media.some(({ codecs }) =>
      codecs.some(({ feedback }) => feedback.includes('transport-cc')),
    );
    this.#arrivals = isNegotiated ? new TransportWideRecorder() : undefined;
  }

  /** Any packet of the transport, with its transport-wide number if it has one. */
  numbered(transportSequence: number | undefined, ssrc: number, nowMs: number): void {
    if (transportSequence === undefined) return;
    this.#arrivals?.received(transportSequence, nowMs);
    this.#numberedSsrc = ssrc;
  }

  /** A packet of retransmission, padding too. False when there are too many SSRCs of them. */
  repeated({ ssrc, sequence, timestamp }: RtpPacket, { codec }: Format, nowMs: number): boolean {
    let repeating = this.#repeating.get(ssrc);
    if (!repeating) {
      if (this.#repeating.size >= MAX_REPEATING && !this.#forgetSilent(nowMs)) return false;
      repeating = { statistics: new ReceptionStatistics(codec.clockRate), lastPacketAtMs: nowMs };
      this.#repeating.set(ssrc, repeating);
    }
    repeating.lastPacketAtMs = nowMs;
    repeating.statistics.received(sequence, timestamp, nowMs);
    return true;
  }

  /** RTCP packets that are due, each a datagram of its own. */
  due(sources: Iterable<IngressSource>, nowMs: number): Uint8Array[] {
    const packets = this.#transportWideFeedback(nowMs);
    const known = [...sources];
    if (known.length === 0 || nowMs - this.#reportedAtMs < REPORT_EVERY_MS) return packets;
    this.#reportedAtMs = nowMs;
    const blocks = [
      ...known.map(({ ssrc, statistics }) => statistics.report(ssrc, nowMs)),
      ...[...this.#repeating].map(([ssrc, { statistics }]) => statistics.report(ssrc, nowMs)),
    ];
    const { ssrc, cname } = this.#options;
    packets.push(
      writeReceiverReport(
        ssrc,
        blocks.filter((block) => block !== undefined),
        cname,
      ),
    );
    const adaptive = known.filter(({ codec }) => codec.feedback.includes('goog-remb'));
    if (adaptive.length > 0) {
      const ssrcs = adaptive.map((source) => source.ssrc);
      packets.push(writeRemb(ssrc, MAX_PUBLISHER_BITRATE_BPS, ssrcs));
    }
    return packets;
  }

  #transportWideFeedback(nowMs: number): Uint8Array[] {
    const report = this.#arrivals?.due(nowMs);
    if (!report) return [];
    const packets = writeTransportWideFeedback(
      { senderSsrc: this.#options.ssrc, mediaSsrc: this.#numberedSsrc, firstCount: this.#feedbackCount },
      report,
    );
    this.#feedbackCount += packets.length;
    return packets;
  }

  #forgetSilent(nowMs: number): boolean {
    for (const [ssrc, { lastPacketAtMs }] of this.#repeating) {
      if (nowMs - lastPacketAtMs > SILENT_REPEATING_MS) return this.#repeating.delete(ssrc);
    }
    return false;
  }
}
