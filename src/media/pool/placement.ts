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

/** What a worker told last, and how many transports it had then. */
interface Report {
  readonly sendLoad: number;
  readonly transports: number;
}

/** Share of a thread's time that a viewer of a usual broadcast takes, until its worker's next report. */
const LOAD_OF_NEWCOMER = 1 / 2000;
/** So small that it only decides between workers that send as much: mostly those that send nothing. */
const LOAD_OF_TRANSPORT = LOAD_OF_NEWCOMER / 10;

export class Placement {
  readonly #transports = new Map<string, Placed>();
  /** Transports on each worker: all together, and of each broadcast. */
  readonly #count = new Map<number, number>();
  readonly #countOf = new Map<string, Map<number, number>>();
  readonly #reports = new Map<number, Report>();
  /** Broadcast → its publisher. */
  readonly #sources = new Map<string, Source>();
  readonly #onSourceMoved: (broadcast: string, worker: number | undefined) => void;

  /** @param onSourceMoved the worker that has a broadcast's publisher is another one now, or none */
  constructor(onSourceMoved: (broadcast: string, worker: number | undefined) => void) {
    this.#onSourceMoved = onSourceMoved;
  }

  /**
   * The worker for a new transport, of those that are ready: a publisher goes where its broadcast already is, so that
   * its Timeline continues; all others where most time is left, by what the worker has told and who has come since.
   * Undefined when none is ready.
   */
  choose(broadcast: string, publisher: boolean, ready: readonly number[]): number | undefined {
    if (publisher) {
      const home = this.#sources.get(broadcast)?.worker ?? this.#busiestOf(broadcast);
      if (home !== undefined && ready.includes(home)) return home;
    }
    return [...ready].sort((a, b) => this.#loadOf(a) - this.#loadOf(b))[0];
  }

  /** A worker tells which share of its time goes into sending, 0 to 1. */
  report(worker: number, sendLoad: number): void {
    this.#reports.set(worker, { sendLoad, transports: this.#count.get(worker) ?? 0 });
  }

  /** A worker is started anew: what it told is of no account. */
  forget(worker: number): void {
    this.#reports.delete(worker);
  }

  workerOf(transportId: string): number | undefined {
    return this.#transports.get(transportId)?.worker;
  }

  add(transportId: string, placed: Placed): void {
    this.#transports.set(transportId, placed);
    this.#change(placed, 1);
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
    this.#change(placed, -1);
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
    return [...(this.#countOf.get(broadcast) ?? [])].sort(([, a], [, b]) => b - a)[0]?.[0];
  }

  #loadOf(worker: number): number {
    const count = this.#count.get(worker) ?? 0;
    const { sendLoad, transports } = this.#reports.get(worker) ?? { sendLoad: 0, transports: 0 };
    return sendLoad + (count - transports) * LOAD_OF_NEWCOMER + count * LOAD_OF_TRANSPORT;
  }

  #change({ worker, broadcast }: Placed, change: 1 | -1): void {
    const ofBroadcast = this.#countOf.get(broadcast) ?? new Map<number, number>();
    addTo(this.#count, worker, change);
    addTo(ofBroadcast, worker, change);
    if (ofBroadcast.size > 0) this.#countOf.set(broadcast, ofBroadcast);
    else this.#countOf.delete(broadcast);
  }

  #setSource(broadcast: string, source: Source | undefined): void {
    const before = this.#sources.get(broadcast);
    if (source) this.#sources.set(broadcast, source);
    else this.#sources.delete(broadcast);
    if (before?.worker !== source?.worker) this.#onSourceMoved(broadcast, source?.worker);
  }
}

/** A worker without transports has no entry. */
function addTo(counts: Map<number, number>, worker: number, change: 1 | -1): void {
  const count = (counts.get(worker) ?? 0) + change;
  if (count > 0) counts.set(worker, count);
  else counts.delete(worker);
}
