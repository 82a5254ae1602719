// A broadcast on one worker: its up tracks and the viewers here that receive them. Knows who may begin where; the fan-out
// engine does what is per packet and viewer. It must not know transports, keys or workers.

import type { Codec, MediaKind } from '../rtp/codec.ts';
import type { FanoutGroup } from './fanout/engine.ts';
import { Gatherer, type SendLoad } from './fanout/gatherer.ts';
import { TimedData, type TimedDataOptions } from './timed-data.ts';
import { type CanonicalPacket, UpTrack } from './up-track.ts';
import type { SourceItem } from './worker-protocol.ts';

/** A viewer as the relay sees it. */
export interface RelayViewer {
  /**
   * The source sends this codec from now on; nothing of it goes to the viewer before `start`.
   * @param newestIndex the highest canonical index that went out until now
   * @returns whether the viewer can decode it, and so waits for a packet to begin with
   */
  adopt(kind: MediaKind, codec: Codec, newestIndex: number): boolean;
  /** Decoding can begin with this packet, which is sent next. `sentBefore` has overtaken it. */
  start(kind: MediaKind, packet: CanonicalPacket, sentBefore: readonly CanonicalPacket[]): void;
  /** Its first packets have left. */
  onStarted(nowMs: number): void;
}

export interface RelayOptions {
  readonly broadcast: string;
  readonly group: FanoutGroup;
  readonly load: SendLoad;
  readonly now: () => number;
  /** Passes a viewer's wish on toward the publisher, where it is throttled. */
  readonly wishKeyFrame: () => void;
  readonly timed: Omit<TimedDataOptions, 'now'>;
}

/** While viewers wait for a key frame, the wish is repeated so often. */
const WISH_AGAIN_MS = 500;

export class Relay {
  /** What takes messages that belong to this relay's video. */
  readonly timed: TimedData;
  readonly #options: RelayOptions;
  readonly #viewers = new Set<RelayViewer>();
  readonly #upTracks = new Map<MediaKind, UpTrack>();
  /** Viewers that wait for a packet to begin with. */
  readonly #waiting: Readonly<Record<MediaKind, Set<RelayViewer>>> = { audio: new Set(), video: new Set() };
  readonly #gatherer: Gatherer<CanonicalPacket>;
  /** Begun, but their first packets are still held. */
  readonly #beginning = new Set<RelayViewer>();
  #wishedAtMs = Number.NEGATIVE_INFINITY;
  /** The source that the last wish of our own was for. */
  #wishedOf: string | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.timed = new TimedData({ ...options.timed, now: options.now });
    this.#gatherer = new Gatherer({ load: options.load, send: (packets) => this.#send(packets) });
  }

  get broadcast(): string {
    return this.#options.broadcast;
  }

  get group(): FanoutGroup {
    return this.#options.group;
  }

  upTrack(kind: MediaKind): UpTrack | undefined {
    return this.#upTracks.get(kind);
  }

  /** The viewer can receive from now on. One of video wishes for a key frame, too. */
  addViewer(viewer: RelayViewer): void {
    this.#viewers.add(viewer);
    for (const [kind, { codec, newestIndex }] of this.#upTracks) {
      if (codec && newestIndex !== undefined) this.#offer(viewer, kind, codec, newestIndex);
    }
  }

  removeViewer(viewer: RelayViewer): void {
    this.#viewers.delete(viewer);
    this.#waiting.audio.delete(viewer);
    this.#waiting.video.delete(viewer);
    this.#beginning.delete(viewer);
  }

  wishKeyFrame(): void {
    this.#wishedAtMs = this.#options.now();
    this.#options.wishKeyFrame();
  }

  receive(sourceId: string, item: SourceItem): void {
    let upTrack = this.#upTracks.get(item.kind);
    if (!upTrack) {
      upTrack = new UpTrack(item.kind);
      this.#upTracks.set(item.kind, upTrack);
    }
    if (item.type === 'sender-report') {
      upTrack.senderReport(sourceId, item);
      return;
    }
    const { codec: codecBefore, newestIndex = 0 } = upTrack;
    const packet = upTrack.receive(sourceId, item);
    if (!packet) {
      // Only for somebody who can receive it: a wish too early comes to nothing and throttles the one that counts.
      if (upTrack.awaitsKeyFrame && this.#viewers.size > 0) this.#wishAgain(sourceId);
      return;
    }
    if (item.kind === 'video') this.timed.forwarded(sourceId, item.timestamp, packet.timestamp);
    if (packet.codec !== codecBefore) this.#codecChanged(packet.kind, packet.codec, newestIndex);
    const waiting = this.#waiting[packet.kind];
    if (waiting.size > 0) {
      if (packet.startsDecoding) this.#start(waiting, packet, upTrack);
      else this.#wishAgain(sourceId);
    }
    this.#gatherer.add(packet);
  }

  /** Forgets what is held, and the group with all of its members. */
  close(): void {
    this.#gatherer.close();
    this.#options.group.remove();
  }

  #offer(viewer: RelayViewer, kind: MediaKind, codec: Codec, newestIndex: number): void {
    if (viewer.adopt(kind, codec, newestIndex)) this.#waiting[kind].add(viewer);
    else this.#waiting[kind].delete(viewer);
  }

  #codecChanged(kind: MediaKind, codec: Codec, newestIndex: number): void {
    // What is held is of the codec before.
    this.#gatherer.flush();
    for (const viewer of this.#viewers) this.#offer(viewer, kind, codec, newestIndex);
  }

  #start(waiting: Set<RelayViewer>, packet: CanonicalPacket, upTrack: UpTrack): void {
    // What is held came before this packet: it is not for those who begin with it.
    this.#gatherer.flush();
    const sentBefore = upTrack.recallFrom(packet.index + 1, this.#options.now());
    for (const viewer of waiting) {
      viewer.start(packet.kind, packet, sentBefore);
      this.#beginning.add(viewer);
    }
    waiting.clear();
  }

  #wishAgain(sourceId: string): void {
    // A wish to the source before did not reach this one.
    if (sourceId === this.#wishedOf && this.#options.now() - this.#wishedAtMs < WISH_AGAIN_MS) return;
    this.#wishedOf = sourceId;
    this.wishKeyFrame();
  }

  #send(packets: readonly CanonicalPacket[]): void {
    const nowMs = this.#options.now();
    this.#options.group.send(packets, nowMs);
    if (this.#beginning.size === 0) return;
    const begun = [...this.#beginning];
    this.#beginning.clear();
    for (const viewer of begun) viewer.onStarted(nowMs);
  }
}
