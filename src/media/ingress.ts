// The packets of one publisher's transport: which medium and codec, which were lost, what must be reported and asked for.
// It must not know viewers, sockets or encryption; it answers with RTCP packets to send.

import type { Codec, MediaKind, Track } from '../rtp/codec.ts';
import { isKeyFrameStart } from '../rtp/key-frame.ts';
import { KeyFrameWish } from '../rtp/key-frame-wish.ts';
import { NackTracker } from '../rtp/nack-tracker.ts';
import { unixMsFromNtp } from '../rtp/ntp.ts';
import { parseRtp, readTextExtension, rtpPayload } from '../rtp/packet.ts';
import { ReceptionStatistics } from '../rtp/reception-statistics.ts';
import { parseRtcp, type SenderReport } from '../rtp/rtcp.ts';
import { writeFir, writeNack, writePli, writeReceiverReport, writeRemb } from '../rtp/rtcp-writer.ts';
import type { AcceptedMedia } from './sdp/answer.ts';
import type { OfferedCodec } from './sdp/offer.ts';
import type { SourceItem } from './worker-protocol.ts';

/** One SSRC of the publisher. */
interface Source {
  readonly ssrc: number;
  readonly media: AcceptedMedia;
  readonly statistics: ReceptionStatistics;
  /** Only where the publisher answers NACK. */
  readonly nack: NackTracker | undefined;
  codec: OfferedCodec;
  /** Number of the last full intra request (RFC 5104 §4.3.1). */
  firCommand: number;
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
/** Until the round trip is measured; paces NACKs. */
const ASSUMED_RTT_MS = 100;
/**
 * What a publisher may send at most. Told by REMB from the start, so that its estimate need not climb for half a
 * minute by loss reports alone (RFC draft-alvestrand-rmcat-remb-03).
 */
const MAX_PUBLISHER_BITRATE_BPS = 10_000_000;
const REPORT_EVERY_MS = 1_000;

export class Ingress {
  readonly #options: IngressOptions;
  readonly #formats = new Map<number, { readonly media: AcceptedMedia; readonly codec: OfferedCodec }>();
  readonly #sources = new Map<number, Source>();
  readonly #wish = new KeyFrameWish();
  /** Our clock less the publisher's, the smallest seen: delay only adds to it. The same for audio and video, for lip-sync. */
  #clockOffsetMs: number | undefined;
  #reportedAtMs = 0;
  /** Kind → codec, as told by the last `onTracks`. */
  readonly #codecs = new Map<MediaKind, Codec>();

  constructor(options: IngressOptions) {
    this.#options = options;
    for (const media of options.media) {
      for (const codec of media.codecs) this.#formats.set(codec.payloadType, { media, codec });
      const [preferred] = media.codecs;
      if (preferred) this.#codecs.set(media.kind, bare(preferred));
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
    const format = this.#formats.get(packet.payloadType);
    if (!format) {
      this.#options.onDrop('unknown-payload-type');
      return;
    }
    // Payload types are unique within a BUNDLE group (RFC 9143 §10.1.1.1); a mid that says otherwise is a mistake.
    if (format.media.midExtensionId !== undefined) {
      const mid = readTextExtension(packet, format.media.midExtensionId);
      if (mid !== undefined && mid !== format.media.mid) {
        this.#options.onDrop('wrong-mid');
        return;
      }
    }
    const source = this.#sourceOf(packet.ssrc, format.media, format.codec);
    if (!source) {
      this.#options.onDrop('too-many-sources');
      return;
    }
    source.statistics.received(packet.sequence, packet.timestamp, nowMs);
    source.nack?.received(packet.sequence, nowMs);
    if (source.codec !== format.codec || this.#codecs.get(format.media.kind)?.name !== format.codec.name) {
      source.codec = format.codec;
      this.#codecChanged(format.media.kind, format.codec);
    }
    if (format.media.kind === 'video' && packet.payloadLength > 0) {
      if (isKeyFrameStart(format.codec.name, rtpPayload(packet))) this.#wish.seen();
    }
    const codec = this.#codecs.get(format.media.kind);
    if (!codec) return;
    this.#options.onItem({ type: 'packet', kind: format.media.kind, codec, bytes, arrivedAtMs: nowMs });
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
    if (nowMs - this.#reportedAtMs >= REPORT_EVERY_MS && this.#sources.size > 0) {
      this.#reportedAtMs = nowMs;
      packets.push(...this.#reports(nowMs));
    }
    return packets;
  }

  #sourceOf(ssrc: number, media: AcceptedMedia, codec: OfferedCodec): Source | undefined {
    const known = this.#sources.get(ssrc);
    if (known) return known;
    if (this.#sources.size >= MAX_SOURCES) return undefined;
    const source: Source = {
      ssrc,
      media,
      statistics: new ReceptionStatistics(codec.clockRate),
      nack: codec.feedback.includes('nack') ? new NackTracker() : undefined,
      codec,
      firCommand: 0,
    };
    this.#sources.set(ssrc, source);
    return source;
  }

  #codecChanged(kind: MediaKind, codec: OfferedCodec): void {
    const before = this.#codecs.get(kind);
    if (before && JSON.stringify(before) === JSON.stringify(bare(codec))) return;
    this.#codecs.set(kind, bare(codec));
    this.#options.onTracks(this.tracks);
  }

  #receiveSenderReport(report: SenderReport, nowMs: number): void {
    const source = this.#sources.get(report.ssrc);
    if (!source) return;
    source.statistics.senderReport(report.ntp, nowMs);
    const capturedMs = unixMsFromNtp(report.ntp);
    const offset = nowMs - capturedMs;
    if (this.#clockOffsetMs === undefined || offset < this.#clockOffsetMs) this.#clockOffsetMs = offset;
    this.#options.onItem({
      type: 'sender-report',
      kind: source.media.kind,
      rtpTimestamp: report.rtpTimestamp,
      capturedAtMs: capturedMs + this.#clockOffsetMs,
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

/** The codec without what only this publisher's SDP gave it. */
function bare({ kind, name, clockRate, channels, parameters }: OfferedCodec): Codec {
  return { kind, name, clockRate, parameters, ...(channels === undefined ? {} : { channels }) };
}
