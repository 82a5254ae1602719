// The viewers on a worker, by transport and by broadcast, and the relays that serve them: with the first viewer of a
// broadcast comes its relay, with the last one it goes. It must not know offers, publishers or commands.

import type { DataMessage, ViewerQuality } from '../broadcast/ports.ts';
import type { GroupLimits } from '../rtp/group-of-pictures.ts';
import type { FanoutEngine } from './fanout/engine.ts';
import type { SendLoad } from './fanout/gatherer.ts';
import { Relay } from './relay.ts';
import type { ViewerPeer } from './viewer-peer.ts';

export interface AudienceOptions {
  readonly engine: FanoutEngine;
  readonly load: SendLoad;
  readonly now: () => number;
  readonly startMemory: GroupLimits;
  /** Viewers of a broadcast need a key frame. */
  readonly wishKeyFrame: (broadcast: string) => void;
  /** A message has the numbers of the video that viewers here get. */
  readonly sendTimed: (broadcast: string, message: DataMessage) => void;
  readonly onTimedDropped: () => void;
  /** Whether there are viewers of a broadcast here. */
  readonly onWanted: (broadcast: string, wanted: boolean) => void;
}

const NOBODY: ReadonlySet<ViewerPeer> = new Set();

export class Audience {
  readonly #options: AudienceOptions;
  readonly #viewers = new Map<string, ViewerPeer>();
  /** The same by broadcast, so that a message or a leave looks at no others. */
  readonly #viewersOf = new Map<string, Set<ViewerPeer>>();
  readonly #relays = new Map<string, Relay>();

  constructor(options: AudienceOptions) {
    this.#options = options;
  }

  get viewers(): Iterable<ViewerPeer> {
    return this.#viewers.values();
  }

  viewer(transportId: string): ViewerPeer | undefined {
    return this.#viewers.get(transportId);
  }

  viewersOf(broadcast: string): ReadonlySet<ViewerPeer> {
    return this.#viewersOf.get(broadcast) ?? NOBODY;
  }

  /** Undefined without viewers of the broadcast. */
  relay(broadcast: string): Relay | undefined {
    return this.#relays.get(broadcast);
  }

  /** Adds the viewer that `make` makes for its broadcast's relay. */
  add(transportId: string, broadcast: string, make: (relay: Relay) => ViewerPeer): ViewerPeer {
    const viewer = make(this.#obtainRelay(broadcast));
    this.#viewers.set(transportId, viewer);
    const others = this.#viewersOf.get(broadcast);
    if (others) others.add(viewer);
    else this.#viewersOf.set(broadcast, new Set([viewer]));
    return viewer;
  }

  /** Forgets a viewer, which has closed or is about to. Unknown ones are ignored. */
  remove(transportId: string): void {
    const viewer = this.#viewers.get(transportId);
    if (!viewer) return;
    const { broadcast } = viewer;
    this.#viewers.delete(transportId);
    const others = this.#viewersOf.get(broadcast);
    if (!others?.delete(viewer) || others.size > 0) return;
    this.#viewersOf.delete(broadcast);
    this.#relays.get(broadcast)?.close();
    this.#relays.delete(broadcast);
    this.#options.onWanted(broadcast, false);
  }

  quality(broadcast: string): ViewerQuality[] {
    return [...this.viewersOf(broadcast)].flatMap((viewer) => viewer.quality() ?? []);
  }

  #obtainRelay(broadcast: string): Relay {
    const existing = this.#relays.get(broadcast);
    if (existing) return existing;
    const { engine, load, now, startMemory, wishKeyFrame, sendTimed, onTimedDropped, onWanted } = this.#options;
    const relay = new Relay({
      broadcast,
      group: engine.addGroup(),
      load,
      now,
      startMemory,
      wishKeyFrame: () => wishKeyFrame(broadcast),
      timed: { send: (message) => sendTimed(broadcast, message), onDropped: onTimedDropped },
    });
    this.#relays.set(broadcast, relay);
    onWanted(broadcast, true);
    return relay;
  }
}
