// Tells listeners what changed, and what can wait (the viewer count, settings) only so often. It must not know why something changed.

import type { Clock } from './ports.ts';
import type { BroadcastEvent, BroadcastView, Reach } from './service.ts';
import { Deadlines } from './session/deadlines.ts';

interface Listener {
  readonly hear: (event: BroadcastEvent) => void;
  readonly reach: Reach;
}

export class Announcer {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #deliveriesPerSecond: number;
  readonly #viewOf: (name: string) => BroadcastView;
  readonly #onFault: (error: unknown) => void;
  readonly #listeners = new Set<Listener>();
  /** Broadcasts of which something has changed that was not told yet. */
  readonly #untold: Deadlines<string>;

  constructor(options: {
    clock: Clock;
    quietMs: number;
    /** Of what can wait, in one broadcast. */
    deliveriesPerSecond: number;
    viewOf: (name: string) => BroadcastView;
    /** A listener threw. */
    onFault: (error: unknown) => void;
  }) {
    const { clock } = options;
    this.#clock = clock;
    this.#quietMs = options.quietMs;
    this.#deliveriesPerSecond = options.deliveriesPerSecond;
    this.#viewOf = options.viewOf;
    this.#onFault = options.onFault;
    this.#untold = new Deadlines(clock, (name) => this.broadcastChanged(name));
  }

  subscribe(hear: (event: BroadcastEvent) => void, reach: Reach = () => 0): () => void {
    // An entry of its own, so that one listener can subscribe twice and leave once.
    const entry = { hear, reach };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  emit(event: BroadcastEvent): void {
    for (const { hear } of [...this.#listeners]) {
      // One client's broken socket must not stop the news for the others, nor the operation that made them.
      try {
        hear(event);
      } catch (error) {
        this.#onFault(error);
      }
    }
  }

  /** At once. The event carries everything, so nothing is left to be told. */
  broadcastChanged(name: string): void {
    this.#untold.set(name, undefined);
    this.emit({ type: 'broadcast', broadcast: this.#viewOf(name) });
  }

  /** Together with what else changes in the next moment. */
  broadcastChangedSoon(name: string): void {
    if (!this.#untold.has(name)) this.#untold.set(name, this.#clock.now() + this.gatherMs(name, this.#quietMs));
  }

  /** How long to gather what can wait: the longer, the more clients hear of this broadcast. */
  gatherMs(name: string, leastMs: number): number {
    let clients = 0;
    for (const { reach } of this.#listeners) clients += reach(name);
    return Math.max(leastMs, (clients * 1000) / this.#deliveriesPerSecond);
  }

  close(): void {
    this.#untold.clear();
    this.#listeners.clear();
  }
}
