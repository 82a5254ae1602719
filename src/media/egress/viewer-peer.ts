// A viewer on this worker: its transport, its down tracks, the feedback that it sends.
// It must not know how the publisher is reached or what a data message says.

import {
  type DataMessage,
  isStateLabel,
  type TransportEndReason,
  type TransportEvent,
  type ViewerQuality,
} from '../../broadcast/ports.ts';
import { CLOCK_RATE, type Codec, type MediaKind } from '../../rtp/codec.ts';
import { ntpFromUnixMs } from '../../rtp/ntp.ts';
import { ReceiverFeedback } from '../../rtp/receiver-feedback.ts';
import { parseRtcp, type ReportBlock } from '../../rtp/rtcp.ts';
import { writeGoodbye } from '../../rtp/rtcp-writer.ts';
import type { FanoutMember } from '../fanout/engine.ts';
import { CNAME } from '../identifiers.ts';
import { JoinSteps } from '../join-steps.ts';
import type { Negotiation } from '../sdp/answer.ts';
import type { SrtpKeys } from '../transport/dtls.ts';
import type { Transport, TransportOwner } from '../transport/transport.ts';
import type { RemoteAddress } from '../transport/udp-front.ts';
import { DownTrack } from './down-track.ts';
import type { Relay } from './relay.ts';
import type { RelayViewer } from './relay-viewer.ts';
import type { CanonicalPacket } from './up-track.ts';

/** What all peers of a worker count together. */
export interface RtpCounters {
  rtpPacketsReceived: number;
  dataMessagesSent: number;
  readonly rtpPacketsDropped: Record<string, number>;
}

export interface ViewerPeerOptions {
  readonly id: string;
  readonly relay: Relay;
  readonly negotiation: Negotiation;
  readonly counters: RtpCounters;
  readonly now: () => number;
  readonly tell: (event: TransportEvent, detail?: string) => void;
  /** The transport is gone: forget this peer. */
  readonly onEnd: () => void;
}

const REPORT_EVERY_MS = 1_000;
/** Numbers in NACKs that are looked up per datagram: an honest one has some dozens. */
const MAX_LOOKS = 512;

export class ViewerPeer implements TransportOwner, RelayViewer {
  readonly #options: ViewerPeerOptions;
  /** Its place at the fan-out engine, once connected with media. */
  #member: FanoutMember | undefined;
  readonly #downTracks: DownTrack[] = [];
  readonly #feedback = new ReceiverFeedback();
  readonly #joinSteps: JoinSteps;
  #transport: Transport | undefined;
  /** Labels may be opened and data sent: `startData` has come. */
  #dataStarted = false;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #looks = 0;

  constructor(options: ViewerPeerOptions) {
    this.#options = options;
    this.#joinSteps = new JoinSteps((step, atMs) =>
      options.tell({ type: 'progress', transportId: options.id, step, atMs }),
    );
  }

  get broadcast(): string {
    return this.#options.relay.broadcast;
  }

  get dataStarted(): boolean {
    return this.#dataStarted;
  }

  /** Given once, right after construction: peer and transport know each other. */
  attach(transport: Transport): void {
    this.#transport = transport;
  }

  get transport(): Transport | undefined {
    return this.#transport;
  }

  close(): void {
    // Only now: while a publisher is away, and when another one comes, the sources that viewers know go on.
    const ssrcs = this.#downTracks.map(({ ssrc }) => ssrc);
    if (ssrcs.length > 0) this.#member?.sendRtcp(writeGoodbye(ssrcs, CNAME));
    this.#leave();
    this.#transport?.close();
  }

  /** Opens the labels, sends what was remembered, and lets live messages follow. */
  startData(labels: readonly string[], snapshot: readonly DataMessage[]): void {
    this.#dataStarted = true;
    for (const label of labels) this.openLabel(label);
    for (const message of snapshot) this.sendData(message);
  }

  openLabel(label: string): void {
    this.#transport?.data?.open(label);
  }

  sendData(message: DataMessage): void {
    const isQueued = this.#transport?.data?.send(message, isStateLabel(message.label));
    if (isQueued) this.#options.counters.dataMessagesSent++;
  }

  /** So many messages of a label were lost before they came here. */
  loseData(newest: DataMessage, messages: number): void {
    this.#transport?.data?.lose(newest, isStateLabel(newest.label), messages);
  }

  /** Undefined before it is connected with media. */
  quality(): ViewerQuality | undefined {
    if (!this.#member) return undefined;
    const { packets, dropped } = this.#member.counters();
    return {
      transportId: this.#options.id,
      packetsSent: Math.max(0, packets.audio + packets.video - dropped),
      packetsDropped: dropped,
      roundTripMs: this.#feedback.roundTripMs ?? null,
      estimatedBitrateBps: this.#feedback.estimatedBitrateBps ?? null,
      audio: this.#feedback.quality('audio') ?? null,
      video: this.#feedback.quality('video') ?? null,
    };
  }

  onConnected(keys: SrtpKeys | undefined, remote: RemoteAddress): void {
    const { relay, negotiation, now } = this.#options;
    this.#joinSteps.connected(this.#transport?.firstHeardMs, now());
    if (keys && negotiation.media.length > 0) {
      const member = relay.group.addMember({ profile: keys.profile, key: keys.localKey, salt: keys.localSalt });
      member.moveTo(remote);
      this.#member = member;
      this.#downTracks.push(...negotiation.media.map((media) => new DownTrack(media, member)));
      relay.addViewer(this);
    }
    this.#options.tell({ type: 'connected', transportId: this.#options.id });
  }

  get latecomer(): DownTrack | undefined {
    return this.#downTrack('video');
  }

  get lossShare(): number {
    return this.#feedback.quality('video')?.lossShare ?? 0;
  }

  onMoved(remote: RemoteAddress): void {
    this.#member?.moveTo(remote);
  }

  adopt(kind: MediaKind, codec: Codec, newestIndex: number): boolean {
    return this.#downTrack(kind)?.adopt(codec, newestIndex) ?? false;
  }

  start(kind: MediaKind, packet: CanonicalPacket, sentBefore: readonly CanonicalPacket[]): void {
    this.#downTrack(kind)?.start(packet, sentBefore);
  }

  /** Players cannot bring sound and picture together before they know both clocks. */
  onStarted(nowMs: number): void {
    this.#report(nowMs);
    for (const { kind, hasStarted } of this.#downTracks) {
      // Video starts with a key frame.
      if (hasStarted) this.#joinSteps.passed(kind === 'video', nowMs);
    }
  }

  /** Many times a second: once a second it hears where the media's clocks stand (RFC 3550 §6.4.1). */
  tick(nowMs: number): void {
    for (const downTrack of this.#downTracks) downTrack.tick(nowMs);
    if (nowMs - this.#reportedAtMs >= REPORT_EVERY_MS) this.#report(nowMs);
  }

  onRtp(): void {
    // A viewer sends no media.
  }

  onRtcp(bytes: Buffer, nowMs: number): void {
    this.#looks = MAX_LOOKS;
    let isPictureLost = false;
    for (const packet of parseRtcp(bytes)) {
      switch (packet.type) {
        case 'nack':
          this.#repeat(packet.mediaSsrc, packet.lost, nowMs);
          break;
        case 'pli':
          isPictureLost ||= this.#isVideo(packet.mediaSsrc);
          break;
        case 'fir':
          isPictureLost ||= packet.entries.some(({ ssrc }) => this.#isVideo(ssrc));
          break;
        case 'remb':
          this.#feedback.estimated(packet.bitrateBps);
          break;
        case 'receiver-report':
        case 'sender-report':
          this.#readReports(packet.reports, nowMs);
      }
    }
    // However often one datagram says so: a hundred PLIs fit in, and each would go on to the publisher's worker.
    if (isPictureLost) this.#options.relay.pictureLost(this);
  }

  onDataReady(): void {
    this.#options.tell({ type: 'data-ready', transportId: this.#options.id });
  }

  onDataChannel(): void {
    // A viewer's channel carries nothing to others; only the control channel is used, and that by us.
  }

  onDataMessage(): void {
    // Only publishers and programs are heard.
  }

  onDataTooLarge(): void {
    // Nor are large messages.
  }

  onDataLost(label: string, messages: number): void {
    this.#options.tell({ type: 'data-lost', transportId: this.#options.id, label, messages });
  }

  onSilent(forMs: number): void {
    this.#options.tell({ type: 'silent', transportId: this.#options.id, forMs });
  }

  onActive(): void {
    this.#options.tell({ type: 'active', transportId: this.#options.id });
  }

  onClosed(reason: TransportEndReason, detail: string): void {
    this.#leave();
    this.#options.onEnd();
    this.#options.tell({ type: 'closed', transportId: this.#options.id, reason }, detail);
  }

  #leave(): void {
    this.#options.relay.removeViewer(this);
    this.#member?.remove();
    this.#member = undefined;
  }

  #report(nowMs: number): void {
    if (!this.#member) return;
    this.#reportedAtMs = nowMs;
    const { relay } = this.#options;
    // Who has sent nothing for two intervals sends no sender reports (RFC 3550 §6.4).
    const timestampOf = (kind: MediaKind): number | undefined => {
      const upTrack = relay.upTrack(kind);
      return upTrack?.isActive(nowMs, 2 * REPORT_EVERY_MS) ? upTrack.timestampAt(nowMs) : undefined;
    };
    const [audio, video] = [timestampOf('audio'), timestampOf('video')];
    this.#member.report(ntpFromUnixMs(nowMs), {
      ...(audio === undefined ? {} : { audio }),
      ...(video === undefined ? {} : { video }),
    });
  }

  #readReports(reports: readonly ReportBlock[], nowMs: number): void {
    for (const block of reports) {
      const downTrack = this.#downTrackOf(block.ssrc);
      if (downTrack) this.#feedback.reported(downTrack.kind, block, CLOCK_RATE[downTrack.kind], ntpFromUnixMs(nowMs));
    }
  }

  #repeat(ssrc: number, sequences: readonly number[], nowMs: number): void {
    const downTrack = this.#downTrackOf(ssrc);
    const upTrack = downTrack && this.#options.relay.upTrack(downTrack.kind);
    const newestIndex = upTrack?.newestIndex;
    if (!downTrack || !upTrack || newestIndex === undefined) return;
    downTrack.refill(nowMs);
    for (const sequence of sequences) {
      // Looking for packets that it may not have costs the others' time.
      if (downTrack.isSpent || this.#looks-- <= 0) return;
      const index = downTrack.canonicalIndex(sequence, newestIndex);
      const packet = index === undefined ? undefined : upTrack.recall(index, nowMs);
      if (packet) downTrack.repeat(packet, nowMs, this.#feedback.roundTripMs);
    }
  }

  #isVideo(ssrc: number): boolean {
    return this.#downTrackOf(ssrc)?.kind === 'video';
  }

  #downTrack(kind: MediaKind): DownTrack | undefined {
    return this.#downTracks.find((downTrack) => downTrack.kind === kind);
  }

  #downTrackOf(ssrc: number): DownTrack | undefined {
    return this.#downTracks.find((downTrack) => downTrack.ssrc === ssrc);
  }
}
