// One viewer's way from the last key frame to where the others are: it is sent alone what they had before, faster than
// it came, with timestamps that end where theirs are. It must not know sockets, timers, or why the viewer begins so.

import type { GroupOfPictures } from '../../rtp/group-of-pictures.ts';
import { addTimestamp, timestampDistance } from '../../rtp/sequence.ts';
import { type CatchUpPace, catchUpPace } from '../../rtp/start-choice.ts';
import type { CanonicalPacket } from './up-track.ts';

/** Who catches up: its track. */
export interface Latecomer {
  /** Begins with this packet, the first of a key frame. What the group is sent does not go to it before `goLive`. */
  startBehind(packet: CanonicalPacket): void;
  /** The next packets, all of one frame, under this timestamp. */
  sendAlone(packets: readonly CanonicalPacket[], timestamp: number, nowMs: number): void;
  /** It has all before this canonical index, and from it on what everybody gets. */
  goLive(index: number, nowMs: number): void;
}

/** What it follows. */
export interface Followed {
  readonly group: GroupOfPictures<CanonicalPacket>;
  /** The canonical timestamp of what viewers see now: the newest packet's, and as much more as nothing came since. */
  edgeAt(nowMs: number): number | undefined;
}

/** `lost`: a packet is missing for so long that only the next key frame helps. */
export type CatchUpState = 'behind' | 'live' | 'lost';

/** A packet that is missing may still be repaired by the publisher. */
const REPAIR_MS = 1_000;

export class CatchUp {
  readonly #latecomer: Latecomer;
  readonly #followed: Followed;
  readonly #pace: CatchUpPace;
  /** Canonical index of the next packet; undefined before the first. */
  #next: number | undefined;
  /** Of the last frame, as it came and as it was sent. */
  #canonicalTimestamp: number | undefined;
  #timestamp: number | undefined;
  #budgetBytes: number;
  #sentBytes = 0;
  #steppedAtMs: number;
  #stuckSinceMs: number | undefined;

  /** @param seenUntil canonical timestamp of what it saw last, if it saw something */
  constructor(latecomer: Latecomer, followed: Followed, nowMs: number, seenUntil?: number) {
    const { payloadBytes, durationMs } = followed.group;
    this.#timestamp = seenUntil;
    this.#latecomer = latecomer;
    this.#followed = followed;
    this.#pace = catchUpPace(payloadBytes, durationMs);
    this.#budgetBytes = this.#pace.burstBytes;
    this.#steppedAtMs = nowMs;
  }

  /** Of payload, until now. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Sends what the pace allows. Call it every few ms while it is `behind`. */
  step(nowMs: number): CatchUpState {
    const { burstBytes, bytesPerMs } = this.#pace;
    this.#budgetBytes = Math.min(burstBytes, this.#budgetBytes + (nowMs - this.#steppedAtMs) * bytesPerMs);
    this.#steppedAtMs = nowMs;
    const { group } = this.#followed;
    if (group.firstIndex === undefined) return 'lost';
    if (this.#next === undefined || this.#next < group.firstIndex) this.#start(group.firstIndex);
    while (this.#budgetBytes > 0) {
      const frame = this.#nextFrame();
      if (frame.length === 0) break;
      this.#send(frame, nowMs);
    }
    return this.#judge(nowMs);
  }

  /** At the newest key frame: what came before it is of no use any more. */
  #start(firstIndex: number): void {
    const packet = this.#followed.group.get(firstIndex);
    if (!packet) throw new Error('a group of pictures begins with a packet');
    this.#next = firstIndex;
    this.#latecomer.startBehind(packet);
  }

  /** As much of the next frame as is there without a hole. */
  #nextFrame(): CanonicalPacket[] {
    const { group } = this.#followed;
    const frame: CanonicalPacket[] = [];
    for (let index = this.#next ?? 0; ; index++) {
      const packet = group.get(index);
      if (!packet || (frame[0] && packet.timestamp !== frame[0].timestamp)) return frame;
      frame.push(packet);
    }
  }

  #send(frame: readonly CanonicalPacket[], nowMs: number): void {
    const [first] = frame;
    if (!first) return;
    // The rest of a frame whose middle came late has the same time.
    if (this.#timestamp === undefined || first.timestamp !== this.#canonicalTimestamp) {
      this.#timestamp = this.#timestampOf(first, nowMs);
      this.#canonicalTimestamp = first.timestamp;
    }
    this.#latecomer.sendAlone(frame, this.#timestamp, nowMs);
    this.#next = first.index + frame.length;
    let bytes = 0;
    for (const { payload } of frame) bytes += payload.length;
    this.#sentBytes += bytes;
    this.#budgetBytes -= bytes;
    // After a large key frame the next ones wait for a moment, and not for as long as it would take at this pace.
    if (first.startsDecoding) this.#budgetBytes = Math.max(this.#budgetBytes, -this.#pace.burstBytes);
  }

  /**
   * The newest frame has the time of now, the ones before it a tick less for each packet: to the player they are due
   * at once, so it shows where the others are as soon as it has decoded that far. They never go back.
   */
  #timestampOf(packet: CanonicalPacket, nowMs: number): number {
    const { group } = this.#followed;
    const edge = this.#followed.edgeAt(nowMs) ?? packet.timestamp;
    const newest = group.get(group.endIndex - 1);
    const isNewest = packet.timestamp === newest?.timestamp;
    const timestamp = isNewest ? edge : addTimestamp(edge, packet.index - (group.endIndex - 1));
    if (this.#timestamp === undefined || timestampDistance(this.#timestamp, timestamp) > 0) return timestamp;
    return addTimestamp(this.#timestamp, 1);
  }

  #judge(nowMs: number): CatchUpState {
    const { group } = this.#followed;
    const next = this.#next ?? 0;
    // The rest of a frame that was sent under another time must have that time, too.
    const isWhole = this.#timestamp === this.#canonicalTimestamp || group.get(next - 1)?.marker === true;
    if (next === group.endIndex && isWhole) {
      this.#latecomer.goLive(next, nowMs);
      return 'live';
    }
    if (group.get(next)) {
      this.#stuckSinceMs = undefined;
      return 'behind';
    }
    this.#stuckSinceMs ??= nowMs;
    return nowMs - this.#stuckSinceMs > REPAIR_MS ? 'lost' : 'behind';
  }
}
