// The lines between media workers: a publisher's packets cross once to each worker that has viewers of it, in batches;
// wishes for key frames go the other way. It must not know transports or viewers.

import type { MessagePort } from 'node:worker_threads';
import type { LinkMessage, Past, SourceItem } from './worker-protocol.ts';

export interface SourceLinksOptions {
  /** This worker. */
  readonly index: number;
  /** A publisher elsewhere sent something. */
  readonly onItems: (broadcast: string, sourceId: string, items: readonly SourceItem[]) => void;
  /** What it sent before we subscribed. */
  readonly onPast: (broadcast: string, sourceId: string, past: Past) => void;
  /** What a publisher here sent, for a worker that has just subscribed. */
  readonly pastOf: (broadcast: string) => (Past & { readonly sourceId: string }) | undefined;
  /** A viewer elsewhere needs a key frame of a publisher here. */
  readonly onKeyFrameWish: (broadcast: string) => void;
}

/** A thousand viewers may wish at once: one message carries them all. */
const COALESCE_WISHES_MS = 10;

interface Batch {
  readonly sourceId: string;
  readonly items: SourceItem[];
}

export class SourceLinks {
  readonly #options: SourceLinksOptions;
  readonly #ports = new Map<number, MessagePort>();
  /** Broadcast → workers that want its packets from us. */
  readonly #subscribers = new Map<string, Set<number>>();
  /** Broadcast → worker that has its publisher, as main told. */
  readonly #sources = new Map<string, number>();
  /** Broadcasts whose packets this worker's viewers want. */
  readonly #wanted = new Set<string>();
  readonly #batches = new Map<string, Batch>();
  #flushScheduled = false;
  /** Broadcasts for which a wish is on its way. */
  readonly #wishes = new Set<string>();

  constructor(options: SourceLinksOptions) {
    this.#options = options;
  }

  /** A line to another worker; after that worker's restart a new one. */
  connect(worker: number, port: MessagePort): void {
    this.#ports.get(worker)?.close();
    for (const workers of this.#subscribers.values()) workers.delete(worker);
    this.#ports.set(worker, port);
    port.on('message', (message: LinkMessage) => this.#receive(worker, message));
    for (const broadcast of this.#wanted) {
      if (this.#sources.get(broadcast) === worker) this.#tell(worker, { type: 'subscribe', broadcast });
    }
  }

  /** Main says where a broadcast's publisher is. */
  setSource(broadcast: string, worker: number | undefined): void {
    const before = this.#sources.get(broadcast);
    if (before === worker) return;
    if (this.#wanted.has(broadcast) && before !== undefined) this.#tell(before, { type: 'unsubscribe', broadcast });
    if (worker === undefined) this.#sources.delete(broadcast);
    else this.#sources.set(broadcast, worker);
    if (this.#wanted.has(broadcast) && worker !== undefined) this.#tell(worker, { type: 'subscribe', broadcast });
  }

  /** Whether viewers here want a broadcast's packets. */
  setWanted(broadcast: string, wanted: boolean): void {
    if (this.#wanted.has(broadcast) === wanted) return;
    if (wanted) this.#wanted.add(broadcast);
    else this.#wanted.delete(broadcast);
    const source = this.#sources.get(broadcast);
    if (source !== undefined) this.#tell(source, { type: wanted ? 'subscribe' : 'unsubscribe', broadcast });
  }

  /** A publisher here sent something: on to the workers that want it, at the end of this turn of the event loop. */
  publish(broadcast: string, sourceId: string, item: SourceItem): void {
    if (!this.#subscribers.get(broadcast)?.size) return;
    let batch = this.#batches.get(broadcast);
    if (batch && batch.sourceId !== sourceId) {
      this.#flush();
      batch = undefined;
    }
    if (batch) batch.items.push(item);
    else this.#batches.set(broadcast, { sourceId, items: [item] });
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flush());
  }

  /** A viewer here needs a key frame; nothing happens when the publisher is here or nowhere. */
  wishKeyFrame(broadcast: string): void {
    if (this.#sources.get(broadcast) === undefined || this.#wishes.has(broadcast)) return;
    this.#wishes.add(broadcast);
    setTimeout(() => this.#tellWishes(), COALESCE_WISHES_MS).unref();
  }

  close(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }

  #tellWishes(): void {
    for (const broadcast of this.#wishes) {
      const source = this.#sources.get(broadcast);
      if (source !== undefined) this.#tell(source, { type: 'key-frame-wish', broadcast });
    }
    this.#wishes.clear();
  }

  #flush(): void {
    this.#flushScheduled = false;
    for (const [broadcast, { sourceId, items }] of this.#batches) {
      for (const worker of this.#subscribers.get(broadcast) ?? []) {
        this.#tell(worker, { type: 'source', broadcast, sourceId, items });
      }
    }
    this.#batches.clear();
  }

  #receive(worker: number, message: LinkMessage): void {
    const { broadcast } = message;
    switch (message.type) {
      case 'subscribe': {
        const workers = this.#subscribers.get(broadcast) ?? new Set<number>();
        workers.add(worker);
        this.#subscribers.set(broadcast, workers);
        const past = this.#options.pastOf(broadcast);
        if (past) this.#tell(worker, { type: 'past', broadcast, ...past });
        return;
      }
      case 'unsubscribe': {
        const workers = this.#subscribers.get(broadcast);
        workers?.delete(worker);
        if (workers?.size === 0) this.#subscribers.delete(broadcast);
        return;
      }
      case 'key-frame-wish':
        this.#options.onKeyFrameWish(broadcast);
        return;
      case 'source':
        if (this.#isFrom(worker, broadcast)) this.#options.onItems(broadcast, message.sourceId, message.items);
        return;
      case 'past':
        if (this.#isFrom(worker, broadcast)) this.#options.onPast(broadcast, message.sourceId, message);
    }
  }

  /** What a worker that had the publisher before still had under way would look like a newer source. */
  #isFrom(worker: number, broadcast: string): boolean {
    return this.#wanted.has(broadcast) && this.#sources.get(broadcast) === worker;
  }

  #tell(worker: number, message: LinkMessage): void {
    if (worker !== this.#options.index) this.#ports.get(worker)?.postMessage(message);
  }
}
