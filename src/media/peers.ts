// The publishers and viewers of a media worker: opens them from offers, restarts their ICE, closes them. It must not know
// commands, other workers, or what passes between peers.

import { randomInt } from 'node:crypto';
import type {
  IceDescription,
  OpenedTransport,
  OpenTransportRequest,
  Role,
  TransportEvent,
} from '../broadcast/ports.ts';
import { FanlightError } from '../errors.ts';
import type { Audience } from './egress/audience.ts';
import { type RtpCounters, ViewerPeer } from './egress/viewer-peer.ts';
import { CNAME, distinctSsrcs, newCredentials, newSsrc } from './identifiers.ts';
import { PublisherPeer } from './publisher-peer.ts';
import { type Negotiation, negotiatePublisher, negotiateViewer, writeAnswer } from './sdp/answer.ts';
import { parseOffer } from './sdp/offer.ts';
import { OfferMemory } from './sdp/offer-memory.ts';
import { candidateLines } from './transport/candidates.ts';
import { Transport } from './transport/transport.ts';
import type { UdpFront } from './transport/udp-front.ts';
import type { SourceItem, WorkerSettings } from './worker-protocol.ts';

export interface PeersOptions {
  readonly settings: WorkerSettings;
  readonly front: UdpFront;
  readonly audience: Audience;
  readonly counters: RtpCounters;
  /** Unix ms with fractions, that only go forward. */
  readonly now: () => number;
  /** `sourceId`: the transport of the publisher. */
  readonly onItem: (broadcast: string, sourceId: string, item: SourceItem) => void;
  readonly tell: (event: TransportEvent, detail?: string) => void;
  readonly onTrouble: (error: unknown) => void;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #audience: Audience;
  /** By transport. */
  readonly #publishers = new Map<string, PublisherPeer>();
  /** The same by broadcast, so that a wish for a key frame looks at no others. The oldest first. */
  readonly #publishersOf = new Map<string, Set<PublisherPeer>>();
  /** Transports that nobody has come for yet, and some for which somebody just has. */
  readonly #pending = new Set<Transport>();
  readonly #offers = new OfferMemory();

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#audience = options.audience;
  }

  /** Errors: transport_limit, and those of a bad offer. After an error call `close`. */
  open(request: OpenTransportRequest): Omit<OpenedTransport, 'worker'> {
    const { settings, front, now, onTrouble } = this.#options;
    if (this.#pending.size >= settings.maxPendingTransports) this.forgetStarted();
    if (this.#pending.size >= settings.maxPendingTransports) throw new FanlightError('transport_limit');

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
      front,
      certificate: settings.certificate,
      dtlsRole: negotiation.dtlsRole,
      remoteFingerprints: offer.fingerprints,
      sctpPort: negotiation.data?.sctpPort,
      role: request.role,
      hasMedia: negotiation.media.length > 0,
      now,
      onTrouble,
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
        fingerprint: settings.certificate.fingerprint,
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

  /** Errors: unknown_session. */
  restartIce(transportId: string): IceDescription {
    const publisher = this.#publishers.get(transportId);
    const transport = (publisher ?? this.#audience.viewer(transportId))?.transport;
    if (!transport) throw new FanlightError('unknown_session');
    const credentials = newCredentials();
    transport.restartIce(credentials);
    return { ...credentials, candidates: this.#candidates(publisher ? 'publisher' : 'viewer', []) };
  }

  close(transportId: string): void {
    this.#publishers.get(transportId)?.close();
    this.#removePublisher(transportId);
    this.#audience.viewer(transportId)?.close();
    this.#audience.remove(transportId);
  }

  publisher(transportId: string): PublisherPeer | undefined {
    return this.#publishers.get(transportId);
  }

  /** The oldest first; two while one takes over from the other. */
  publishersOf(broadcast: string): readonly PublisherPeer[] {
    return [...(this.#publishersOf.get(broadcast) ?? [])];
  }

  get publishers(): Iterable<PublisherPeer> {
    return this.#publishers.values();
  }

  get transports(): Transport[] {
    return [...this.#publishers.values(), ...this.#audience.viewers].flatMap(({ transport }) => transport ?? []);
  }

  /** Whoever came is not pending any more. To be called now and then. */
  forgetStarted(): void {
    for (const transport of this.#pending) if (!transport.isPending) this.#pending.delete(transport);
  }

  #addPublisher({ transportId: id, broadcast }: OpenTransportRequest, { media }: Negotiation): PublisherPeer {
    const { counters, now, settings, onItem, tell } = this.#options;
    const peer = new PublisherPeer({
      id,
      broadcast,
      media,
      ssrc: newSsrc(),
      cname: CNAME,
      counters,
      now,
      startMemory: settings.startMemory,
      onItem: (item) => onItem(broadcast, id, item),
      tell,
      onEnd: () => this.#removePublisher(id),
    });
    this.#publishers.set(id, peer);
    const others = this.#publishersOf.get(broadcast);
    if (others) others.add(peer);
    else this.#publishersOf.set(broadcast, new Set([peer]));
    return peer;
  }

  #removePublisher(transportId: string): void {
    const peer = this.#publishers.get(transportId);
    if (!peer) return;
    this.#publishers.delete(transportId);
    const others = this.#publishersOf.get(peer.broadcast);
    if (others?.delete(peer) && others.size === 0) this.#publishersOf.delete(peer.broadcast);
  }

  #addViewer({ transportId: id, broadcast }: OpenTransportRequest, negotiation: Negotiation): ViewerPeer {
    const { counters, now, tell } = this.#options;
    const onEnd = () => this.#audience.remove(id);
    return this.#audience.add(
      id,
      broadcast,
      (relay) => new ViewerPeer({ id, relay, negotiation, counters, now, tell, onEnd }),
    );
  }

  #candidates(role: Role, hints: readonly string[]): string[] {
    const { settings, front } = this.#options;
    return candidateLines({
      announced: settings.announcedAddresses,
      host: settings.hostAddresses,
      hints,
      role,
      port: front.port,
      ipv6: front.hasIpv6,
    });
  }
}
