// A broadcast on this worker: takes the packets of its publisher, wherever that is, and gives them to the viewers here.
// It must not know transports, keys or workers.

import type { MediaKind } from '../rtp/codec.ts';
import { type CanonicalPacket, UpTrack } from './up-track.ts';
import type { SourceItem } from './worker-protocol.ts';

/** A viewer as the relay sees it. */
export interface RelayViewer {
  onPacket(kind: MediaKind, packet: CanonicalPacket): void;
}

export class Relay {
  readonly broadcast: string;
  readonly viewers = new Set<RelayViewer>();
  readonly #upTracks = new Map<MediaKind, UpTrack>();
  readonly #wishKeyFrame: () => void;

  /** @param wishKeyFrame passes a viewer's wish on toward the publisher, where it is throttled */
  constructor(broadcast: string, wishKeyFrame: () => void) {
    this.broadcast = broadcast;
    this.#wishKeyFrame = wishKeyFrame;
  }

  upTrack(kind: MediaKind): UpTrack | undefined {
    return this.#upTracks.get(kind);
  }

  addViewer(viewer: RelayViewer): void {
    this.viewers.add(viewer);
  }

  removeViewer(viewer: RelayViewer): void {
    this.viewers.delete(viewer);
  }

  wishKeyFrame(): void {
    this.#wishKeyFrame();
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
    const packet = upTrack.receive(sourceId, item);
    if (!packet) {
      // Only for somebody who can receive it: a wish too early comes to nothing and throttles the one that counts.
      if (upTrack.awaitsKeyFrame && this.viewers.size > 0) this.#wishKeyFrame();
      return;
    }
    for (const viewer of this.viewers) viewer.onPacket(item.kind, packet);
  }
}
