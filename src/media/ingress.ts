// The packets of one publisher's transport: which medium and codec, which were lost, what must be reported and asked for.
// It must not know viewers, sockets or encryption; it answers with RTCP packets to send.

import { ClockOffset } from '../rtp/clock-offset.ts';
import type { Codec, MediaKind, Track } from '../rtp/codec.ts';
import { ExtensionReader } from '../rtp/header-extension.ts';
import { isKeyFrameStart } from '../rtp/key-frame.ts';
import { KeyFrameWish } from '../rtp/key-frame-wish.ts';
import { NackTracker } from '../rtp/nack-tracker.ts';
import { unixMsFromNtp } from '../rtp/ntp.ts';
import { parseRtp, rtpPayload } from '../rtp/packet.ts';
import { ReceptionStatistics } from '../rtp/reception-statistics.ts';
import { parseRtcp, type SenderReport } from '../rtp/rtcp.ts';
import { writeFir, writeNack, writePli, writeReceiverReport, writeRemb } from '../rtp/rtcp-writer.ts';
import { timestampDistance } from '../rtp/sequence.ts';
import { TransportWideRecorder } from '../rtp/transport-wide-recorder.ts';
import { writeTransportWideFeedback } from '../rtp/transport-wide-rtcp.ts';
import type { AcceptedMedia } from './sdp/answer.ts';
import type { OfferedCodec } from './sdp/offer.ts';
import type { SourceItem } from './worker-protocol.ts';

/** One SSRC of the publisher. */
interface Source {
  readonly ssrc: number;
  /** RTP timestamp of the packet that came last. */
  timestamp: number;
  lastPacketAtMs: number;
  readonly media: AcceptedMedia;
  readonly statistics: ReceptionStatistics;
  /** Only where the publisher answers NACK. */
  readonly nack: NackTracker | undefined;
  codec: OfferedCodec;
  /** Number of the last full intra request (RFC 5104 §4.3.1). */
  firCommand: number;
}

/** What a payload type stands for. */
interface Format {
  readonly media: AcceptedMedia;
  readonly codec: OfferedCodec;
  /** The codec without what only this SDP says: one object for all its packets. */
  readonly bare: Codec;
}

export interface IngressOptions {
  readonly media: readonly AcceptedMedia[];
  /** Ours, in feedback. */
  readonly ssrc: number;
  readonly cname: string;
  readonly onItem: (item: SourceItem) => void;
  readonly onTracks: (tracks: readonly Track[]) => void;
  readonly onDrop: (reason: string) => void;
}

/** A publisher has two media and may restart each; more SSRCs is somebody who fills tables. */
const MAX_SOURCES = 16;
/** A source without a packet for so long may give way to a new one. */
const SILENT_SOURCE_MS = 10_000;
/** How far a report's timestamp may lie from the newest packet's. */
const PLAUSIBLE_SECONDS = 10;
/** Until the round trip is measured; paces NACKs. */
const ASSUMED_RTT_MS = 100;
/**
 * What a publisher may send at most. Told by REMB from the start to those that take no transport-wide feedback, so that
 * their estimate need not climb for half a minute by loss reports alone (draft-alvestrand-rmcat-remb-03).
 */
const MAX_PUBLISHER_BITRATE_BPS = 10_000_000;
const REPORT_EVERY_MS = 1_000;

export class Ingress {
  readonly #options: IngressOptions;
  readonly #formats = new Map<number, Format>();
  readonly #extensions: ExtensionReader;
  readonly #sources = new Map<number, Source>();
  readonly #wish = new KeyFrameWish();
  /** The same for audio and video, for lip-sync. */
  readonly #clockOffset = new ClockOffset();
  #reportedAtMs = 0;
  /** Only where the publisher numbers its packets and negotiated the feedback. */
  readonly #arrivals: TransportWideRecorder | undefined;
  /** Of the packet that came last with a number. */
  #numberedSsrc = 0;
  #feedbackCount = 0;
  /** Kind → codec, as told by the last `onTracks`. */
  readonly #codecs = new Map<MediaKind, Codec>();

  constructor(options: IngressOptions) {
    this.#options = options;
    this.#extensions = new ExtensionReader(options.media.flatMap(({ extensions }) => [...extensions]));
    const isNumbered = options.media.some(({ codecs }) =>
      codecs.some(({ feedback }) => feedback.includes('transport-cc')),
    );
    this.#arrivals = isNumbered ? new TransportWideRecorder() : undefined;
    for (const media of options.media) {
      for (const codec of media.codecs) {
        const format = { media, codec, bare: bare(codec) };
        this.#formats.set(codec.payloadType, format);
        if (!this.#codecs.has(media.kind)) this.#codecs.set(media.kind, format.bare);
      }
    }
  }

  /** What the publisher sends, or is about to. */
  get tracks(): Track[] {
    return [...this.#codecs].map(([kind, codec]) => ({ kind, codec, layers: 1 }));
  }

  receiveRtp(bytes: Buffer, nowMs: number): void {
    const packet = parseRtp(bytes);
    if (!packet) {
      this.#options.onDrop('malformed-rtp');
      return;
    }
    const extensions = this.#extensions.read(packet);
    if (extensions.transportSequence !== undefined) {
      this.#arrivals?.received(extensions.transportSequence, nowMs);
      this.#numberedSsrc = packet.ssrc;
    }
    const format = this.#formats.get(packet.payloadType);
    if (!format) {
      this.#options.onDrop('unknown-payload-type');
      return;
    }
    // Payload types are unique within a BUNDLE group (RFC 9143 §10.1.1.1); a mid that says otherwise is a mistake.
    if (extensions.mid !== undefined && extensions.mid !== format.media.mid) {
      this.#options.onDrop('wrong-mid');
      return;
    }
    const source = this.#sourceOf(packet.ssrc, format, nowMs);
    if (!source) {
      this.#options.onDrop('too-many-sources');
      return;
    }
    source.timestamp = packet.timestamp;
    source.lastPacketAtMs = nowMs;
    source.codec = format.codec;
    source.statistics.received(packet.sequence, packet.timestamp, nowMs);
    source.nack?.received(packet.sequence, nowMs);
    const { kind } = format.media;
    if (this.#codecs.get(kind) !== format.bare) this.#codecChanged(kind, format.bare);
    const payload = rtpPayload(packet);
    const startsDecoding = payload.length > 0 && isKeyFrameStart(format.codec.name, payload);
    if (kind === 'video' && startsDecoding) {
      this.#wish.seen();
      source.nack?.forgetBefore(packet.sequence);
    }
    this.#options.onItem({
      type: 'packet',
      kind,
      codec: format.bare,
      ssrc: packet.ssrc,
      sequence: packet.sequence,
      timestamp: packet.timestamp,
      marker: packet.marker,
      payload,
      startsDecoding,
      extensions: extensions.passed,
      arrivedAtMs: nowMs,
    });
  }

  receiveRtcp(bytes: Buffer, nowMs: number): void {
    for (const packet of parseRtcp(bytes)) {
      // A goodbye is swallowed: the session decides when a publisher is gone.
      if (packet.type === 'sender-report') this.#receiveSenderReport(packet, nowMs);
    }
  }

  /** A viewer needs a key frame. Throttled here: one request per 500 ms for all viewers of the broadcast together. */
  wishKeyFrame(nowMs: number): Uint8Array[] {
    return this.#wish.wish(nowMs) ? this.#keyFrameRequests() : [];
  }

  /** RTCP packets that are due, each a datagram of its own: FFmpeg answers a NACK only when it stands alone. */
  due(nowMs: number): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (const source of this.#sources.values()) {
      if (!source.nack) continue;
      const lost = source.nack.due(nowMs, ASSUMED_RTT_MS);
      if (lost.length > 0) packets.push(writeNack(this.#options.ssrc, source.ssrc, lost));
      if (source.nack.takeGiveUp() && source.media.kind === 'video') packets.push(...this.wishKeyFrame(nowMs));
    }
    if (this.#wish.due(nowMs)) packets.push(...this.#keyFrameRequests());
    packets.push(...this.#transportWideFeedback(nowMs));
    if (nowMs - this.#reportedAtMs >= REPORT_EVERY_MS && this.#sources.size > 0) {
      this.#reportedAtMs = nowMs;
      packets.push(...this.#reports(nowMs));
    }
    return packets;
  }

  #sourceOf(ssrc: number, { media, codec }: Format, nowMs: number): Source | undefined {
    const known = this.#sources.get(ssrc);
    if (known) return known;
    if (this.#sources.size >= MAX_SOURCES && !this.#forgetSilentSource(nowMs)) return undefined;
    const source: Source = {
      ssrc,
      timestamp: 0,
      lastPacketAtMs: nowMs,
      media,
      statistics: new ReceptionStatistics(codec.clockRate),
      nack: codec.feedback.includes('nack') ? new NackTracker() : undefined,
      codec,
      firCommand: 0,
    };
    this.#sources.set(ssrc, source);
    return source;
  }

  /** Makes room when a source has gone quiet: a publisher may begin new SSRCs all day. */
  #forgetSilentSource(nowMs: number): boolean {
    for (const [ssrc, { lastPacketAtMs }] of this.#sources) {
      if (nowMs - lastPacketAtMs > SILENT_SOURCE_MS) return this.#sources.delete(ssrc);
    }
    return false;
  }

  #codecChanged(kind: MediaKind, codec: Codec): void {
    const before = this.#codecs.get(kind);
    this.#codecs.set(kind, codec);
    if (JSON.stringify(before) !== JSON.stringify(codec)) this.#options.onTracks(this.tracks);
  }

  #receiveSenderReport(report: SenderReport, nowMs: number): void {
    const source = this.#sources.get(report.ssrc);
    if (!source || !isPlausible(report, source)) return;
    source.statistics.senderReport(report.ntp, nowMs);
    const capturedMs = unixMsFromNtp(report.ntp);
    this.#options.onItem({
      type: 'sender-report',
      kind: source.media.kind,
      ssrc: source.ssrc,
      rtpTimestamp: report.rtpTimestamp,
      capturedAtMs: capturedMs + this.#clockOffset.observe(nowMs - capturedMs, nowMs),
    });
  }

  #keyFrameRequests(): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (const source of this.#sources.values()) {
      if (source.media.kind !== 'video') continue;
      if (source.codec.feedback.includes('nack pli')) packets.push(writePli(this.#options.ssrc, source.ssrc));
      else if (source.codec.feedback.includes('ccm fir')) {
        source.firCommand = (source.firCommand + 1) % 256;
        packets.push(writeFir(this.#options.ssrc, [{ ssrc: source.ssrc, commandNumber: source.firCommand }]));
      }
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

  #reports(nowMs: number): Uint8Array[] {
    const sources = [...this.#sources.values()];
    const packets = [
      writeReceiverReport(
        this.#options.ssrc,
        sources.flatMap(({ ssrc, statistics }) => statistics.report(ssrc, nowMs) ?? []),
        this.#options.cname,
      ),
    ];
    const adaptive = sources.filter(({ codec }) => codec.feedback.includes('goog-remb')).map(({ ssrc }) => ssrc);
    if (adaptive.length > 0) packets.push(writeRemb(this.#options.ssrc, MAX_PUBLISHER_BITRATE_BPS, adaptive));
    return packets;
  }
}

/**
 * A sender without a clock writes NTP 0 (RFC 3550 §6.4.1), and OBS's first report has carried an RTP timestamp that
 * belongs to no packet: neither says anything of the media's time.
 */
function isPlausible({ ntp, rtpTimestamp }: SenderReport, { timestamp, codec }: Source): boolean {
  if (ntp.seconds === 0) return false;
  const ticks = Math.abs(timestampDistance(timestamp, rtpTimestamp));
  return ticks <= PLAUSIBLE_SECONDS * codec.clockRate;
}

/** The codec without what only this publisher's SDP gave it. */
function bare({ kind, name, clockRate, channels, parameters }: OfferedCodec): Codec {
  return { kind, name, clockRate, parameters, ...(channels === undefined ? {} : { channels }) };
}
