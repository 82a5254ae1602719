// A publisher on this worker: its transport and its ingress. It must not know viewers or other workers.

import { CONTROL_LABEL, type TransportEndReason, type TransportEvent } from '../broadcast/ports.ts';
import type { ErrorCode } from '../errors.ts';
import type { GroupLimits } from '../rtp/group-of-pictures.ts';
import { VideoPause } from '../rtp/video-pause.ts';
import type { RtpCounters } from './egress/viewer-peer.ts';
import { Ingress, type IngressOptions } from './ingress/ingress.ts';
import { JoinSteps } from './join-steps.ts';
import { SourceMemory } from './source-memory.ts';
import type { ChannelMessage } from './transport/data-channels.ts';
import type { Transport, TransportOwner } from './transport/transport.ts';
import type { Past, SourceItem } from './worker-protocol.ts';

type IngressCallback = 'onItem' | 'onTracks' | 'onLayers' | 'onDrop' | 'onClock';

export interface PublisherPeerOptions extends Omit<IngressOptions, IngressCallback> {
  readonly id: string;
  readonly broadcast: string;
  readonly counters: RtpCounters;
  readonly now: () => number;
  readonly startMemory: GroupLimits;
  readonly onItem: (item: SourceItem) => void;
  readonly tell: (event: TransportEvent, detail?: string) => void;
  readonly onEnd: () => void;
}

/** Well above what the domain lets through in any second. */
const MAX_MESSAGES_PER_SECOND = 1_000;

export class PublisherPeer implements TransportOwner {
  readonly #options: PublisherPeerOptions;
  readonly ingress: Ingress;
  readonly #joinSteps: JoinSteps;
  readonly #memory: SourceMemory;
  readonly #pause = new VideoPause();
  #transport: Transport | undefined;
  #secondBeganMs = 0;
  #messagesThisSecond = 0;

  constructor(options: PublisherPeerOptions) {
    this.#options = options;
    this.#joinSteps = new JoinSteps((step, atMs) =>
      options.tell({ type: 'progress', transportId: options.id, step, atMs }),
    );
    this.#memory = new SourceMemory(options.startMemory);
    this.ingress = new Ingress({
      ...options,
      onItem: (item) => {
        if (item.type === 'packet') {
          this.#joinSteps.passed(item.kind === 'video' && item.startsDecoding, item.arrivedAtMs);
          // Browsers probe the link with padding, also while the camera is off.
          const isPicture = item.kind === 'video' && item.payload.length > 0;
          if (isPicture) this.#pause.arrived(item.timestamp, item.arrivedAtMs);
        }
        this.#pass(item);
      },
      onTracks: (tracks) => options.tell({ type: 'tracks', transportId: options.id, tracks }),
      onLayers: (layers) => options.tell({ type: 'layers', transportId: options.id, layers }),
      onDrop: (reason) => {
        const dropped = options.counters.rtpPacketsDropped;
        dropped[reason] = (dropped[reason] ?? 0) + 1;
      },
      onClock: (clock) => this.#transport?.data?.tell({ type: 'clock', ...clock }),
    });
  }

  /** Its transport's id: what its packets are known by. */
  get id(): string {
    return this.#options.id;
  }

  /** For a relay that begins now. */
  get past(): Past {
    return { items: this.#memory.items, isDeaf: this.ingress.isDeaf(this.#options.now()) };
  }

  get broadcast(): string {
    return this.#options.broadcast;
  }

  attach(transport: Transport): void {
    this.#transport = transport;
  }

  get transport(): Transport | undefined {
    return this.#transport;
  }

  close(): void {
    this.#transport?.close();
  }

  wishKeyFrame(nowMs: number): void {
    this.#sendAll(this.ingress.wishKeyFrame(nowMs));
  }

  /** Many times a second: losses to ask for, reports. */
  tick(nowMs: number): void {
    if (!this.#transport?.isConnected) return;
    this.#sendAll(this.ingress.due(nowMs));
    if (this.#pause.begins(this.#transport.lastHeardMs)) this.#pass({ type: 'pause', kind: 'video' });
  }

  /** Tells the publisher that a message of its was not relayed. */
  refuse(label: string, code: ErrorCode): void {
    this.#transport?.data?.tell({ type: 'refused', label, code });
  }

  onMoved(): void {
    // The transport sends to the new place by itself.
  }

  onConnected(): void {
    const nowMs = this.#options.now();
    this.#joinSteps.connected(this.#transport?.firstHeardMs, nowMs);
    this.#pause.due(nowMs);
    this.#options.tell({ type: 'connected', transportId: this.#options.id });
  }

  onRtp(packet: Buffer, nowMs: number): void {
    this.#options.counters.rtpPacketsReceived++;
    this.ingress.receiveRtp(packet, nowMs);
  }

  onRtcp(packet: Buffer, nowMs: number): void {
    this.ingress.receiveRtcp(packet, nowMs);
  }

  onDataReady(): void {
    // Nothing waits for it: a publisher is told things only on the channel that it opens itself.
  }

  onDataChannel(label: string): void {
    if (label === CONTROL_LABEL) return;
    this.#options.tell({ type: 'data-channel', transportId: this.#options.id, label });
  }

  onDataMessage({ label, binary, payload }: ChannelMessage): void {
    if (label === CONTROL_LABEL || this.#isFlooding(label)) return;
    // A copy of its own memory: a view would carry the whole datagram buffer to main.
    const message = { label, binary, payload: new Uint8Array(payload) };
    this.#options.tell({ type: 'data', transportId: this.#options.id, message });
  }

  onDataTooLarge(label: string): void {
    this.refuse(label, 'message_too_large');
  }

  onDataLost(): void {
    // Only the control channel goes this way.
  }

  onSilent(forMs: number): void {
    this.#options.tell({ type: 'silent', transportId: this.#options.id, forMs });
  }

  onActive(): void {
    this.#options.tell({ type: 'active', transportId: this.#options.id });
  }

  onClosed(reason: TransportEndReason, detail: string): void {
    this.#options.onEnd();
    this.#options.tell({ type: 'closed', transportId: this.#options.id, reason }, detail);
  }

  /** To viewers, and to those that are still to come. */
  #pass(item: SourceItem): void {
    this.#memory.add(item);
    this.#options.onItem(item);
  }

  /** The domain has the real limit; this one keeps a flood from reaching its thread. */
  #isFlooding(label: string): boolean {
    const nowMs = this.#options.now();
    if (nowMs - this.#secondBeganMs >= 1_000) {
      this.#secondBeganMs = nowMs;
      this.#messagesThisSecond = 0;
    }
    this.#messagesThisSecond++;
    if (this.#messagesThisSecond === MAX_MESSAGES_PER_SECOND + 1) this.refuse(label, 'data_rate_exceeded');
    return this.#messagesThisSecond > MAX_MESSAGES_PER_SECOND;
  }

  #sendAll(packets: readonly Uint8Array[]): void {
    for (const packet of packets) this.#transport?.sendRtcp(Buffer.from(packet));
  }
}
