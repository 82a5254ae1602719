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

/** What we tell the peer that it may have on its way or waiting behind a lost packet; four of the largest messages. */
const RECEIVE_WINDOW_BYTES = 256 * 1024;
/** Fragments of messages that are not whole yet. No peer that keeps to the window gets there. */
const MAX_REASSEMBLY_BYTES = RECEIVE_WINDOW_BYTES + 64 * 1024;
/** Streams that a peer may use; each costs memory in werift. */
const MAX_INBOUND_STREAMS = 256;
/** Chunks that arrived behind a lost one; werift sorts them all for each packet. */
const MAX_MISORDERED_CHUNKS = 2048;
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
  sackMisOrdered: ReadonlySet<number>;
  localVerificationTag: number;
}

export class Sctp {
  readonly #options: SctpOptions;
  readonly #transport: RTCSctpTransport;
  #uninspectedBytes = 0;
  #connected = false;
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
    // Said again whenever the peer repeats its cookie, because our answer to it was lost.
    sctp.stateChanged.connected.subscribe(() => {
      if (this.#closed || this.#connected) return;
      this.#connected = true;
      options.onConnected();
    });
    sctp.stateChanged.closed.subscribe(() => this.#peerClosed());
    this.#internals.advertisedRwnd = RECEIVE_WINDOW_BYTES;
    this.#transport.start(options.remotePort).catch(() => this.#peerClosed());
  }

  /** A packet from the peer. Never throws. */
  receive(packet: Buffer): void {
    if (this.#closed || !isSafe(packet)) return;
    if (this.#isEnding(packet)) {
      this.#peerClosed();
      return;
    }
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
    if (this.#closed) return;
    const internals = this.#internals;
    for (const stream of Object.values(internals.inboundStreams)) {
      let popped = stream.reassembly.length > 0;
      while (popped) {
        popped = false;
        for (const [streamId, ppid, payload] of stream.popMessages()) {
          // The owner may have closed us for the message before.
          if (this.#closed) return;
          popped = true;
          internals.advertisedRwnd += payload.length;
          this.#options.onMessage(streamId, ppid, payload);
        }
      }
    }
  }

  /** ABORT or SHUTDOWN, which stand first in their packet (RFC 9260 §3.3.7, §3.3.8), for this very association. */
  #isEnding(packet: Buffer): boolean {
    return (
      ENDINGS.has(packet[COMMON_HEADER_BYTES] ?? 0) && packet.readUInt32BE(4) === this.#internals.localVerificationTag
    );
  }

  #exceedsLimits(): boolean {
    const { inboundStreams, sackMisOrdered } = this.#internals;
    const streams = Object.values(inboundStreams);
    if (streams.length > MAX_INBOUND_STREAMS || sackMisOrdered.size > MAX_MISORDERED_CHUNKS) return true;
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

const COMMON_HEADER_BYTES = 12;
/** Types of ABORT and SHUTDOWN. */
const ENDINGS = new Set([6, 7]);
const CHUNK_HEADER_BYTES = 4;
const SACK = 3;
/** Chunks that hold a list of parameters, and where in them it starts: INIT, INIT ACK, HEARTBEAT, its ACK, ABORT, ERROR, RE-CONFIG. */
const PARAMETERS_AT: ReadonlyMap<number, number> = new Map([
  [1, 16],
  [2, 16],
  [4, 0],
  [5, 0],
  [6, 0],
  [9, 0],
  [130, 0],
]);
/** More than we ever have on its way. */
const MAX_ACKNOWLEDGED_CHUNKS = 8192;

/**
 * Whether werift can read the packet in bounded time. A length of 0 leads it in a circle that ends when the memory
 * does, and each gap of a SACK (up to 65,536 wide, hundreds in a packet) is walked through number by number.
 */
function isSafe(packet: Buffer): boolean {
  let offset = COMMON_HEADER_BYTES;
  while (packet.length - offset >= CHUNK_HEADER_BYTES) {
    const type = packet.readUInt8(offset);
    const length = packet.readUInt16BE(offset + 2);
    if (length < CHUNK_HEADER_BYTES || offset + length > packet.length) return false;
    const body = packet.subarray(offset + CHUNK_HEADER_BYTES, offset + length);
    const parametersAt = PARAMETERS_AT.get(type);
    if (parametersAt !== undefined && !hasSafeParameters(body.subarray(parametersAt))) return false;
    if (type === SACK && acknowledgedInGaps(body) > MAX_ACKNOWLEDGED_CHUNKS) return false;
    offset += padded(length);
  }
  return true;
}

function hasSafeParameters(parameters: Buffer): boolean {
  let offset = 0;
  while (parameters.length - offset >= CHUNK_HEADER_BYTES) {
    const length = parameters.readUInt16BE(offset + 2);
    if (length < CHUNK_HEADER_BYTES) return false;
    offset += padded(length);
  }
  return true;
}

/** RFC 9260 §3.3.4: acknowledged up to, window, number of gap blocks and of duplicates, then start and end of each block. */
function acknowledgedInGaps(sack: Buffer): number {
  const firstGapAt = 12;
  if (sack.length < firstGapAt) return 0;
  const end = Math.min(sack.length - 4, firstGapAt + 4 * (sack.readUInt16BE(8) - 1));
  let chunks = 0;
  for (let offset = firstGapAt; offset <= end; offset += 4) {
    chunks += Math.max(0, sack.readUInt16BE(offset + 2) - sack.readUInt16BE(offset) + 1);
  }
  return chunks;
}

/** Chunks and parameters start at multiples of four bytes. */
function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
