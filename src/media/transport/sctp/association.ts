// One SCTP association (RFC 9260, as RFC 8831 uses it): its states, and which chunk goes to which of its parts.
// Pure: time is an argument, packets leave by a function, nothing a peer sends throws. It must not know data channels.

import { readAcknowledgement } from './acknowledgement.ts';
import { readIntroduction, writeIntroduction } from './handshake.ts';
import * as packets from './packet.ts';
import { Receiver } from './receiver.ts';
import { RetransmissionTimeout } from './retransmission-timeout.ts';
import { Sender } from './sender.ts';
import { StreamResets } from './stream-resets.ts';

/** A single packet may wait so long for a second one before both are acknowledged (RFC 9260 §6.2 allows 500 ms). */
const SACK_DELAY_MS = 100;
const PACKETS_PER_SACK = 2;
/** Of INIT and COOKIE ECHO each; RFC 9260 §16 says 8. */
const MAX_HANDSHAKE_ATTEMPTS = 8;
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

/** The peer as its INIT or INIT ACK told it. */
interface Peer {
  readonly tag: number;
  readonly initialTsn: number;
  readonly windowBytes: number;
}

/** What exists once both sides know each other. */
interface Established {
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly resets: StreamResets;
}

export class Association {
  readonly #options: AssociationOptions;
  #state: 'idle' | 'cookie-wait' | 'cookie-echoed' | 'established' | 'ended' = 'idle';
  #peer: Peer | undefined;
  /** Ours, which the peer has to bring back; the peer's, which we bring back to it. */
  #issuedCookie: Buffer | undefined;
  #cookieToEcho: Buffer | undefined;
  #established: Established | undefined;
  /** Messages for streams that are being reset. */
  #held: { readonly streamId: number; readonly ppid: number; readonly payload: Buffer }[] = [];
  #unacknowledgedPackets = 0;
  #acknowledgeNow = false;
  #sackDueAtMs = Number.POSITIVE_INFINITY;
  #handshakeDueAtMs = Number.POSITIVE_INFINITY;
  #handshakeAttempts = 0;
  #handshakeTimeout: RetransmissionTimeout | undefined;

  constructor(options: AssociationOptions) {
    this.#options = options;
  }

  /** When `timedOut` has to be called; infinite while nothing is awaited. */
  get dueAtMs(): number {
    if (this.#state === 'ended') return Number.POSITIVE_INFINITY;
    const { sender, resets } = this.#established ?? {};
    return Math.min(
      this.#sackDueAtMs,
      this.#handshakeDueAtMs,
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
    if (this.#state !== 'idle') return;
    this.#state = 'cookie-wait';
    this.#handshakeTimeout = new RetransmissionTimeout();
    this.#sendHandshake(nowMs);
  }

  /** Queues a message of at least one byte, reliable and in order. Lost unless connected. */
  send(streamId: number, ppid: number, payload: Buffer, nowMs: number): void {
    if (this.#state !== 'established' || !this.#established) return;
    const { sender, resets } = this.#established;
    if (resets.isResetting(streamId)) this.#held.push({ streamId, ppid, payload });
    else sender.send(streamId, ppid, payload, nowMs);
  }

  /** A packet from the peer. Never throws. */
  receive(packet: Buffer, nowMs: number): void {
    if (this.#state === 'ended') return;
    const chunks = packets.readChunks(packet);
    const [first] = chunks ?? [];
    if (!chunks || !first) return;
    const tag = packets.verificationTagOf(packet);
    if (first.type === packets.INIT) {
      if (tag === 0 && chunks.length === 1) this.#receiveInit(first.body);
      return;
    }
    const isReflected = first.type === packets.ABORT && (first.flags & REFLECTED_TAG) !== 0;
    if (tag !== (isReflected ? this.#peer?.tag : this.#options.tag)) return;
    let hasData = false;
    for (const chunk of chunks) {
      if (chunk.type === packets.DATA) hasData = true;
      // Unknown types below 128 end the packet (§3.2).
      if (!this.#receiveChunk(chunk, nowMs) || this.#isOver()) break;
    }
    if (hasData && !this.#isOver()) this.#acknowledge(nowMs);
  }

  timedOut(nowMs: number): void {
    if (nowMs >= this.#handshakeDueAtMs) this.#repeatHandshake(nowMs);
    if (!this.#established || this.#isOver()) return;
    const { sender, resets } = this.#established;
    if (nowMs >= this.#sackDueAtMs) this.#sendSack();
    if (nowMs >= resets.dueAtMs) resets.timedOut(nowMs);
    if (nowMs >= sender.dueAtMs && !sender.timedOut(nowMs)) this.#abort();
  }

  /** Tells the peer and ends. Idempotent; no event follows. */
  close(): void {
    if (this.#isOver()) return;
    if (this.#peer) this.#send(packets.ABORT);
    this.#end();
  }

  /** Asked for after each callback, in which the owner may have closed. */
  #isOver(): boolean {
    return this.#state === 'ended';
  }

  /** @returns false when the rest of the packet has to be ignored */
  #receiveChunk(chunk: packets.Chunk, nowMs: number): boolean {
    const { type, body } = chunk;
    switch (type) {
      case packets.DATA:
        this.#receiveData(chunk);
        return true;
      case packets.SACK:
        this.#receiveSack(body, nowMs);
        return true;
      case packets.HEARTBEAT:
        if (this.#established) this.#send(packets.HEARTBEAT_ACK, body);
        return true;
      case packets.INIT_ACK:
        this.#receiveInitAck(body, nowMs);
        return true;
      case packets.COOKIE_ECHO:
        return this.#receiveCookieEcho(body);
      case packets.COOKIE_ACK:
        if (this.#state === 'cookie-echoed') this.#establish();
        return true;
      case packets.ABORT:
        this.#ended();
        return false;
      case packets.SHUTDOWN:
        // What we still have for it is of no use to somebody who leaves.
        if (this.#established) this.#send(packets.SHUTDOWN_ACK);
        this.#ended();
        return false;
      case packets.RE_CONFIG:
        this.#receiveReconfiguration(body, nowMs);
        return true;
      case packets.FORWARD_TSN:
        this.#receiveForwardTsn(body);
        return true;
      default:
        return type >= 128 || type === packets.HEARTBEAT_ACK;
    }
  }

  #receiveInit(body: Buffer): void {
    const introduction = readIntroduction(body);
    // A peer that wants to start anew does so with a new transport; a late repetition is of no use.
    if (!introduction || this.#established) return;
    const { tag, initialTsn, windowBytes } = introduction;
    const isKnown = this.#peer?.tag === tag && this.#peer.initialTsn === initialTsn;
    if (this.#state === 'cookie-echoed' && !isKnown) return;
    // The same INIT again gets the same cookie, so that the one on its way stays good.
    const cookie = (isKnown && this.#issuedCookie) || this.#options.newCookie();
    this.#issuedCookie = cookie;
    this.#peer = { tag, initialTsn, windowBytes };
    this.#send(packets.INIT_ACK, writeIntroduction(this.#options.tag, this.#options.initialTsn, cookie));
  }

  #receiveInitAck(body: Buffer, nowMs: number): void {
    const introduction = readIntroduction(body);
    if (this.#state !== 'cookie-wait' || !introduction?.cookie) return;
    const { tag, initialTsn, windowBytes, cookie } = introduction;
    this.#state = 'cookie-echoed';
    this.#peer = { tag, initialTsn, windowBytes };
    this.#cookieToEcho = Buffer.from(cookie);
    this.#handshakeAttempts = 0;
    this.#sendHandshake(nowMs);
  }

  #receiveCookieEcho(body: Buffer): boolean {
    if (!this.#issuedCookie?.equals(body)) return false;
    this.#send(packets.COOKIE_ACK);
    this.#establish();
    return true;
  }

  #establish(): void {
    if (!this.#peer || this.#established) return;
    const { initialTsn: localInitialTsn } = this.#options;
    const { initialTsn: remoteInitialTsn, windowBytes } = this.#peer;
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
    this.#state = 'established';
    this.#handshakeDueAtMs = Number.POSITIVE_INFINITY;
    this.#handshakeTimeout = undefined;
    this.#cookieToEcho = undefined;
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
    sender.acknowledged(acknowledgement, nowMs);
    resets.proceed(nowMs);
    this.#options.onDrain();
  }

  #receiveReconfiguration(body: Buffer, nowMs: number): void {
    if (!this.#established) return;
    const { sender, resets } = this.#established;
    resets.receive(body, nowMs);
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
    if (!this.#isOver()) this.#sendSack();
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

  #sendHandshake(nowMs: number): void {
    this.#handshakeAttempts++;
    this.#handshakeDueAtMs = nowMs + (this.#handshakeTimeout?.currentMs ?? 0);
    if (this.#cookieToEcho) {
      this.#send(packets.COOKIE_ECHO, this.#cookieToEcho);
      return;
    }
    const body = writeIntroduction(this.#options.tag, this.#options.initialTsn, undefined);
    this.#transmit(packets.writePacket({ ...this.#header(), verificationTag: 0 }, packets.INIT, 0, body));
  }

  #repeatHandshake(nowMs: number): void {
    if (this.#handshakeAttempts >= MAX_HANDSHAKE_ATTEMPTS) {
      this.#abort();
      return;
    }
    this.#handshakeTimeout?.expired();
    this.#sendHandshake(nowMs);
  }

  #abort(): void {
    if (this.#isOver()) return;
    this.close();
    this.#options.onClosed();
  }

  #ended(): void {
    this.#end();
    this.#options.onClosed();
  }

  #end(): void {
    this.#state = 'ended';
    this.#established = undefined;
    this.#held = [];
  }

  #header(): packets.PacketHeader {
    const { localPort, remotePort } = this.#options;
    return { sourcePort: localPort, destinationPort: remotePort, verificationTag: this.#peer?.tag ?? 0 };
  }

  #send(type: number, body: Buffer = Buffer.alloc(0)): void {
    this.#transmit(packets.writePacket(this.#header(), type, 0, body));
  }

  #transmit(packet: Buffer): void {
    if (!this.#isOver()) this.#options.send(packet);
  }
}
