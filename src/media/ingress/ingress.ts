// The packets of one publisher's transport: whose they are, which were lost, what must be reported and asked for.
// It must not know viewers, sockets or encryption; it answers with RTCP packets to send.

import type { LayerView } from '../../broadcast/ports.ts';
import { ClockOffset } from '../../rtp/clock-offset.ts';
import type { Track } from '../../rtp/codec.ts';
import { readCodecFacts } from '../../rtp/codec-facts.ts';
import { readFrameSize } from '../../rtp/frame-size.ts';
import { ExtensionReader, type ReceivedExtensions } from '../../rtp/header-extension.ts';
import { unixMsFromNtp } from '../../rtp/ntp.ts';
import { parseRtp, type RtpPacket, rtpPayload } from '../../rtp/packet.ts';
import { RoundTrip } from '../../rtp/round-trip.ts';
import { parseRtcp, type SenderReport } from '../../rtp/rtcp.ts';
import { unwrapRtx } from '../../rtp/rtx.ts';
import { timestampDistance } from '../../rtp/sequence.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import type { SourcePacket, SourceReport } from '../worker-protocol.ts';
import { bare, Demultiplexer, type Format } from './demultiplexer.ts';
import { LayerReport } from './layer-report.ts';
import { Repairs } from './repairs.ts';
import { IngressReports } from './reports.ts';
import { IngressSection } from './section.ts';
import { IngressSource } from './source.ts';
import { TrackNews } from './track-news.ts';

export interface IngressOptions {
  readonly media: readonly AcceptedMedia[];
  /** Ours, in feedback. */
  readonly ssrc: number;
  readonly cname: string;
  readonly onItem: (item: SourcePacket | SourceReport) => void;
  readonly onTracks: (tracks: readonly Track[]) => void;
  /** Without it nobody looks. */
  readonly onLayers?: (layers: readonly LayerView[]) => void;
  readonly onDrop: (reason: string) => void;
  /** The publisher told the time of the video that is forwarded. */
  readonly onClock?: (clock: PublisherClock) => void;
}

/** What a sender report says: one moment in the numbers of a source, and on the publisher's own clock. */
export interface PublisherClock {
  readonly ssrc: number;
  readonly rtpTimestamp: number;
  /** Unix ms. */
  readonly atMs: number;
}

/** A publisher has audio and some layers, and may restart each; more SSRCs is somebody who fills tables. */
const MAX_SOURCES = 16;
/** A source without a packet for so long may give way to a new one. */
const SILENT_SOURCE_MS = 10_000;
/** How far a report's timestamp may lie from the newest packet's. */
const PLAUSIBLE_SECONDS = 10;

interface Received {
  readonly packet: RtpPacket;
  readonly format: Format;
  readonly section: IngressSection;
  readonly extensions: ReceivedExtensions;
  readonly atMs: number;
}

export class Ingress {
  readonly #options: IngressOptions;
  readonly #extensions: ExtensionReader;
  readonly #demultiplexer: Demultiplexer;
  readonly #sections = new Map<AcceptedMedia, IngressSection>();
  /** By SSRC; those of retransmissions are in none of them. */
  readonly #sources = new Map<number, IngressSource>();
  readonly #repairs: Repairs;
  readonly #reports: IngressReports;
  readonly #layers: LayerReport | undefined;
  readonly #roundTrip = new RoundTrip();
  /** The same for audio and video, for lip-sync. */
  readonly #clockOffset = new ClockOffset();
  readonly #news = new TrackNews(() => this.#options.onTracks(this.tracks));

  constructor(options: IngressOptions) {
    this.#options = options;
    this.#extensions = new ExtensionReader(options.media.flatMap(({ extensions }) => [...extensions]));
    this.#demultiplexer = new Demultiplexer(options.media);
    this.#repairs = new Repairs(options.media);
    this.#reports = new IngressReports(options);
    this.#layers = options.onLayers && new LayerReport(options.onLayers);
    for (const media of options.media) {
      this.#sections.set(media, new IngressSection(media));
      const [preferred] = media.codecs;
      if (preferred) this.#news.offered(media.kind, bare(preferred));
    }
  }

  /** What the publisher sends, or is about to. */
  get tracks(): Track[] {
    return [...this.#sections.values()].flatMap(({ media: { kind }, layers }) => {
      const codec = this.#news.codecOf(kind);
      return codec ? [{ kind, codec, layers }] : [];
    });
  }

  receiveRtp(bytes: Buffer, nowMs: number): void {
    const packet = parseRtp(bytes);
    if (!packet) {
      this.#options.onDrop('malformed-rtp');
      return;
    }
    const extensions = this.#extensions.read(packet);
    this.#reports.numbered(extensions.transportSequence, packet.ssrc, nowMs);
    const format = this.#demultiplexer.find(packet.ssrc, packet.payloadType, extensions.mid);
    if (typeof format === 'string') {
      this.#options.onDrop(format);
      return;
    }
    const section = this.#sections.get(format.media);
    if (!section) return;
    const received: Received = { packet, format, section, extensions, atMs: nowMs };
    if (format.isRtx) this.#receiveRtx(received);
    else this.#receiveMedia(received);
  }

  receiveRtcp(bytes: Buffer, nowMs: number): void {
    for (const packet of parseRtcp(bytes)) {
      // A goodbye is swallowed: the session decides when a publisher is gone.
      if (packet.type === 'sender-report') this.#receiveSenderReport(packet, nowMs);
    }
  }

  /** A viewer needs a key frame. Throttled here: one request per 500 ms for all viewers of the broadcast together. */
  wishKeyFrame(nowMs: number): Uint8Array[] {
    return this.#videoSections().flatMap(({ forwarded }) => (forwarded ? this.#wish(forwarded, nowMs) : []));
  }

  /** Nobody can make this publisher send a key frame before its time. */
  isDeaf(nowMs: number): boolean {
    return this.#videoSections().some(({ forwarded }) => forwarded?.isDeaf(nowMs));
  }

  /** RTCP packets that are due, each a datagram of its own: FFmpeg answers a NACK only when it stands alone. */
  due(nowMs: number): Uint8Array[] {
    this.#news.review(nowMs);
    this.#layers?.review(this.#videoSections(), nowMs);
    const packets: Uint8Array[] = [];
    for (const section of this.#sections.values()) packets.push(...this.#dueOfSection(section, nowMs));
    packets.push(...this.#reports.due(this.#sources.values(), nowMs));
    return packets;
  }

  #dueOfSection(section: IngressSection, nowMs: number): Uint8Array[] {
    const { ssrc } = this.#options;
    const packets: Uint8Array[] = [];
    const target = section.review(nowMs);
    if (target && !target.wish.isPending) packets.push(...this.#wish(target, nowMs));
    for (const source of section.sources) {
      if (!section.isWanted(source)) {
        source.nack?.forget();
        source.wish.seen();
        continue;
      }
      packets.push(...source.askForLost(ssrc, nowMs, this.#roundTrip.ms));
      if (section.media.kind === 'audio') continue;
      if (source.nack?.takeGiveUp()) packets.push(...this.#wish(source, nowMs));
      if (source.wish.due(nowMs)) packets.push(...source.askForKeyFrame(ssrc, nowMs));
    }
    return packets;
  }

  #wish(source: IngressSource, nowMs: number): Uint8Array[] {
    return source.wish.wish(nowMs) ? source.askForKeyFrame(this.#options.ssrc, nowMs) : [];
  }

  #receiveMedia(received: Received): void {
    const { packet, extensions, atMs } = received;
    const source = this.#sourceOf(received);
    if (!source) {
      this.#options.onDrop('too-many-sources');
      return;
    }
    if (extensions.rid !== undefined) source.rid = extensions.rid;
    source.statistics.received(packet.sequence, packet.timestamp, atMs);
    const roundTripMs = source.nack?.received(packet.sequence, atMs);
    const place = source.place(packet.sequence);
    if (place !== 'repeated') this.#accept(received, source, place, packet.sequence, rtpPayload(packet), roundTripMs);
  }

  #receiveRtx(received: Received): void {
    const { packet, format, section, extensions, atMs } = received;
    if (!this.#reports.repeated(packet, format, atMs)) {
      this.#options.onDrop('too-many-sources');
      return;
    }
    if (extensions.repairedRid !== undefined) this.#repairs.learn(packet.ssrc, extensions.repairedRid);
    const again = unwrapRtx(packet);
    if (!again) return;
    const source =
      this.#repairs.repeatedBy(packet.ssrc, section, this.#sources) ??
      section.missing(again.sequence, format.codec.payloadType);
    if (!source) {
      this.#options.onDrop('unknown-retransmission');
      return;
    }
    const roundTripMs = source.nack?.receivedAgain(again.sequence, atMs);
    const place = source.placeAgain(again.sequence);
    // Senders probe the link with what came long ago.
    if (place !== 'repeated') this.#accept(received, source, place, again.sequence, again.payload, roundTripMs);
  }

  /** A packet that is new, whatever way it came. */
  #accept(
    { packet, format, section, extensions, atMs }: Received,
    source: IngressSource,
    place: 'newest' | 'late',
    sequence: number,
    payload: Uint8Array,
    roundTripMs: number | undefined,
  ): void {
    const { kind } = format.media;
    if (roundTripMs !== undefined) this.#roundTrip.measured(roundTripMs);
    const facts = readCodecFacts(format.codec.name, payload);
    if (kind === 'video' && facts.startsDecoding) {
      source.keyFrameSeen(atMs);
      source.size = readFrameSize(format.codec.name, payload);
      source.nack?.forgetBefore(sequence);
    }
    const isForwarded = section.forwards(source, facts, place, payload.length, atMs);
    source.payloadBytes += payload.length;
    source.timestamp = packet.timestamp;
    source.lastPacketAtMs = atMs;
    source.codec = format.codec;
    if (!isForwarded) return;
    this.#news.forwarded(kind, format.bare, atMs);
    this.#options.onItem({
      type: 'packet',
      kind,
      codec: format.bare,
      ssrc: section.runName,
      sequence,
      timestamp: packet.timestamp,
      marker: packet.marker,
      payload,
      startsDecoding: facts.startsDecoding,
      extensions: extensions.passed,
      arrivedAtMs: atMs,
    });
  }

  #sourceOf({ packet: { ssrc }, format, section, atMs }: Received): IngressSource | undefined {
    const known = this.#sources.get(ssrc);
    if (known && section.sources.has(known)) return known;
    // A mid moved the SSRC to another section (RFC 9143 §9.2).
    if (known) this.#forget(known);
    if (this.#sources.size >= MAX_SOURCES && !this.#forgetSilentSource(atMs)) return undefined;
    const source = new IngressSource(ssrc, format, atMs);
    this.#sources.set(ssrc, source);
    section.add(source);
    return source;
  }

  /** Makes room when a source has gone quiet: a publisher may begin new SSRCs all day. */
  #forgetSilentSource(nowMs: number): boolean {
    for (const source of this.#sources.values()) {
      if (nowMs - source.lastPacketAtMs <= SILENT_SOURCE_MS) continue;
      this.#forget(source);
      return true;
    }
    return false;
  }

  #forget(source: IngressSource): void {
    this.#sources.delete(source.ssrc);
    for (const section of this.#sections.values()) section.remove(source);
  }

  #receiveSenderReport(report: SenderReport, nowMs: number): void {
    const source = this.#sources.get(report.ssrc);
    if (!source || !isPlausible(report, source)) return;
    source.statistics.senderReport(report.ntp, nowMs);
    const capturedMs = unixMsFromNtp(report.ntp);
    const offsetMs = this.#clockOffset.observe(nowMs - capturedMs, nowMs);
    const section = [...this.#sections.values()].find(({ forwarded }) => forwarded === source);
    if (!section) return;
    const { ssrc, rtpTimestamp } = report;
    if (section.media.kind === 'video') this.#options.onClock?.({ ssrc, rtpTimestamp, atMs: capturedMs });
    this.#options.onItem({
      type: 'sender-report',
      kind: section.media.kind,
      ssrc: section.runName,
      rtpTimestamp,
      capturedAtMs: capturedMs + offsetMs,
    });
  }

  #videoSections(): IngressSection[] {
    return [...this.#sections.values()].filter(({ media }) => media.kind === 'video');
  }
}

/**
 * A sender without a clock writes NTP 0 (RFC 3550 §6.4.1), and OBS's first report has carried an RTP timestamp that
 * belongs to no packet: neither says anything of the media's time.
 */
function isPlausible({ ntp, rtpTimestamp }: SenderReport, { timestamp, codec }: IngressSource): boolean {
  if (ntp.seconds === 0) return false;
  const ticks = Math.abs(timestampDistance(timestamp, rtpTimestamp));
  return ticks <= PLAUSIBLE_SECONDS * codec.clockRate;
}
