// A broadcast on one worker: its up tracks and the viewers here that receive them. Knows who may begin where; the fan-out
// engine does what is per packet and viewer. It must not know transports, keys or workers.

import type { Codec, MediaKind } from '../../rtp/codec.ts';
import type { GroupLimits } from '../../rtp/group-of-pictures.ts';
import { chooseStart } from '../../rtp/start-choice.ts';
import { absSendTime, type FanoutGroup } from '../fanout/engine.ts';
import { Gatherer, type SendLoad } from '../fanout/gatherer.ts';
import type { Past, SourceItem, SourcePacket, SourceReport } from '../worker-protocol.ts';
import type { CatchUpTurns } from './catch-up-turns.ts';
import { Healing } from './healing.ts';
import { Latecomers } from './latecomers.ts';
import type { RelayViewer } from './relay-viewer.ts';
import { RelayWishes } from './relay-wishes.ts';
import { TimedData, type TimedDataOptions } from './timed-data.ts';
import { type CanonicalPacket, UpTrack } from './up-track.ts';

export interface RelayOptions {
  readonly broadcast: string;
  readonly group: FanoutGroup;
  readonly load: SendLoad;
  readonly now: () => number;
  /** How much of the past is kept for those who join. */
  readonly startMemory: GroupLimits;
  /** The worker's. */
  readonly catchUpTurns: CatchUpTurns;
  /** Passes a viewer's wish on toward the publisher, where it is throttled. */
  readonly wishKeyFrame: () => void;
  readonly timed: Omit<TimedDataOptions, 'now'>;
}

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
  readonly #latecomers: Latecomers<RelayViewer>;
  /** Viewers for which the publisher was asked: when the group is sent instead. */
  readonly #patience = new Map<RelayViewer, NodeJS.Timeout>();
  readonly #wishes: RelayWishes;
  /** The publisher's transport whose broadcast is over. */
  #endedSource: string | undefined;
  readonly #healing = new Healing<RelayViewer>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.timed = new TimedData({ ...options.timed, now: options.now });
    this.#wishes = new RelayWishes(options.now, options.wishKeyFrame);
    this.#gatherer = new Gatherer({ load: options.load, send: (packets) => this.#send(packets) });
    this.#latecomers = new Latecomers<RelayViewer>({
      now: options.now,
      turns: options.catchUpTurns,
      measure: (work) => options.load.measure(work),
      onBegun: (viewer, nowMs) => viewer.onStarted(nowMs),
      onLive: (viewer, nowMs) => {
        const group = this.#upTracks.get('video')?.group;
        if (group) this.#healing.sent(viewer, group, nowMs);
      },
      onLost: (viewer) => this.#waitForKeyFrame(viewer),
    });
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

  /** There is something that who joins could begin with. */
  get remembers(): boolean {
    return this.#upTracks.get('video')?.group.firstIndex !== undefined;
  }

  /** The viewer can receive from now on. */
  addViewer(viewer: RelayViewer): void {
    this.#viewers.add(viewer);
    for (const [kind, { codec, newestIndex }] of this.#upTracks) {
      if (codec && newestIndex !== undefined) this.#offer(viewer, kind, codec, newestIndex);
    }
    if (viewer.latecomer) this.#beginVideo(viewer);
  }

  removeViewer(viewer: RelayViewer): void {
    this.#viewers.delete(viewer);
    this.#latecomers.remove(viewer);
    clearTimeout(this.#patience.get(viewer));
    this.#patience.delete(viewer);
    this.#waiting.audio.delete(viewer);
    this.#waiting.video.delete(viewer);
    this.#beginning.delete(viewer);
  }

  /**
   * A viewer cannot go on without a key frame. Where the publisher does not send one when it is asked, the viewer is
   * sent everything since the last one again, if that may help.
   */
  pictureLost(viewer: RelayViewer): void {
    const nowMs = this.#options.now();
    const upTrack = this.#upTracks.get('video');
    const { latecomer } = viewer;
    const { isDeaf } = this.#wishes;
    this.#wishes.wish();
    if (!isDeaf || !latecomer || !upTrack?.codec || upTrack.newestIndex === undefined || !upTrack.group.isWhole) return;
    // Who waits or catches up gets what there is.
    if (this.#waiting.video.has(viewer) || this.#latecomers.has(viewer)) return;
    if (!this.#healing.allows(viewer, upTrack.group, viewer.lossShare, nowMs)) return;
    if (!viewer.adopt('video', upTrack.codec, upTrack.newestIndex)) return;
    this.#latecomers.add(viewer, latecomer, upTrack, upTrack.edgeAt(nowMs));
  }

  /** The publisher that was here does not come back: who joins from now on sees nothing of what it sent. */
  end(): void {
    // From another worker something of it may still be on its way.
    this.#endedSource = this.#wishes.source;
    this.#forgetPast();
  }

  /** It is this publisher now: its first packets may have come from another worker before the end of the one before did. */
  begin(sourceId: string): void {
    if (sourceId === this.#endedSource) this.#endedSource = undefined;
  }

  receive(sourceId: string, item: SourceItem): void {
    if (sourceId === this.#endedSource) return;
    if (item.type === 'pause') {
      this.#wishes.paused();
      this.#forgetPast();
      return;
    }
    const upTrack = this.#upTrackOf(item.kind);
    if (item.kind === 'video' && item.type === 'packet') this.#wishes.sourceIs(sourceId);
    const { sourcesStarted } = upTrack;
    const packet = this.#take(sourceId, item);
    if (!packet) {
      // Only for somebody who can receive it: a wish too early comes to nothing and throttles the one that counts.
      if (upTrack.awaitsKeyFrame && this.#viewers.size > 0) this.#wishes.wishAgain(sourceId);
      return;
    }
    if (packet.kind === 'video' && packet.startsDecoding) this.#wishes.fulfilled();
    const waiting = this.#waiting[packet.kind];
    if (waiting.size > 0) {
      if (packet.startsDecoding) this.#start(waiting, packet, upTrack);
      else this.#wishes.wishAgain(sourceId);
    }
    // Where its clock stands is told with its first packets, and not up to a second later.
    if (upTrack.sourcesStarted !== sourcesStarted) for (const viewer of this.#viewers) this.#beginning.add(viewer);
    this.#gatherer.add(packet);
  }

  /**
   * What a source sent before this relay was there: viewers here begin with it as with what the relay remembers itself.
   * It is sent to nobody else, but where viewers saw another source before.
   */
  remember(sourceId: string, { items, isDeaf }: Past): void {
    if (sourceId === this.#endedSource) return;
    const isKnown = sourceId === this.#wishes.source;
    const hasVideo = this.#upTracks.get('video')?.newestIndex !== undefined;
    this.#wishes.sourceIs(sourceId);
    if (isDeaf) this.#wishes.heardOfDeafness();
    if (hasVideo && isKnown) return;
    if (hasVideo) {
      // Viewers here saw the source before: they need this one's key frame as much as those who join.
      for (const item of items) this.receive(sourceId, item);
      return;
    }
    const sendTime = absSendTime(this.#options.now());
    for (const item of items) {
      const packet = this.#take(sourceId, item);
      // Whoever asks for it gets it as if it had left now.
      if (packet) packet.sendTime = sendTime;
    }
    for (const viewer of [...this.#waiting.video]) this.#beginVideo(viewer);
  }

  /** Forgets what is held, and the group with all of its members. */
  close(): void {
    this.#gatherer.close();
    this.#latecomers.close();
    for (const timer of this.#patience.values()) clearTimeout(timer);
    this.#options.group.remove();
  }

  /** Who is in the middle of it waits for a key frame. What viewers here may still ask for again is no past. */
  #forgetPast(): void {
    this.#upTracks.get('video')?.group.clear();
    for (const viewer of this.#latecomers.viewers) this.#waitForKeyFrame(viewer);
  }

  #upTrackOf(kind: MediaKind): UpTrack {
    const known = this.#upTracks.get(kind);
    if (known) return known;
    const upTrack = new UpTrack(kind, this.#options.startMemory);
    this.#upTracks.set(kind, upTrack);
    return upTrack;
  }

  /** Into its track; a packet that viewers may see comes out. */
  #take(sourceId: string, item: SourcePacket | SourceReport): CanonicalPacket | undefined {
    const upTrack = this.#upTrackOf(item.kind);
    if (item.type === 'sender-report') {
      upTrack.senderReport(sourceId, item);
      return undefined;
    }
    const { codec: codecBefore, newestIndex = 0 } = upTrack;
    const packet = upTrack.receive(sourceId, item);
    if (packet?.kind === 'video') this.timed.forwarded(sourceId, item.timestamp, packet.timestamp);
    if (packet && packet.codec !== codecBefore) this.#codecChanged(packet.kind, packet.codec, newestIndex);
    return packet;
  }

  #offer(viewer: RelayViewer, kind: MediaKind, codec: Codec, newestIndex: number): void {
    if (kind === 'video') this.#latecomers.remove(viewer);
    if (viewer.adopt(kind, codec, newestIndex)) this.#waiting[kind].add(viewer);
    else this.#waiting[kind].delete(viewer);
  }

  /** Its first picture comes from what is remembered, or with the publisher's next key frame. */
  #beginVideo(viewer: RelayViewer): void {
    const group = this.#upTracks.get('video')?.group;
    if (!group) {
      this.#wishes.wish();
      return;
    }
    if (!this.#waiting.video.has(viewer)) return;
    const start = chooseStart({
      groupBytes: group.firstIndex === undefined ? undefined : group.bytes,
      isWhole: group.isWhole,
      isDeaf: this.#wishes.isDeaf,
    });
    if (start.asksPublisher) this.#wishes.wish();
    if (start.groupAfterMs === 0) this.#beginWithGroup(viewer);
    else if (start.groupAfterMs !== undefined) this.#beginSoon(viewer, start.groupAfterMs);
  }

  /** Unless a key frame comes before. */
  #beginSoon(viewer: RelayViewer, delayMs: number): void {
    clearTimeout(this.#patience.get(viewer));
    this.#patience.set(
      viewer,
      setTimeout(() => this.#beginWithGroup(viewer), delayMs),
    );
  }

  #beginWithGroup(viewer: RelayViewer): void {
    this.#patience.delete(viewer);
    const upTrack = this.#upTracks.get('video');
    const { latecomer } = viewer;
    if (!latecomer || upTrack?.group.firstIndex === undefined || !this.#waiting.video.delete(viewer)) return;
    this.#latecomers.add(viewer, latecomer, upTrack);
  }

  #waitForKeyFrame(viewer: RelayViewer): void {
    const upTrack = this.#upTracks.get('video');
    if (upTrack?.codec && upTrack.newestIndex !== undefined) {
      this.#offer(viewer, 'video', upTrack.codec, upTrack.newestIndex);
    }
    this.#wishes.wish();
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

  #send(packets: readonly CanonicalPacket[]): void {
    const nowMs = this.#options.now();
    this.#options.group.send(packets, nowMs);
    if (this.#beginning.size === 0) return;
    const begun = [...this.#beginning];
    this.#beginning.clear();
    for (const viewer of begun) viewer.onStarted(nowMs);
  }
}
