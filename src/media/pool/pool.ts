// The media plane as main sees it: starts the workers, places transports, carries commands, restarts what died.
// It runs on the main thread and must not know packets, keys or sessions.

import { MessageChannel, Worker } from 'node:worker_threads';
import type {
  DataMessage,
  IceDescription,
  MediaPort,
  OpenedTransport,
  OpenTransportRequest,
  TransportEvent,
  ViewerQuality,
} from '../../broadcast/ports.ts';
import { type ErrorCode, FanlightError } from '../../errors.ts';
import type { WorkerCommand, WorkerCounters, WorkerEvent, WorkerSettings } from '../worker-protocol.ts';
import { EngineError } from './engine-error.ts';
import { Placement } from './placement.ts';
import { UdpBindError } from './udp-bind-error.ts';

/** As for one worker, with what all of them share: `udpPort` is that of worker 0 (0 lets the system choose), `maxPendingTransports` is for all together. */
export interface MediaPoolOptions extends Omit<WorkerSettings, 'index'> {
  readonly workers: number;
  readonly onCounters: (worker: number, counters: WorkerCounters) => void;
  /** A worker has its socket, at the start or after its death; its counters begin at 0. */
  readonly onStarted: (worker: number) => void;
  readonly log: MediaLog;
}

export interface MediaLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

interface Pending {
  readonly worker: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: FanlightError) => void;
}

interface Member {
  readonly index: number;
  thread: Worker | undefined;
  ready: boolean;
  udpPort: number;
  /** Deaths in a row without a stretch of health between. */
  failures: number;
}

const RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 5_000;
/** A worker that has lived so long was not broken from the start. */
const HEALTHY_AFTER_MS = 30_000;
/** A worker that was asked to stop, and has not, is terminated. */
const STOP_DEADLINE_MS = 2_000;

export class MediaPool implements MediaPort {
  readonly #options: MediaPoolOptions;
  readonly #members: Member[];
  readonly #placement = new Placement((broadcast, worker) => {
    for (const member of this.#members) this.#tell(member, { type: 'source', broadcast, worker });
  });
  readonly #pending = new Map<number, Pending>();
  #listener: (event: TransportEvent) => void = () => {};
  #nextRequest = 1;
  #closed = false;

  private constructor(options: MediaPoolOptions) {
    this.#options = options;
    this.#members = Array.from({ length: options.workers }, (_, index) => ({
      index,
      thread: undefined,
      ready: false,
      udpPort: options.udpPort === 0 ? 0 : options.udpPort + index,
      failures: 0,
    }));
  }

  /** Starts all workers and waits for their sockets. @throws UdpBindError, EngineError */
  static async start(options: MediaPoolOptions): Promise<MediaPool> {
    const pool = new MediaPool(options);
    try {
      await Promise.all(pool.#members.map((member) => pool.#start(member)));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  get udpPorts(): number[] {
    return this.#members.map(({ udpPort }) => udpPort);
  }

  /** True when every worker has its socket. */
  get isReady(): boolean {
    return !this.#closed && this.#members.every(({ ready }) => ready);
  }

  listen(listener: (event: TransportEvent) => void): void {
    this.#listener = listener;
  }

  async openTransport(request: OpenTransportRequest): Promise<OpenedTransport> {
    const { transportId, broadcast } = request;
    const publisher = request.role === 'publisher';
    const ready = this.#members.filter((member) => member.ready).map(({ index }) => index);
    const worker = this.#placement.choose(broadcast, publisher, ready);
    const member = worker === undefined ? undefined : this.#members[worker];
    if (!member) throw new FanlightError('worker_unavailable', undefined, { retryAfterSeconds: 1 });
    this.#placement.add(transportId, { worker: member.index, broadcast, publisher });
    try {
      const opened = await this.#ask<Omit<OpenedTransport, 'worker'>>(member, (id) => ({
        type: 'open',
        request: id,
        transport: request,
      }));
      if (publisher) this.#placement.becomeSource(transportId);
      return { ...opened, worker: member.index };
    } catch (error) {
      this.#placement.remove(transportId);
      throw error;
    }
  }

  async restartIce(transportId: string): Promise<IceDescription> {
    const member = this.#memberOf(transportId);
    if (!member) throw new FanlightError('unknown_session');
    return this.#ask<IceDescription>(member, (request) => ({ type: 'restart-ice', request, transportId }));
  }

  async viewerQuality(broadcast: string): Promise<readonly ViewerQuality[]> {
    const asked = this.#members
      .filter(({ ready }) => ready)
      .map((member) =>
        this.#ask<readonly ViewerQuality[]>(member, (request) => ({ type: 'quality', request, broadcast })).catch(
          () => [],
        ),
      );
    return (await Promise.all(asked)).flat();
  }

  closeTransport(transportId: string): void {
    const member = this.#memberOf(transportId);
    this.#placement.remove(transportId);
    if (member) this.#tell(member, { type: 'close', transportId });
  }

  endSource(broadcast: string): void {
    for (const member of this.#members) this.#tell(member, { type: 'end-source', broadcast });
  }

  beginSource(broadcast: string, sourceId: string): void {
    for (const member of this.#members) this.#tell(member, { type: 'begin-source', broadcast, sourceId });
  }

  sendData(broadcast: string, message: DataMessage, timedBy?: string): void {
    for (const member of this.#members) this.#tell(member, { type: 'data', broadcast, message, timedBy });
  }

  openDataLabel(broadcast: string, label: string): void {
    for (const member of this.#members) this.#tell(member, { type: 'open-label', broadcast, label });
  }

  startData(transportId: string, labels: readonly string[], snapshot: readonly DataMessage[]): void {
    const member = this.#memberOf(transportId);
    if (member) this.#tell(member, { type: 'start-data', transportId, labels, snapshot });
  }

  refuseData(transportId: string, label: string, code: ErrorCode): void {
    const member = this.#memberOf(transportId);
    if (member) this.#tell(member, { type: 'refuse-data', transportId, label, code });
  }

  /** Ends a worker as a crash would; it is started anew. For tests. */
  async kill(worker: number): Promise<void> {
    await this.#members[worker]?.thread?.terminate();
  }

  /** Stops all workers; their transports say goodbye to their peers. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(
      this.#members.map(async ({ thread }) => {
        if (!thread) return;
        const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
        thread.postMessage({ type: 'stop' } satisfies WorkerCommand);
        const deadline = setTimeout(() => void thread.terminate(), STOP_DEADLINE_MS);
        await ended;
        clearTimeout(deadline);
      }),
    );
  }

  #memberOf(transportId: string): Member | undefined {
    const worker = this.#placement.workerOf(transportId);
    return worker === undefined ? undefined : this.#members[worker];
  }

  #tell(member: Member, command: WorkerCommand): void {
    if (member.ready) member.thread?.postMessage(command);
  }

  #ask<T>(member: Member, command: (request: number) => WorkerCommand): Promise<T> {
    const request = this.#nextRequest++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(request, { worker: member.index, resolve: resolve as (result: unknown) => void, reject });
      this.#tell(member, command(request));
    });
  }

  #start(member: Member): Promise<void> {
    const { certificate, host, announcedAddresses, hostAddresses, clockOrigin, workers } = this.#options;
    const settings: WorkerSettings = {
      index: member.index,
      workers,
      udpPort: member.udpPort,
      host,
      certificate,
      announcedAddresses,
      hostAddresses,
      clockOrigin,
      fanout: this.#options.fanout,
      startMemory: this.#options.startMemory,
      maxPendingTransports: Math.ceil(this.#options.maxPendingTransports / workers),
    };
    const thread = new Worker(new URL('../worker.ts', import.meta.url), {
      workerData: settings,
      name: `media-${member.index}`,
    });
    member.thread = thread;
    const startedAtMs = Date.now();
    thread.on('error', (error) => this.#options.log.error({ worker: member.index, err: error }, 'media worker failed'));
    thread.on('exit', () => this.#died(member, Date.now() - startedAtMs));
    return new Promise<void>((resolve, reject) => {
      thread.once('exit', () => reject(new Error(`media worker ${member.index} ended at its start`)));
      thread.on('message', (event: WorkerEvent) => {
        if (event.type === 'ready') {
          member.ready = true;
          member.udpPort = event.udpPort;
          this.#options.log.info({ worker: member.index, fanout: event.fanout }, 'media worker started');
          this.#options.onStarted(member.index);
          this.#introduce(member);
          resolve();
        } else if (event.type === 'bind-failed') {
          reject(new UdpBindError(member.udpPort, event.errno));
        } else if (event.type === 'engine-failed') {
          reject(new EngineError(event.reason));
        } else {
          this.#receive(member, event);
        }
      });
    });
  }

  /** Lines from a new worker to all others, and what it must know of broadcasts. */
  #introduce(member: Member): void {
    for (const other of this.#members) {
      if (other === member || !other.ready) continue;
      const { port1, port2 } = new MessageChannel();
      member.thread?.postMessage({ type: 'link', worker: other.index, port: port1 } satisfies WorkerCommand, [port1]);
      other.thread?.postMessage({ type: 'link', worker: member.index, port: port2 } satisfies WorkerCommand, [port2]);
    }
    for (const [broadcast, worker] of this.#placement.sources())
      this.#tell(member, { type: 'source', broadcast, worker });
  }

  #receive(member: Member, event: Exclude<WorkerEvent, { type: 'ready' | 'bind-failed' | 'engine-failed' }>): void {
    switch (event.type) {
      case 'reply':
        this.#settle(event);
        return;
      case 'transport':
        if (event.event.type === 'closed') {
          const { transportId, reason } = event.event;
          this.#options.log.info(
            { worker: member.index, transportId, reason, detail: event.detail },
            'transport ended',
          );
          this.#placement.remove(transportId);
        }
        this.#listener(event.event);
        return;
      case 'counters':
        this.#placement.report(member.index, event.counters.sendLoad);
        this.#options.onCounters(member.index, event.counters);
        return;
      case 'trouble':
        this.#options.log.warn({ worker: member.index }, event.message);
    }
  }

  #settle({ request, result, failure }: Extract<WorkerEvent, { type: 'reply' }>): void {
    const pending = this.#pending.get(request);
    this.#pending.delete(request);
    if (failure) pending?.reject(new FanlightError(failure.code, failure.detail));
    else pending?.resolve(result);
  }

  #died(member: Member, livedMs: number): void {
    const wasReady = member.ready;
    member.ready = false;
    member.thread = undefined;
    for (const [request, pending] of this.#pending) {
      if (pending.worker !== member.index) continue;
      this.#pending.delete(request);
      pending.reject(new FanlightError('worker_unavailable', undefined, { retryAfterSeconds: 1 }));
    }
    if (this.#closed) return;
    this.#placement.forget(member.index);
    const lost = this.#placement.on(member.index);
    for (const transportId of lost) {
      this.#placement.remove(transportId);
      this.#listener({ type: 'closed', transportId, reason: 'worker-died' });
    }
    // A worker that never was ready is reported by start().
    if (!wasReady) return;
    member.failures = livedMs > HEALTHY_AFTER_MS ? 0 : member.failures + 1;
    this.#options.log.error({ worker: member.index, transports: lost.length }, 'media worker died; starting it anew');
    this.#restartLater(member);
  }

  #restartLater(member: Member): void {
    const delayMs = Math.min(RESTART_DELAY_MS * 2 ** member.failures, MAX_RESTART_DELAY_MS);
    setTimeout(() => {
      if (this.#closed) return;
      this.#start(member).catch((error: unknown) => {
        this.#options.log.error({ worker: member.index, err: error }, 'media worker did not start');
        member.failures++;
        this.#restartLater(member);
      });
    }, delayMs).unref();
  }
}
