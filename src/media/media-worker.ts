// The heart of a media worker: ties its peers, relays and links to other workers together, driven by commands. It runs in
// any thread; worker.ts ties it to its own. It must not know sessions, HTTP or the store.

import { TIMED_LABEL } from '../broadcast/ports.ts';
import { FanlightError } from '../errors.ts';
import { Audience } from './egress/audience.ts';
import { CatchUpTurns } from './egress/catch-up-turns.ts';
import { ViewerData } from './egress/viewer-data.ts';
import type { RtpCounters } from './egress/viewer-peer.ts';
import type { FanoutEngine } from './fanout/engine.ts';
import { SendLoad } from './fanout/gatherer.ts';
import { Peers } from './peers.ts';
import { SourceLinks } from './source-links.ts';
import type { UdpFront } from './transport/udp-front.ts';
import type {
  Past,
  Reply,
  SourceItem,
  WorkerCommand,
  WorkerCounters,
  WorkerEvent,
  WorkerSettings,
} from './worker-protocol.ts';

/** Losses must be asked for within a frame or two. */
const PUBLISHER_TICK_MS = 20;
const TICK_MS = 250;
/** A look that comes so late finds packets that wait at the socket: the thread was busy, not the peers silent. */
const LATE_TICK_MS = 1_000;
/** Reports to viewers are due once a second each; looked at so often, they are spread. */
const VIEWER_TICK_MS = 50;

export interface MediaWorkerOptions {
  readonly settings: WorkerSettings;
  readonly front: UdpFront;
  /** Sends on the front's socket; closed with the worker. */
  readonly engine: FanoutEngine;
  readonly emit: (event: WorkerEvent) => void;
  /** Unix ms with fractions, that only go forward. */
  readonly now: () => number;
}

export class MediaWorker {
  readonly #front: UdpFront;
  readonly #emit: (event: WorkerEvent) => void;
  readonly #now: () => number;
  readonly #audience: Audience;
  readonly #peers: Peers;
  readonly #viewerData: ViewerData;
  readonly #links: SourceLinks;
  readonly #engine: FanoutEngine;
  readonly #load: SendLoad;
  readonly #timers: NodeJS.Timeout[];
  #tickedAtMs: number;
  readonly #counters: RtpCounters = {
    rtpPacketsReceived: 0,
    dataMessagesSent: 0,
    rtpPacketsDropped: {},
  };
  #timedMessagesDropped = 0;

  constructor({ settings, front, engine, emit, now }: MediaWorkerOptions) {
    this.#front = front;
    this.#engine = engine;
    this.#emit = emit;
    this.#now = now;
    this.#tickedAtMs = now();
    this.#load = new SendLoad(now);
    this.#links = new SourceLinks({
      index: settings.index,
      onItems: (broadcast, sourceId, items) => {
        const relay = this.#audience.relay(broadcast);
        for (const item of items) relay?.receive(sourceId, item);
      },
      onPast: (broadcast, sourceId, past) => this.#audience.relay(broadcast)?.remember(sourceId, past),
      pastOf: (broadcast) => this.#pastOf(broadcast),
      onKeyFrameWish: (broadcast) => this.#askPublishersHere(broadcast),
    });
    this.#audience = new Audience({
      engine,
      load: this.#load,
      now,
      startMemory: settings.startMemory,
      catchUpTurns: new CatchUpTurns(now, settings.workers),
      wishKeyFrame: (broadcast) => {
        this.#askPublishersHere(broadcast);
        this.#links.wishKeyFrame(broadcast);
      },
      sendTimed: (broadcast, message) => this.#viewerData.send(broadcast, message),
      onTimedDropped: () => this.#timedMessagesDropped++,
      onWanted: (broadcast, wanted) => {
        this.#links.setWanted(broadcast, wanted);
        const past = wanted ? this.#pastOf(broadcast) : undefined;
        if (past) this.#audience.relay(broadcast)?.remember(past.sourceId, past);
      },
    });
    this.#viewerData = new ViewerData(this.#audience);
    this.#peers = new Peers({
      settings,
      front,
      audience: this.#audience,
      counters: this.#counters,
      now,
      onItem: (broadcast, sourceId, item) => this.#fromPublisher(broadcast, sourceId, item),
      tell: (event, detail) => this.#tell(event, detail),
      onTrouble: (error) => this.#trouble('transport', error),
    });
    this.#timers = [
      setInterval(() => this.#tickPublishers(), PUBLISHER_TICK_MS),
      setInterval(() => this.#tickTransports(), TICK_MS),
      setInterval(() => this.#tickViewers(), VIEWER_TICK_MS),
    ];
  }

  /** All but `stop`, which the thread carries out. */
  handle(command: Exclude<WorkerCommand, { type: 'stop' }>): void {
    switch (command.type) {
      case 'open':
        this.#reply(
          command.request,
          () => this.#peers.open(command.transport),
          () => this.#peers.close(command.transport.transportId),
        );
        return;
      case 'restart-ice':
        this.#reply(command.request, () => this.#peers.restartIce(command.transportId));
        return;
      case 'quality':
        this.#reply(command.request, () => this.#audience.quality(command.broadcast));
        return;
      case 'close':
        this.#peers.close(command.transportId);
        return;
      case 'data':
        this.#sendData(command);
        return;
      case 'open-label':
        this.#viewerData.openLabel(command.broadcast, command.label);
        return;
      case 'start-data':
        this.#viewerData.start(command.transportId, command.labels, command.snapshot);
        return;
      case 'refuse-data':
        this.#peers.publisher(command.transportId)?.refuse(command.label, command.code);
        return;
      case 'link':
        this.#links.connect(command.worker, command.port);
        return;
      case 'end-source':
        this.#audience.endSource(command.broadcast);
        return;
      case 'begin-source':
        this.#audience.beginSource(command.broadcast, command.sourceId);
        return;
      case 'source':
        this.#links.setSource(command.broadcast, command.worker);
    }
  }

  /** Absolute since the start; the event loop's lag is the thread's to know. */
  counters(): Omit<WorkerCounters, 'eventLoopLagSeconds'> {
    const { dropped, sendFailures } = this.#front;
    const sent = this.#engine.counters();
    return {
      ...this.#counters,
      timedMessagesDropped: this.#timedMessagesDropped,
      rtpPacketsSent: sent.packetsSent,
      rtpBytesSent: sent.bytesSent,
      sendLoad: this.#load.share,
      fanoutMembers: sent.members,
      rtpPacketsDropped: {
        ...this.#counters.rtpPacketsDropped,
        'unknown-address': dropped['unknown-address'],
        'send-failed': sendFailures + sent.packetsFailed,
        'send-blocked': sent.packetsBlocked,
      },
    };
  }

  /** Says goodbye to every peer and closes the socket. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#viewerData.stop();
    for (const { id } of this.#peers.transports) this.#peers.close(id);
    this.#audience.close();
    this.#links.close();
    // Before the socket, on which it sends.
    this.#engine.close();
    await this.#front.close();
  }

  #reply(request: number, work: () => Reply, undo: () => void = () => {}): void {
    try {
      this.#emit({ type: 'reply', request, result: work() });
    } catch (error) {
      undo();
      if (error instanceof FanlightError) {
        this.#emit({ type: 'reply', request, failure: { code: error.code, detail: error.detail } });
        return;
      }
      this.#trouble('offer', error);
      this.#emit({ type: 'reply', request, failure: { code: 'internal', detail: undefined } });
    }
  }

  #sendData({ broadcast, message, timedBy }: Extract<WorkerCommand, { type: 'data' }>): void {
    if (message.label === TIMED_LABEL) this.#audience.relay(broadcast)?.timed.accept(message, timedBy);
    else this.#viewerData.send(broadcast, message);
  }

  #fromPublisher(broadcast: string, sourceId: string, item: SourceItem): void {
    this.#audience.relay(broadcast)?.receive(sourceId, item);
    this.#links.publish(broadcast, sourceId, item);
  }

  /** Of the publisher that is here; after a takeover of the newest one. */
  #pastOf(broadcast: string): (Past & { sourceId: string }) | undefined {
    const publisher = this.#peers.publishersOf(broadcast).at(-1);
    return publisher && { sourceId: publisher.id, ...publisher.past };
  }

  #askPublishersHere(broadcast: string): void {
    const nowMs = this.#now();
    for (const peer of this.#peers.publishersOf(broadcast)) peer.wishKeyFrame(nowMs);
  }

  #tickPublishers(): void {
    const nowMs = this.#now();
    for (const peer of this.#peers.publishers) peer.tick(nowMs);
  }

  #tickTransports(): void {
    const nowMs = this.#now();
    const isLate = nowMs - this.#tickedAtMs > LATE_TICK_MS;
    this.#tickedAtMs = nowMs;
    if (isLate) return;
    for (const transport of this.#peers.transports) transport.tick(nowMs);
    this.#peers.forgetStarted();
  }

  #tickViewers(): void {
    const nowMs = this.#now();
    for (const viewer of this.#audience.viewers) viewer.tick(nowMs);
  }

  #trouble(what: string, error: unknown): void {
    this.#emit({ type: 'trouble', message: `${what} failed: ${error instanceof Error ? error.stack : String(error)}` });
  }

  #tell(event: Extract<WorkerEvent, { type: 'transport' }>['event'], detail: string | undefined): void {
    this.#emit({ type: 'transport', event, ...(detail === undefined ? {} : { detail }) });
  }
}
