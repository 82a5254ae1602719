// The viewers on a worker, by transport and by broadcast, and the relays that serve them: with the first viewer of a
// broadcast comes its relay, a while after the last one it goes. It must not know offers, publishers or commands.

import type { DataMessage, ViewerQuality } from '../../broadcast/ports.ts';
import type { GroupLimits } from '../../rtp/group-of-pictures.ts';
import type { FanoutEngine } from '../fanout/engine.ts';
import type { SendLoad } from '../fanout/gatherer.ts';
import type { CatchUpTurns } from './catch-up-turns.ts';
import { Relay } from './relay.ts';
import type { ViewerPeer } from './viewer-peer.ts';

export interface AudienceOptions {
  readonly engine: FanoutEngine;
  readonly load: SendLoad;
  readonly now: () => number;
  readonly startMemory: GroupLimits;
  readonly catchUpTurns: CatchUpTurns;
  /** Viewers of a broadcast need a key frame. */
  readonly wishKeyFrame: (broadcast: string) => void;
  /** A message has the numbers of the video that viewers here get. */
  readonly sendTimed: (broadcast: string, message: DataMessage) => void;
  readonly onTimedDropped: () => void;
  /** Whether there is a relay here that takes a broadcast's packets. */
  readonly onWanted: (broadcast: string, wanted: boolean) => void;
}

/** How long a relay stays after its last viewer, and how many of them. */
const REST_MS = 15_000;
const MAX_RESTING = 64;
const NOBODY: ReadonlySet<ViewerPeer> = new Set();

export class Audience {
  readonly #options: AudienceOptions;
  readonly #viewers = new Map<string, ViewerPeer>();
  /** The same by broadcast, so that a message or a leave looks at no others. */
  readonly #viewersOf = new Map<string, Set<ViewerPeer>>();
  readonly #relays = new Map<string, Relay>();
  /** Broadcasts whose relay nobody needs now, in the order in which they go. */
  readonly #resting = new Map<string, NodeJS.Timeout>();

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

  /** Undefined when nobody views the broadcast, unless its relay rests. */
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
    if (this.#relays.get(broadcast)?.remembers) this.#letRest(broadcast);
    else this.#close(broadcast);
  }

  /** A broadcast's publisher is gone for good: nothing of it is kept for who comes later. */
  endSource(broadcast: string): void {
    if (this.#resting.has(broadcast)) this.#close(broadcast);
    else this.#relays.get(broadcast)?.end();
  }

  /** Its publisher is this one now, whatever came of it before an `endSource` was heard. */
  beginSource(broadcast: string, sourceId: string): void {
    this.#relays.get(broadcast)?.begin(sourceId);
  }

  quality(broadcast: string): ViewerQuality[] {
    return [...this.viewersOf(broadcast)].flatMap((viewer) => viewer.quality() ?? []);
  }

  /** Forgets everything: the thread ends. */
  close(): void {
    for (const timer of this.#resting.values()) clearTimeout(timer);
    this.#resting.clear();
    for (const relay of this.#relays.values()) relay.close();
    this.#relays.clear();
  }

  /** A page that is reloaded comes back in a moment, and remembering anew costs the worker tens of ms. */
  #letRest(broadcast: string): void {
    this.#resting.set(
      broadcast,
      setTimeout(() => this.#close(broadcast), REST_MS),
    );
    const [oldest] = this.#resting.keys();
    if (this.#resting.size > MAX_RESTING && oldest !== undefined) this.#close(oldest);
  }

  #close(broadcast: string): void {
    clearTimeout(this.#resting.get(broadcast));
    this.#resting.delete(broadcast);
    this.#relays.get(broadcast)?.close();
    this.#relays.delete(broadcast);
    this.#options.onWanted(broadcast, false);
  }

  #obtainRelay(broadcast: string): Relay {
    const existing = this.#relays.get(broadcast);
    clearTimeout(this.#resting.get(broadcast));
    this.#resting.delete(broadcast);
    if (existing) return existing;
    const { engine, load, now, startMemory, catchUpTurns, wishKeyFrame, sendTimed, onTimedDropped, onWanted } =
      this.#options;
    const relay = new Relay({
      broadcast,
      group: engine.addGroup(),
      load,
      now,
      startMemory,
      catchUpTurns,
      wishKeyFrame: () => wishKeyFrame(broadcast),
      timed: { send: (message) => sendTimed(broadcast, message), onDropped: onTimedDropped },
    });
    this.#relays.set(broadcast, relay);
    onWanted(broadcast, true);
    return relay;
  }
}
