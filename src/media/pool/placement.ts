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
  /** Transports on each worker: all together, and of each broadcast. */
  readonly #load = new Map<number, number>();
  readonly #loadOf = new Map<string, Map<number, number>>();
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
    const load = this.#load;
    return [...ready].sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0))[0];
  }

  workerOf(transportId: string): number | undefined {
    return this.#transports.get(transportId)?.worker;
  }

  add(transportId: string, placed: Placed): void {
    this.#transports.set(transportId, placed);
    this.#count(placed, 1);
  }

  /** The publisher's transport was answered: it is the source from now on. */
  becomeSource(transportId: string): void {
    const placed = this.#transports.get(transportId);
    if (placed) this.#setSource(placed.broadcast, { worker: placed.worker, transportId });
  }

  remove(transportId: string): void {
    const placed = this.#transports.get(transportId);
    if (!placed) return;
    this.#transports.delete(transportId);
    this.#count(placed, -1);
    if (!placed.publisher || this.#sources.get(placed.broadcast)?.transportId !== transportId) return;
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
    return [...(this.#loadOf.get(broadcast) ?? [])].sort(([, a], [, b]) => b - a)[0]?.[0];
  }

  #count({ worker, broadcast }: Placed, change: 1 | -1): void {
    const ofBroadcast = this.#loadOf.get(broadcast) ?? new Map<number, number>();
    addTo(this.#load, worker, change);
    addTo(ofBroadcast, worker, change);
    if (ofBroadcast.size > 0) this.#loadOf.set(broadcast, ofBroadcast);
    else this.#loadOf.delete(broadcast);
  }

  #setSource(broadcast: string, source: Source | undefined): void {
    const before = this.#sources.get(broadcast);
    if (source) this.#sources.set(broadcast, source);
    else this.#sources.delete(broadcast);
    if (before?.worker !== source?.worker) this.#onSourceMoved(broadcast, source?.worker);
  }
}

/** A worker without transports has no entry. */
function addTo(load: Map<number, number>, worker: number, change: 1 | -1): void {
  const count = (load.get(worker) ?? 0) + change;
  if (count > 0) load.set(worker, count);
  else load.delete(worker);
}
