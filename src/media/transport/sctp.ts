// One SCTP association (RFC 8831 over RFC 8261): werift's, with its doors closed: nothing a peer sends may throw into
// the process, grow without bound or strand a message. It must not know data channels or labels.

import { Event, RTCSctpTransport } from 'werift';

/** Payload protocol identifiers (RFC 8831 §8). */
export const PPID_DCEP = 50;
export const PPID_TEXT = 51;
export const PPID_BINARY = 53;
export const PPID_TEXT_EMPTY = 56;
export const PPID_BINARY_EMPTY = 57;

export interface SctpOptions {
  readonly remotePort: number;
  /** Sends one packet over DTLS. */
  readonly send: (packet: Buffer) => Promise<void>;
  readonly onConnected: () => void;
  readonly onMessage: (streamId: number, ppid: number, payload: Buffer) => void;
  /** The peer ended the association, or broke a limit. */
  readonly onClosed: () => void;
  /** The peer closed these streams. */
  readonly onStreamsReset: (streamIds: readonly number[]) => void;
  /** Room for more: the outbound queue got shorter. */
  readonly onDrain: () => void;
}

/** Fragments of messages that are not whole yet; four of the largest messages. */
const MAX_REASSEMBLY_BYTES = 256 * 1024;
/** Streams that a peer may use; each costs memory in werift. */
const MAX_INBOUND_STREAMS = 256;
/** How many bytes come in between two looks at those limits. */
const INSPECT_EVERY_BYTES = 64 * 1024;

/** The members of werift's SCTP that are private there. `werift-contract.test.ts` holds them. */
interface SctpInternals {
  handleData(packet: Buffer): Promise<void>;
  inboundStreams: Record<
    number,
    { reassembly: { userData: Buffer }[]; popMessages(): Iterable<[number, number, Buffer]> }
  >;
  advertisedRwnd: number;
}

export class Sctp {
  readonly #options: SctpOptions;
  readonly #transport: RTCSctpTransport;
  #uninspectedBytes = 0;
  #closed = false;

  constructor(options: SctpOptions) {
    this.#options = options;
    this.#transport = new RTCSctpTransport(5000);
    // What werift calls a DTLS transport; only these members are used by its SCTP side.
    const dtls = {
      id: 'fanlight',
      onStateChange: new Event<[string]>(),
      // Not controlling: werift waits for the peer's INIT, which browsers and libdatachannel always send.
      iceTransport: { role: 'controlled' },
      dataReceiver: () => {},
      sendData: options.send,
    };
    this.#transport.setDtlsTransport(dtls as never);
    const sctp = this.#transport.sctp;
    // werift's own data channels throw on what they do not know; ours (data-channels.ts) take the messages instead.
    sctp.onReceive.allUnsubscribe();
    sctp.onReceive.subscribe((streamId, ppid, payload) => options.onMessage(streamId, ppid, payload));
    sctp.onReconfigStreams.subscribe((streamIds) => options.onStreamsReset(streamIds));
    sctp.onSackReceived = async () => {
      if (!this.#closed) options.onDrain();
    };
    sctp.stateChanged.connected.subscribe(() => {
      if (!this.#closed) options.onConnected();
    });
    sctp.stateChanged.closed.subscribe(() => this.#peerClosed());
    this.#transport.start(options.remotePort).catch(() => this.#peerClosed());
  }

  /** A packet from the peer. Never throws. */
  receive(packet: Buffer): void {
    if (this.#closed) return;
    this.#internals
      .handleData(packet)
      .then(() => this.#popStranded())
      // A bad checksum, an unknown chunk type and the like: the packet is dropped, the association goes on.
      .catch(() => {});
    this.#uninspectedBytes += packet.length;
    if (this.#uninspectedBytes < INSPECT_EVERY_BYTES) return;
    this.#uninspectedBytes = 0;
    if (this.#exceedsLimits()) this.#peerClosed();
  }

  /** Queues one message, reliable and in order. An empty payload must be sent as one byte under an `_EMPTY` id (RFC 8831 §6.6). */
  send(streamId: number, ppid: number, payload: Buffer): void {
    if (this.#closed || payload.length === 0) return;
    this.#transport.sctp.send(streamId, ppid, payload, { ordered: true }).catch(() => {});
  }

  /** Packets queued for the peer that its window has no room for yet. */
  get queuedPackets(): number {
    return this.#transport.sctp.outboundQueue.length;
  }

  /** Aborts the association. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#transport.sctp.onReceive.allUnsubscribe();
    this.#transport.sctp.onSackReceived = async () => {};
    this.#transport.stop().catch(() => {});
  }

  get #internals(): SctpInternals {
    return this.#transport.sctp as unknown as SctpInternals;
  }

  /**
   * werift hands out at most one run of messages per arriving fragment, so that messages stay behind when two data
   * channels interleave with reordering (its issue 706): ask again until nothing comes.
   */
  #popStranded(): void {
    const internals = this.#internals;
    for (const stream of Object.values(internals.inboundStreams)) {
      let popped = stream.reassembly.length > 0;
      while (popped) {
        popped = false;
        for (const [streamId, ppid, payload] of stream.popMessages()) {
          popped = true;
          internals.advertisedRwnd += payload.length;
          this.#options.onMessage(streamId, ppid, payload);
        }
      }
    }
  }

  #exceedsLimits(): boolean {
    const streams = Object.values(this.#internals.inboundStreams);
    if (streams.length > MAX_INBOUND_STREAMS) return true;
    let bytes = 0;
    for (const { reassembly } of streams) {
      for (const { userData } of reassembly) bytes += userData.length;
    }
    return bytes > MAX_REASSEMBLY_BYTES;
  }

  #peerClosed(): void {
    if (this.#closed) return;
    this.close();
    this.#options.onClosed();
  }
}
