// A viewer on this worker: its transport, its down tracks, the feedback that it sends.
// It must not know how the publisher is reached or what a data message says.

import { type DataMessage, isStateLabel, type TransportEndReason, type TransportEvent } from '../broadcast/ports.ts';
import type { MediaKind } from '../rtp/codec.ts';
import { ntpFromUnixMs } from '../rtp/ntp.ts';
import { parseRtcp } from '../rtp/rtcp.ts';
import { writeSenderReport } from '../rtp/rtcp-writer.ts';
import { DownTrack } from './down-track.ts';
import type { Relay, RelayViewer } from './relay.ts';
import type { Negotiation } from './sdp/answer.ts';
import type { Transport, TransportOwner } from './transport/transport.ts';
import type { CanonicalPacket } from './up-track.ts';

/** What all peers of a worker count together. */
export interface RtpCounters {
  rtpPacketsReceived: number;
  rtpPacketsSent: number;
  rtpBytesSent: number;
  dataMessagesSent: number;
  readonly rtpPacketsDropped: Record<string, number>;
}

export interface ViewerPeerOptions {
  readonly id: string;
  readonly cname: string;
  readonly relay: Relay;
  readonly negotiation: Negotiation;
  readonly counters: RtpCounters;
  readonly now: () => number;
  readonly tell: (event: TransportEvent, detail?: string) => void;
  /** The transport is gone: forget this peer. */
  readonly onEnd: () => void;
}

/** While a viewer waits for a key frame its wish is repeated so often. */
const WISH_AGAIN_MS = 500;

export class ViewerPeer implements TransportOwner, RelayViewer {
  readonly #options: ViewerPeerOptions;
  readonly #downTracks = new Map<MediaKind, DownTrack>();
  #transport: Transport | undefined;
  /** Labels may be opened and data sent: `startData` has come. */
  #dataStarted = false;
  #wishedAtMs = 0;

  constructor(options: ViewerPeerOptions) {
    this.#options = options;
    for (const media of options.negotiation.media) {
      if (media.localSsrc !== undefined) this.#downTracks.set(media.kind, new DownTrack(media, media.localSsrc));
    }
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
    this.#options.relay.removeViewer(this);
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

  onConnected(): void {
    this.#options.relay.addViewer(this);
    this.#wishKeyFrame(this.#options.now());
    this.#options.tell({ type: 'connected', transportId: this.#options.id });
  }

  onPacket(kind: MediaKind, packet: CanonicalPacket): void {
    const downTrack = this.#downTracks.get(kind);
    if (!downTrack) return;
    const nowMs = this.#options.now();
    const bytes = downTrack.forward(packet, nowMs);
    if (bytes) this.#send(bytes);
    else if (downTrack.awaitsKeyFrame) this.#wishKeyFrame(nowMs);
  }

  onRtp(): void {
    // A viewer sends no media.
  }

  onRtcp(bytes: Buffer, nowMs: number): void {
    for (const packet of parseRtcp(bytes)) {
      if (packet.type === 'nack') this.#repeat(packet.mediaSsrc, packet.lost, nowMs);
      else if (packet.type === 'pli') this.#askedForKeyFrame(packet.mediaSsrc);
      else if (packet.type === 'fir') for (const { ssrc } of packet.entries) this.#askedForKeyFrame(ssrc);
    }
  }

  /** Once a second: where the media's clock stands (RFC 3550 §6.4.1). */
  sendReports(nowMs: number): void {
    for (const downTrack of this.#downTracks.values()) {
      if (downTrack.packetsSent === 0) continue;
      const rtpTimestamp = this.#options.relay.upTrack(downTrack.kind)?.timestampAt(nowMs);
      if (rtpTimestamp === undefined) continue;
      const report = writeSenderReport({
        ssrc: downTrack.ssrc,
        ntp: ntpFromUnixMs(nowMs),
        rtpTimestamp,
        packetCount: downTrack.packetsSent,
        octetCount: downTrack.octetsSent,
        cname: this.#options.cname,
      });
      this.#transport?.sendRtcp(Buffer.from(report));
    }
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

  onSilent(): void {
    this.#options.tell({ type: 'silent', transportId: this.#options.id });
  }

  onActive(): void {
    this.#options.tell({ type: 'active', transportId: this.#options.id });
  }

  onClosed(reason: TransportEndReason, detail: string): void {
    this.#options.relay.removeViewer(this);
    this.#options.onEnd();
    this.#options.tell({ type: 'closed', transportId: this.#options.id, reason }, detail);
  }

  #send(packet: Buffer): void {
    const { counters } = this.#options;
    if (this.#transport?.sendRtp(packet)) {
      counters.rtpPacketsSent++;
      counters.rtpBytesSent += packet.length;
    } else {
      counters.rtpPacketsDropped['not-connected'] = (counters.rtpPacketsDropped['not-connected'] ?? 0) + 1;
    }
  }

  #repeat(ssrc: number, sequences: readonly number[], nowMs: number): void {
    const downTrack = this.#downTrackOf(ssrc);
    const upTrack = downTrack && this.#options.relay.upTrack(downTrack.kind);
    if (!upTrack) return;
    for (const sequence of sequences) {
      const packet = upTrack.recall(downTrack.canonicalSequence(sequence), nowMs);
      const bytes = packet && downTrack.repeat(packet, nowMs);
      if (bytes) this.#send(bytes);
    }
  }

  #askedForKeyFrame(ssrc: number): void {
    if (this.#downTrackOf(ssrc)?.kind === 'video') this.#options.relay.wishKeyFrame();
  }

  #downTrackOf(ssrc: number): DownTrack | undefined {
    return [...this.#downTracks.values()].find((downTrack) => downTrack.ssrc === ssrc);
  }

  #wishKeyFrame(nowMs: number): void {
    if (!this.#downTracks.has('video') || nowMs - this.#wishedAtMs < WISH_AGAIN_MS) return;
    this.#wishedAtMs = nowMs;
    this.#options.relay.wishKeyFrame();
  }
}
