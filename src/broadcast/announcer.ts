// Tells listeners what changed, and what can wait (the viewer count, settings) only so often. It must not know why something changed.

import type { Clock } from './ports.ts';
import type { BroadcastEvent, BroadcastView } from './service.ts';
import { Deadlines } from './session/deadlines.ts';

export class Announcer {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #viewOf: (name: string) => BroadcastView;
  readonly #onFault: (error: unknown) => void;
  readonly #listeners = new Set<(event: BroadcastEvent) => void>();
  /** Broadcasts of which something has changed that was not told yet. */
  readonly #untold: Deadlines<string>;

  constructor(options: {
    clock: Clock;
    quietMs: number;
    viewOf: (name: string) => BroadcastView;
    /** A listener threw. */
    onFault: (error: unknown) => void;
  }) {
    const { clock } = options;
    this.#clock = clock;
    this.#quietMs = options.quietMs;
    this.#viewOf = options.viewOf;
    this.#onFault = options.onFault;
    this.#untold = new Deadlines(clock, (name) => this.broadcastChanged(name));
  }

  subscribe(listener: (event: BroadcastEvent) => void): () => void {
    // A function of its own, so that one listener can subscribe twice and leave once.
    const entry = (event: BroadcastEvent) => listener(event);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  emit(event: BroadcastEvent): void {
    for (const listener of [...this.#listeners]) {
      // One client's broken socket must not stop the news for the others, nor the operation that made them.
      try {
        listener(event);
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
    if (!this.#untold.has(name)) this.#untold.set(name, this.#clock.now() + this.#quietMs);
  }

  close(): void {
    this.#untold.clear();
    this.#listeners.clear();
  }
}
