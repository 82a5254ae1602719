// A viewer as its relay sees it. Types only.

import type { Codec, MediaKind } from '../../rtp/codec.ts';
import type { Latecomer } from './catch-up.ts';
import type { CanonicalPacket } from './up-track.ts';

export interface RelayViewer {
  /**
   * The source sends this codec from now on; nothing of it goes to the viewer before `start`.
   * @param newestIndex the highest canonical index that went out until now
   * @returns whether the viewer can decode it, and so waits for a packet to begin with
   */
  adopt(kind: MediaKind, codec: Codec, newestIndex: number): boolean;
  /** Decoding can begin with this packet, which is sent next. `sentBefore` has overtaken it. */
  start(kind: MediaKind, packet: CanonicalPacket, sentBefore: readonly CanonicalPacket[]): void;
  /** Its video, to be sent what it missed. */
  readonly latecomer: Latecomer | undefined;
  /** How much of its video its last report missed, 0 to 1; 0 before the first. */
  readonly lossShare: number;
  /** Its first packets have left. */
  onStarted(nowMs: number): void;
}
