// The heart of a media worker: peers and relays on one UDP front, driven by commands. It runs in any thread;
// worker.ts ties it to its own. It must not know sessions, HTTP or the store.

import { randomInt } from 'node:crypto';
import {
  type IceDescription,
  type OpenedTransport,
  type OpenTransportRequest,
  type Role,
  TIMED_LABEL,
} from '../broadcast/ports.ts';
import { FanlightError } from '../errors.ts';
import { Audience } from './egress/audience.ts';
import { CatchUpBudget } from './egress/latecomers.ts';
import { ViewerData } from './egress/viewer-data.ts';
import { type RtpCounters, ViewerPeer } from './egress/viewer-peer.ts';
import type { FanoutEngine } from './fanout/engine.ts';
import { SendLoad } from './fanout/gatherer.ts';
import { CNAME, distinctSsrcs, newCredentials, newSsrc } from './identifiers.ts';
import { PublisherPeer } from './publisher-peer.ts';
import { type Negotiation, negotiatePublisher, negotiateViewer, writeAnswer } from './sdp/answer.ts';
import { parseOffer } from './sdp/offer.ts';
import { OfferMemory } from './sdp/offer-memory.ts';
import { SourceLinks } from './source-links.ts';
import { candidateLines } from './transport/candidates.ts';
import { Transport } from './transport/transport.ts';
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
  readonly #settings: WorkerSettings;
  readonly #front: UdpFront;
  readonly #emit: (event: WorkerEvent) => void;
  readonly #now: () => number;
  readonly #publishers = new Map<string, PublisherPeer>();
  readonly #audience: Audience;
  readonly #viewerData: ViewerData;
  /** Transports that nobody has come for yet, and some for which somebody just has. */
  readonly #pending = new Set<Transport>();
  readonly #offers = new OfferMemory();
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
    this.#settings = settings;
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
      catchUpBudget: new CatchUpBudget(),
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
          () => this.#open(command.transport),
          () => this.#close(command.transport.transportId),
        );
        return;
      case 'restart-ice':
        this.#reply(command.request, () => this.#restartIce(command.transportId));
        return;
      case 'quality':
        this.#reply(command.request, () => this.#audience.quality(command.broadcast));
        return;
      case 'close':
        this.#close(command.transportId);
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
        this.#publishers.get(command.transportId)?.refuse(command.label, command.code);
        return;
      case 'link':
        this.#links.connect(command.worker, command.port);
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
    for (const { id } of this.#transports()) this.#close(id);
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

  #open(request: OpenTransportRequest): Omit<OpenedTransport, 'worker'> {
    if (this.#pending.size >= this.#settings.maxPendingTransports) this.#forgetStarted();
    if (this.#pending.size >= this.#settings.maxPendingTransports) throw new FanlightError('transport_limit');

    const publishing = request.role === 'publisher';
    const offer = publishing ? parseOffer(request.offer) : this.#offers.parse(request.offer);
    const negotiation = publishing
      ? negotiatePublisher(offer)
      : negotiateViewer(offer, request.requiredTracks, distinctSsrcs());
    const peer = publishing ? this.#addPublisher(request, negotiation) : this.#addViewer(request, negotiation);
    const credentials = newCredentials();
    const transport = new Transport({
      id: request.transportId,
      owner: peer,
      credentials,
      front: this.#front,
      certificate: this.#settings.certificate,
      dtlsRole: negotiation.dtlsRole,
      remoteFingerprints: offer.fingerprints,
      sctpPort: negotiation.data?.sctpPort,
      role: request.role,
      hasMedia: negotiation.media.length > 0,
      now: this.#now,
      onTrouble: (error) => this.#trouble('transport', error),
    });
    peer.attach(transport);
    this.#pending.add(transport);
    const answer = writeAnswer(
      offer,
      negotiation,
      {
        iceUsernameFragment: credentials.usernameFragment,
        icePassword: credentials.password,
        candidates: this.#candidates(request.role, request.addressHints),
        fingerprint: this.#settings.certificate.fingerprint,
        sessionId: String(randomInt(2 ** 47)),
      },
      { direction: publishing ? 'recvonly' : 'sendonly', msid: `fanlight-${request.broadcast}`, cname: CNAME },
    );
    return {
      answer,
      iceTag: credentials.usernameFragment,
      tracks: peer instanceof PublisherPeer ? peer.ingress.tracks : [],
      codecs: publishing ? [] : negotiation.media.flatMap(({ codecs }) => [...codecs]),
    };
  }

  #sendData({ broadcast, message, timedBy }: Extract<WorkerCommand, { type: 'data' }>): void {
    if (message.label === TIMED_LABEL) this.#audience.relay(broadcast)?.timed.accept(message, timedBy);
    else this.#viewerData.send(broadcast, message);
  }

  #addPublisher({ transportId: id, broadcast }: OpenTransportRequest, { media }: Negotiation): PublisherPeer {
    const peer = new PublisherPeer({
      id,
      broadcast,
      media,
      ssrc: newSsrc(),
      cname: CNAME,
      counters: this.#counters,
      now: this.#now,
      startMemory: this.#settings.startMemory,
      onItem: (item) => this.#fromPublisher(broadcast, id, item),
      tell: (event, detail) => this.#tell(event, detail),
      onEnd: () => this.#publishers.delete(id),
    });
    this.#publishers.set(id, peer);
    return peer;
  }

  #addViewer({ transportId: id, broadcast }: OpenTransportRequest, negotiation: Negotiation): ViewerPeer {
    return this.#audience.add(
      id,
      broadcast,
      (relay) =>
        new ViewerPeer({
          id,
          relay,
          negotiation,
          counters: this.#counters,
          now: this.#now,
          tell: (event, detail) => this.#tell(event, detail),
          onEnd: () => this.#audience.remove(id),
        }),
    );
  }

  #restartIce(transportId: string): IceDescription {
    const publisher = this.#publishers.get(transportId);
    const transport = (publisher ?? this.#audience.viewer(transportId))?.transport;
    if (!transport) throw new FanlightError('unknown_session');
    const credentials = newCredentials();
    transport.restartIce(credentials);
    return { ...credentials, candidates: this.#candidates(publisher ? 'publisher' : 'viewer', []) };
  }

  #close(transportId: string): void {
    this.#publishers.get(transportId)?.close();
    this.#publishers.delete(transportId);
    this.#audience.viewer(transportId)?.close();
    this.#audience.remove(transportId);
  }

  #candidates(role: Role, hints: readonly string[]): string[] {
    return candidateLines({
      announced: this.#settings.announcedAddresses,
      host: this.#settings.hostAddresses,
      hints,
      role,
      port: this.#front.port,
      ipv6: this.#front.hasIpv6,
    });
  }

  #fromPublisher(broadcast: string, sourceId: string, item: SourceItem): void {
    this.#audience.relay(broadcast)?.receive(sourceId, item);
    this.#links.publish(broadcast, sourceId, item);
  }

  /** Of the publisher that is here; after a takeover of the newest one. */
  #pastOf(broadcast: string): (Past & { sourceId: string }) | undefined {
    const publisher = [...this.#publishers.values()].findLast((each) => each.broadcast === broadcast);
    return publisher && { sourceId: publisher.id, ...publisher.past };
  }

  #askPublishersHere(broadcast: string): void {
    const nowMs = this.#now();
    for (const peer of this.#publishers.values()) if (peer.broadcast === broadcast) peer.wishKeyFrame(nowMs);
  }

  #transports(): Transport[] {
    return [...this.#publishers.values(), ...this.#audience.viewers].flatMap(({ transport }) => transport ?? []);
  }

  #forgetStarted(): void {
    for (const transport of this.#pending) if (!transport.isPending) this.#pending.delete(transport);
  }

  #tickPublishers(): void {
    const nowMs = this.#now();
    for (const peer of this.#publishers.values()) peer.tick(nowMs);
  }

  #tickTransports(): void {
    const nowMs = this.#now();
    const isLate = nowMs - this.#tickedAtMs > LATE_TICK_MS;
    this.#tickedAtMs = nowMs;
    if (isLate) return;
    for (const transport of this.#transports()) transport.tick(nowMs);
    this.#forgetStarted();
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
