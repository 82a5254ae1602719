// What a publisher sent since its last key frame, for the relays that come later: the first viewer of a broadcast, or of
// a worker, must not wait for the next key frame either. It must not know relays, viewers or other workers.

import { type GroupLimits, GroupOfPictures, type GroupPacket } from '../rtp/group-of-pictures.ts';
import { unwrapSequence } from '../rtp/sequence.ts';
import type { SourceItem, SourcePacket, SourceReport } from './worker-protocol.ts';

interface Remembered extends GroupPacket {
  readonly packet: SourcePacket;
}

/** Added to a source's first number, so that packets from before it are not negative. */
const FIRST_INDEX = 0x1_0000;

export class SourceMemory {
  readonly #group: GroupOfPictures<Remembered>;
  #ssrc: number | undefined;
  #newest = FIRST_INDEX;
  #sound: SourcePacket | undefined;
  readonly #reports = new Map<string, SourceReport>();

  constructor(limits: GroupLimits) {
    this.#group = new GroupOfPictures(limits);
  }

  add(item: SourceItem): void {
    if (item.type === 'sender-report') this.#reports.set(item.kind, item);
    else if (item.type === 'pause') this.#group.clear();
    else if (item.kind === 'audio') this.#sound = item;
    else this.#addVideo(item);
  }

  /** In an order in which a relay can take them: packets of video by number, one of sound, the clocks of both. */
  get items(): (SourcePacket | SourceReport)[] {
    const items: (SourcePacket | SourceReport)[] = [];
    const { firstIndex, endIndex } = this.#group;
    for (let index = firstIndex ?? endIndex; index < endIndex; index++) {
      const packet = this.#group.get(index)?.packet;
      if (packet) items.push(packet);
    }
    if (this.#sound) items.push(this.#sound);
    for (const report of this.#reports.values()) {
      const ssrc = report.kind === 'audio' ? this.#sound?.ssrc : this.#ssrc;
      if (report.ssrc === ssrc) items.push(report);
    }
    return items;
  }

  #addVideo(packet: SourcePacket): void {
    const index = packet.ssrc === this.#ssrc ? unwrapSequence(this.#newest, packet.sequence) : undefined;
    if (index === undefined) this.#group.clear();
    this.#ssrc = packet.ssrc;
    this.#newest = index === undefined ? FIRST_INDEX + packet.sequence : Math.max(this.#newest, index);
    const { timestamp, startsDecoding, payload } = packet;
    this.#group.add({ index: index ?? this.#newest, timestamp, startsDecoding, payload, packet }, packet.arrivedAtMs);
  }
}
