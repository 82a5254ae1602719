// Which worker has which transport, and where each broadcast's publisher is. Pure bookkeeping on the main thread;
// it must not know threads or messages.

export interface Placed {
  readonly worker: number;
  readonly broadcast: string;
  readonly publisher: boolean;
}

interface Source {
  readonly worker: number;
  readonly transportId: string;
}

export class Placement {
  readonly #transports = new Map<string, Placed>();
  /** Broadcast → its publisher. */
  readonly #sources = new Map<string, Source>();
  readonly #onSourceMoved: (broadcast: string, worker: number | undefined) => void;

  /** @param onSourceMoved the worker that has a broadcast's publisher is another one now, or none */
  constructor(onSourceMoved: (broadcast: string, worker: number | undefined) => void) {
    this.#onSourceMoved = onSourceMoved;
  }

  /**
   * The worker for a new transport, of those that are ready: a publisher goes where its broadcast already is, so that
   * its Timeline continues; all others where there is least. Undefined when none is ready.
   */
  choose(broadcast: string, publisher: boolean, ready: readonly number[]): number | undefined {
    if (publisher) {
      const home = this.#sources.get(broadcast)?.worker ?? this.#busiestOf(broadcast);
      if (home !== undefined && ready.includes(home)) return home;
    }
    const load = new Map<number, number>(ready.map((worker) => [worker, 0]));
    for (const { worker } of this.#transports.values()) load.set(worker, (load.get(worker) ?? 0) + 1);
    return [...ready].sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0))[0];
  }

  workerOf(transportId: string): number | undefined {
    return this.#transports.get(transportId)?.worker;
  }

  add(transportId: string, placed: Placed): void {
    this.#transports.set(transportId, placed);
  }

  /** The publisher's transport was answered: it is the source from now on. */
  becomeSource(transportId: string): void {
    const placed = this.#transports.get(transportId);
    if (placed) this.#setSource(placed.broadcast, { worker: placed.worker, transportId });
  }

  remove(transportId: string): void {
    const placed = this.#transports.get(transportId);
    this.#transports.delete(transportId);
    if (!placed?.publisher || this.#sources.get(placed.broadcast)?.transportId !== transportId) return;
    // A newcomer that lost against the publisher before it leaves that one as the source.
    const other = [...this.#transports].find(
      ([, { publisher, broadcast }]) => publisher && broadcast === placed.broadcast,
    );
    this.#setSource(placed.broadcast, other && { worker: other[1].worker, transportId: other[0] });
  }

  /** Transports on a worker. */
  on(worker: number): string[] {
    return [...this.#transports].filter(([, placed]) => placed.worker === worker).map(([transportId]) => transportId);
  }

  /** Broadcast and worker of each publisher. */
  sources(): [string, number][] {
    return [...this.#sources].map(([broadcast, { worker }]) => [broadcast, worker]);
  }

  #busiestOf(broadcast: string): number | undefined {
    const transports = new Map<number, number>();
    for (const placed of this.#transports.values()) {
      if (placed.broadcast === broadcast) transports.set(placed.worker, (transports.get(placed.worker) ?? 0) + 1);
    }
    return [...transports].sort(([, a], [, b]) => b - a)[0]?.[0];
  }

  #setSource(broadcast: string, source: Source | undefined): void {
    const before = this.#sources.get(broadcast);
    if (source) this.#sources.set(broadcast, source);
    else this.#sources.delete(broadcast);
    if (before?.worker !== source?.worker) this.#onSourceMoved(broadcast, source?.worker);
  }
}
