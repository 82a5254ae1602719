// What the media plane tells, translated into the lives of sessions, labels and messages.
// It must not know why something happened on the wire, nor who asks for what over HTTP.

import type { ErrorCode } from '../errors.ts';
import type { Track } from '../rtp/codec.ts';
import type { Broadcast } from './broadcast.ts';
import type { LayerBoard } from './layer-board.ts';
import type { Clock, DataMessage, MediaPort, TransportEvent } from './ports.ts';
import { CONTROL_LABEL } from './ports.ts';
import type { Log, Roster } from './roster.ts';
import type { Session } from './session/session.ts';

export class MediaListener {
  readonly #media: MediaPort;
  readonly #clock: Clock;
  readonly #roster: Roster;
  readonly #layers: LayerBoard;
  readonly #log: Log | undefined;

  constructor(options: { media: MediaPort; clock: Clock; roster: Roster; layers: LayerBoard; log: Log | undefined }) {
    this.#media = options.media;
    this.#clock = options.clock;
    this.#roster = options.roster;
    this.#layers = options.layers;
    this.#log = options.log;
  }

  handle(event: TransportEvent): void {
    const session = this.#roster.sessionOfTransport(event.transportId);
    // A transport that was replaced or closed may still have events under way.
    if (session === undefined) return;
    switch (event.type) {
      case 'connected':
      case 'active':
        this.#roster.apply(session, event.type);
        break;
      case 'silent':
        this.#roster.fellSilent(session, event.forMs);
        break;
      case 'progress':
        this.#roster.announcer.emit({ type: 'progress', sessionId: session.id, step: event.step, atMs: event.atMs });
        break;
      case 'closed':
        this.#log?.info({ broadcast: session.broadcast, role: session.role, reason: event.reason }, 'transport closed');
        this.#roster.transportClosed(session, event.reason);
        break;
      case 'tracks':
        this.#onTracks(session, event.tracks);
        break;
      case 'layers':
        if (session.role === 'publisher') this.#layers.set(session.broadcast, event.layers);
        break;
      case 'data-channel':
        this.#onDataChannel(session, event.transportId, event.label);
        break;
      case 'data':
        this.#onData(session, event.transportId, event.message);
        break;
      case 'data-ready':
        this.#onDataReady(session, event.transportId);
        break;
      case 'data-lost': {
        const { label, messages } = event;
        this.#roster.announcer.emit({ type: 'data-lost', sessionId: session.id, label, messages });
        break;
      }
    }
  }

  #onTracks(session: Session, tracks: readonly Track[]): void {
    const broadcast = this.#publishedBy(session);
    if (!broadcast) return;
    broadcast.setTracks(tracks);
    this.#roster.settle(broadcast);
  }

  #onDataChannel(session: Session, transportId: string, label: string): void {
    const broadcast = this.#publishedBy(session);
    if (!broadcast || label === CONTROL_LABEL) return;
    const result = broadcast.data.openLabel(label);
    if (result.outcome === 'opened') this.#media.openDataLabel(broadcast.name, label);
    if (result.outcome === 'refused') this.#tellRefusal(broadcast, transportId, label, result.code);
  }

  #onData(session: Session, transportId: string, message: DataMessage): void {
    const broadcast = this.#publishedBy(session);
    if (!broadcast || message.label === CONTROL_LABEL) return;
    const result = this.#roster.relay(broadcast, message);
    if (result.outcome === 'refused') this.#tellRefusal(broadcast, transportId, message.label, result.code);
  }

  #onDataReady(session: Session, transportId: string): void {
    const broadcast = this.#roster.broadcast(session.broadcast);
    if (!broadcast || session.role !== 'viewer') return;
    this.#media.startData(transportId, broadcast.data.labels, broadcast.data.snapshot);
  }

  #tellRefusal(broadcast: Broadcast, transportId: string, label: string, code: ErrorCode): void {
    if (broadcast.data.mayTellRefusal(this.#clock.now())) this.#media.refuseData(transportId, label, code);
  }

  /** Viewers send nothing that others get. */
  #publishedBy(session: Session): Broadcast | undefined {
    return session.role === 'publisher' ? this.#roster.broadcast(session.broadcast) : undefined;
  }
}
