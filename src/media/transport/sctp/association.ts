// One SCTP association (RFC 9260, as RFC 8831 uses it): its states, and which chunk goes to which of its parts.
// Pure: time is an argument, packets leave by a function, nothing a peer sends throws. It must not know data channels.

import { readAcknowledgement } from './acknowledgement.ts';
import { Handshake } from './handshake.ts';
import type { Introduction } from './introduction.ts';
import * as packets from './packet.ts';
import { Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import { StreamResets } from './stream-resets.ts';

/** A single packet may wait so long for a second one before both are acknowledged (RFC 9260 §6.2 allows 500 ms). */
const SACK_DELAY_MS = 100;
const PACKETS_PER_SACK = 2;
/** ABORT and SHUTDOWN COMPLETE may carry the tag of the other direction (§8.5.1). */
const REFLECTED_TAG = 1;

export interface AssociationOptions {
  readonly localPort: number;
  readonly remotePort: number;
  /** Ours: random, not 0. */
  readonly tag: number;
  readonly initialTsn: number;
  /** Random bytes that nobody else knows, new for each call. */
  readonly newCookie: () => Buffer;
  readonly send: (packet: Buffer) => void;
  readonly onConnected: () => void;
  readonly onMessage: (streamId: number, ppid: number, payload: Buffer) => void;
  /** The peer ended the association, broke a limit or is gone. Not after `close()`. */
  readonly onClosed: () => void;
  readonly onStreamsReset: (streamIds: readonly number[]) => void;
  /** Something was acknowledged: there may be room for more. */
  readonly onDrain: () => void;
}

/** What exists once both sides know each other. */
interface Established {
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly resets: StreamResets;
}

export class Association {
  readonly #options: AssociationOptions;
  readonly #handshake: Handshake;
  #ended = false;
  #established: Established | undefined;
  /** Messages for streams that are being reset. */
  #held: { readonly streamId: number; readonly ppid: number; readonly payload: Buffer }[] = [];
  #unacknowledgedPackets = 0;
  #acknowledgeNow = false;
  #sackDueAtMs = Number.POSITIVE_INFINITY;
  /** Types in the packet under way of which the first chunk alone counts: hundreds fit in, and each would be work or an answer. */
  readonly #taken = new Set<number>();
  /** RE-CONFIG chunks of the packet under way. */
  readonly #reconfigurations: Buffer[] = [];

  constructor(options: AssociationOptions) {
    this.#options = options;
    const { tag, initialTsn, newCookie } = options;
    this.#handshake = new Handshake({
      tag,
      initialTsn,
      newCookie,
      transmit: (type, body) => this.#send(type, body),
      onDone: (peer) => this.#establish(peer),
    });
  }

  /** When `timedOut` has to be called; infinite while nothing is awaited. */
  get dueAtMs(): number {
    if (this.#ended) return Number.POSITIVE_INFINITY;
    const { sender, resets } = this.#established ?? {};
    return Math.min(
      this.#sackDueAtMs,
      this.#handshake.dueAtMs,
      sender?.dueAtMs ?? Number.POSITIVE_INFINITY,
      resets?.dueAtMs ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Whether what is sent now would wait behind something that waits already. */
  get isBlocked(): boolean {
    return this.#held.length > 0 || (this.#established?.sender.isBlocked ?? true);
  }

  /** Asks the peer for an association. Not needed when the peer asks. */
  connect(nowMs: number): void {
    if (!this.#ended) this.#handshake.start(nowMs);
  }

  /** Queues a message of at least one byte, reliable and in order. Lost unless connected. */
  send(streamId: number, ppid: number, payload: Buffer, nowMs: number): void {
    if (!this.#established) return;
    const { sender, resets } = this.#established;
    if (resets.isResetting(streamId)) this.#held.push({ streamId, ppid, payload });
    else sender.send(streamId, ppid, payload, nowMs);
  }

  /** A packet from the peer. Never throws. */
  receive(packet: Buffer, nowMs: number): void {
    if (this.#ended) return;
    const chunks = packets.readChunks(packet);
    const [first] = chunks ?? [];
    if (!chunks || !first) return;
    const tag = packets.verificationTagOf(packet);
    if (first.type === packets.INIT) {
      if (tag === 0 && chunks.length === 1) this.#handshake.receiveInit(first.body);
      return;
    }
    const isReflected = first.type === packets.ABORT && (first.flags & REFLECTED_TAG) !== 0;
    if (tag !== (isReflected ? this.#handshake.peerTag : this.#options.tag)) return;
    let hasData = false;
    this.#taken.clear();
    for (const chunk of chunks) {
      if (chunk.type === packets.DATA || chunk.type === packets.FORWARD_TSN) hasData = true;
      // Unknown types below 128 end the packet (§3.2).
      if (!this.#receiveChunk(chunk, nowMs) || this.#isOver()) break;
    }
    this.#reconfigure(nowMs);
    if (hasData && !this.#isOver()) this.#acknowledge(nowMs);
    if (this.#taken.has(packets.SACK) && !this.#isOver()) this.#options.onDrain();
  }

  timedOut(nowMs: number): void {
    if (nowMs >= this.#handshake.dueAtMs && !this.#handshake.timedOut(nowMs)) this.#abort();
    if (!this.#established || this.#isOver()) return;
    const { sender, resets } = this.#established;
    if (nowMs >= this.#sackDueAtMs) this.#sendSack();
    if (nowMs >= resets.dueAtMs) resets.timedOut(nowMs);
    if (nowMs >= sender.dueAtMs && !sender.timedOut(nowMs)) this.#abort();
  }

  /** Tells the peer and ends. Idempotent; no event follows. */
  close(): void {
    if (this.#isOver()) return;
    if (this.#handshake.peerTag !== 0) this.#send(packets.ABORT);
    this.#end();
  }

  /** Asked for after each callback, in which the owner may have closed. */
  #isOver(): boolean {
    return this.#ended;
  }

  /** @returns false when the rest of the packet has to be ignored */
  #receiveChunk(chunk: packets.Chunk, nowMs: number): boolean {
    const { type, body } = chunk;
    switch (type) {
      case packets.DATA:
        this.#receiveData(chunk);
        return true;
      case packets.SACK:
        if (this.#isFirst(type)) this.#receiveSack(body, nowMs);
        return true;
      case packets.HEARTBEAT:
        if (this.#established && this.#isFirst(type)) this.#send(packets.HEARTBEAT_ACK, body);
        return true;
      case packets.INIT_ACK:
        this.#handshake.receiveInitAck(body, nowMs);
        return true;
      case packets.COOKIE_ECHO:
        return !this.#isFirst(type) || this.#handshake.receiveCookieEcho(body);
      case packets.COOKIE_ACK:
        this.#handshake.receiveCookieAck();
        return true;
      case packets.ABORT:
        this.#peerEnded();
        return false;
      case packets.SHUTDOWN:
        // What we still have for it is of no use to somebody who leaves.
        if (this.#established) this.#send(packets.SHUTDOWN_ACK);
        this.#peerEnded();
        return false;
      case packets.RE_CONFIG:
        this.#reconfigurations.push(body);
        return true;
      case packets.FORWARD_TSN:
        if (this.#isFirst(type)) this.#receiveForwardTsn(body);
        return true;
      default:
        return type >= 128 || type === packets.HEARTBEAT_ACK;
    }
  }

  /** Of its type, in the packet under way. */
  #isFirst(type: number): boolean {
    if (this.#taken.has(type)) return false;
    this.#taken.add(type);
    return true;
  }

  #establish({ initialTsn: remoteInitialTsn, windowBytes }: Introduction): void {
    const { initialTsn: localInitialTsn } = this.#options;
    const sender = new Sender(localInitialTsn, (chunks) =>
      this.#transmit(packets.writeDataPacket(this.#header(), chunks)),
    );
    const receiver = new Receiver(remoteInitialTsn, (streamId, ppid, payload) => {
      if (!this.#isOver()) this.#options.onMessage(streamId, ppid, payload);
    });
    const resets = new StreamResets({
      localInitialTsn,
      remoteInitialTsn,
      receivedTsn: () => receiver.cumulativeTsn,
      sentTsn: () => sender.lastTsn,
      isUsing: (streamId) => sender.isUsing(streamId),
      resetInbound: (streamIds) => receiver.resetStreams(streamIds),
      resetOutbound: (streamIds) => sender.resetStreams(streamIds),
      transmit: (body) => this.#send(packets.RE_CONFIG, body),
      onReset: (streamIds) => this.#options.onStreamsReset(streamIds),
    });
    sender.start(windowBytes);
    this.#established = { sender, receiver, resets };
    // The first packet of a peer is acknowledged at once: its window is small.
    this.#acknowledgeNow = true;
    this.#options.onConnected();
  }

  #receiveData(chunk: packets.Chunk): void {
    const data = packets.readData(chunk);
    if (!data || !this.#established) return;
    const { receiver } = this.#established;
    const hadGaps = receiver.hasGaps;
    const outcome = receiver.receive(data);
    if (outcome === 'excess') this.#abort();
    const wantsAnswer = (data.flags & packets.ACKNOWLEDGE_NOW) !== 0;
    if (outcome !== 'new' || wantsAnswer || hadGaps || receiver.hasGaps) this.#acknowledgeNow = true;
  }

  #receiveSack(body: Buffer, nowMs: number): void {
    const acknowledgement = readAcknowledgement(body);
    if (!acknowledgement || !this.#established) return;
    const { sender, resets } = this.#established;
    if (sender.acknowledged(acknowledgement, nowMs)) resets.proceed(nowMs);
  }

  /** Once per packet. */
  #reconfigure(nowMs: number): void {
    if (this.#reconfigurations.length === 0) return;
    const bodies = this.#reconfigurations.splice(0);
    if (!this.#established) return;
    const { sender, resets } = this.#established;
    resets.receive(bodies, nowMs);
    if (this.#isOver() || this.#held.length === 0) return;
    const held = this.#held;
    this.#held = held.filter(({ streamId }) => resets.isResetting(streamId));
    for (const { streamId, ppid, payload } of held) {
      if (!resets.isResetting(streamId)) sender.send(streamId, ppid, payload, nowMs);
    }
    this.#options.onDrain();
  }

  /** RFC 3758 §3.2: the new cumulative TSN, then stream and number of the last ordered message that is skipped. */
  #receiveForwardTsn(body: Buffer): void {
    if (!this.#established || body.length < 4) return;
    const skipped = Array.from({ length: (body.length - 4) >> 2 }, (_, index): readonly [number, number] => [
      body.readUInt16BE(4 + 4 * index),
      body.readUInt16BE(6 + 4 * index),
    ]);
    this.#established.receiver.skipTo(body.readUInt32BE(0), skipped);
    this.#acknowledgeNow = true;
  }

  /** Once per packet with data. */
  #acknowledge(nowMs: number): void {
    if (!this.#established) return;
    this.#unacknowledgedPackets++;
    if (this.#acknowledgeNow || this.#unacknowledgedPackets >= PACKETS_PER_SACK) this.#sendSack();
    else this.#sackDueAtMs = nowMs + SACK_DELAY_MS;
  }

  #sendSack(): void {
    if (!this.#established) return;
    this.#unacknowledgedPackets = 0;
    this.#acknowledgeNow = false;
    this.#sackDueAtMs = Number.POSITIVE_INFINITY;
    this.#send(packets.SACK, this.#established.receiver.acknowledgement());
  }

  #abort(): void {
    if (this.#isOver()) return;
    this.close();
    this.#options.onClosed();
  }

  #peerEnded(): void {
    this.#end();
    this.#options.onClosed();
  }

  #end(): void {
    this.#ended = true;
    this.#established = undefined;
    this.#held = [];
  }

  #header(): packets.PacketHeader {
    const { localPort, remotePort } = this.#options;
    return { sourcePort: localPort, destinationPort: remotePort, verificationTag: this.#handshake.peerTag };
  }

  #send(type: number, body: Buffer = Buffer.alloc(0)): void {
    // The peer's tag may be known already when both ask at once (§8.5.1).
    const header = type === packets.INIT ? { ...this.#header(), verificationTag: 0 } : this.#header();
    this.#transmit(packets.writePacket(header, type, 0, body));
  }

  #transmit(packet: Buffer): void {
    if (!this.#isOver()) this.#options.send(packet);
  }
}
