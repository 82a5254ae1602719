// The data channels of one transport: DCEP (RFC 8832), text and binary, a bounded queue toward a peer that reads slowly.
// It must not know broadcasts, other transports or what a message says.

import { CONTROL_LABEL, MAX_DATA_MESSAGE_BYTES } from '../../broadcast/ports.ts';
import { PPID_BINARY, PPID_BINARY_EMPTY, PPID_DCEP, PPID_TEXT, PPID_TEXT_EMPTY, Sctp } from './sctp.ts';

const DCEP_ACK = 2;
const DCEP_OPEN = 3;
const DCEP_OPEN_HEADER_BYTES = 12;

/** More than the labels that a broadcast may have, and the control channel. */
const MAX_CHANNELS = 128;
/** 65535 is none (RFC 8832 §6). A peer that closes channels for so long gets no more of them. */
const MAX_STREAM_ID = 65_534;
/** 64 characters of UTF-8. */
const MAX_LABEL_BYTES = 256;
/** Messages that wait for one peer; above either, messages are lost. */
const MAX_QUEUED_MESSAGES = 512;
const MAX_QUEUED_BYTES = 1024 * 1024;

export interface ChannelMessage {
  readonly label: string;
  readonly binary: boolean;
  readonly payload: Uint8Array;
}

export interface DataChannelsOptions {
  readonly remotePort: number;
  /** Stream ids by DTLS role (RFC 8832 §6): the server opens odd ones. */
  readonly dtlsRole: 'server' | 'client';
  readonly send: (packet: Buffer) => void;
  readonly onReady: () => void;
  readonly onChannel: (label: string) => void;
  readonly onMessage: (message: ChannelMessage) => void;
  /** A message of the peer was too large and is gone. */
  readonly onTooLarge: (label: string) => void;
  /** The peer read too slowly; so many messages of the label were not queued. Told once it reads again. */
  readonly onLost: (label: string, messages: number) => void;
  /** The peer ended the association, or broke a limit. */
  readonly onClosed: () => void;
  /** A deadline's work threw: the association is of no use any more. */
  readonly onFailed: (error: unknown) => void;
}

interface Queued {
  readonly streamId: number;
  readonly ppid: number;
  readonly payload: Buffer;
}

export class DataChannels {
  readonly #options: DataChannelsOptions;
  readonly #sctp: Sctp;
  /** Stream id → label, of channels that either side opened. */
  readonly #labels = new Map<number, string>();
  /** Label → stream id on which we send it. */
  readonly #streams = new Map<string, number>();
  #nextStreamId: number;
  #ready = false;
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  /** Label → messages lost since the peer last kept up. */
  readonly #lost = new Map<string, number>();
  /** Newest lost message of labels whose newest value matters. */
  readonly #lostStates = new Map<string, ChannelMessage>();

  constructor(options: DataChannelsOptions) {
    this.#options = options;
    this.#nextStreamId = options.dtlsRole === 'server' ? 1 : 0;
    this.#sctp = new Sctp({
      remotePort: options.remotePort,
      send: options.send,
      onConnected: () => {
        this.#ready = true;
        options.onReady();
      },
      onMessage: (streamId, ppid, payload) => this.#receive(streamId, ppid, payload),
      onClosed: () => {
        this.#ready = false;
        options.onClosed();
      },
      onFailed: options.onFailed,
      onStreamsReset: (streamIds) => this.#forget(streamIds),
      onDrain: () => this.#pump(),
    });
  }

  get isReady(): boolean {
    return this.#ready;
  }

  receive(packet: Buffer): void {
    this.#sctp.receive(packet);
  }

  /** Opens a channel of this label at the peer, once. */
  open(label: string): void {
    this.#streamOf(label);
    this.#pump();
  }

  /**
   * Sends in order. When the peer's queue is full the message is lost; of a state label the newest one is kept
   * and sent when there is room again.
   * @returns whether it was queued
   */
  send(message: ChannelMessage, isState: boolean): boolean {
    if (!this.#ready) return false;
    if (this.#isFull(message.payload.length)) {
      this.#lose(message, isState);
      return false;
    }
    const streamId = this.#streamOf(message.label);
    if (streamId === undefined) {
      this.#lose(message, false);
      return false;
    }
    if (isState) this.#lostStates.delete(message.label);
    this.#enqueue(streamId, message);
    this.#pump();
    return true;
  }

  /** So many messages of a label, of which this is the newest, were lost before: told and settled as if they were lost here. */
  lose(newest: ChannelMessage, isState: boolean, messages: number): void {
    if (!this.#ready) return;
    this.#lose(newest, isState, messages);
    this.#pump();
  }

  /** Says something on the control channel, if the peer opened it. */
  tell(note: Record<string, unknown>): void {
    if (!this.#ready || !this.#streams.has(CONTROL_LABEL)) return;
    this.send({ label: CONTROL_LABEL, binary: false, payload: Buffer.from(JSON.stringify(note)) }, false);
  }

  close(): void {
    this.#ready = false;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#sctp.close();
  }

  #isFull(bytes: number): boolean {
    return this.#queue.length >= MAX_QUEUED_MESSAGES || this.#queuedBytes + bytes > MAX_QUEUED_BYTES;
  }

  #lose(message: ChannelMessage, isState: boolean, messages = 1): void {
    if (isState) this.#lostStates.set(message.label, message);
    this.#lost.set(message.label, (this.#lost.get(message.label) ?? 0) + messages);
  }

  #streamOf(label: string): number | undefined {
    const existing = this.#streams.get(label);
    if (existing !== undefined) return existing;
    if (!this.#ready || this.#streams.size >= MAX_CHANNELS) return undefined;
    const streamId = this.#nextStreamId;
    if (streamId > MAX_STREAM_ID) return undefined;
    this.#nextStreamId += 2;
    this.#streams.set(label, streamId);
    this.#labels.set(streamId, label);
    const name = Buffer.from(label);
    const open = Buffer.alloc(DCEP_OPEN_HEADER_BYTES + name.length);
    // Type 0 is reliable and ordered; priority 256 is "normal" (RFC 8832 §5.1, RFC 8831 §6.4).
    open.writeUInt8(DCEP_OPEN, 0);
    open.writeUInt16BE(256, 2);
    open.writeUInt16BE(name.length, 8);
    name.copy(open, DCEP_OPEN_HEADER_BYTES);
    this.#push({ streamId, ppid: PPID_DCEP, payload: open });
    return streamId;
  }

  #enqueue(streamId: number, { binary, payload }: ChannelMessage): void {
    if (payload.length === 0) {
      // SCTP has no empty messages: one byte under another identifier (RFC 8831 §6.6).
      this.#push({ streamId, ppid: binary ? PPID_BINARY_EMPTY : PPID_TEXT_EMPTY, payload: Buffer.from([0]) });
      return;
    }
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#push({ streamId, ppid: binary ? PPID_BINARY : PPID_TEXT, payload: bytes });
  }

  #push(queued: Queued): void {
    this.#queue.push(queued);
    this.#queuedBytes += queued.payload.length;
  }

  #pump(): void {
    while (this.#queue.length > 0 && !this.#sctp.isBlocked) {
      const next = this.#queue.shift();
      if (!next) return;
      this.#queuedBytes -= next.payload.length;
      this.#sctp.send(next.streamId, next.ppid, next.payload);
    }
    const hasRoom = this.#queue.length <= MAX_QUEUED_MESSAGES / 4 && this.#queuedBytes <= MAX_QUEUED_BYTES / 4;
    if (this.#lost.size > 0 && hasRoom) this.#settleLosses();
  }

  /** The peer reads again: tell it what it missed, and give it the newest of each state. */
  #settleLosses(): void {
    const lost = [...this.#lost];
    const states = [...this.#lostStates.values()];
    this.#lost.clear();
    this.#lostStates.clear();
    for (const [label, messages] of lost) {
      this.tell({ type: 'lost', label, messages });
      this.#options.onLost(label, messages);
    }
    for (const message of states) this.send(message, true);
  }

  /** The peer closed channels (RFC 8831 §6.7); their ids may come back with other labels. */
  #forget(streamIds: readonly number[]): void {
    for (const streamId of streamIds) {
      const label = this.#labels.get(streamId);
      if (label === undefined) continue;
      this.#labels.delete(streamId);
      if (this.#streams.get(label) === streamId) this.#streams.delete(label);
    }
    // What still waits for them would arrive under the next label.
    const forgotten = new Set(streamIds);
    const kept = this.#queue.filter(({ streamId }) => !forgotten.has(streamId));
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    for (const queued of kept) this.#push(queued);
  }

  #receive(streamId: number, ppid: number, payload: Buffer): void {
    if (ppid === PPID_DCEP) {
      this.#receiveDcep(streamId, payload);
      return;
    }
    const label = this.#labels.get(streamId);
    if (label === undefined) return;
    if (payload.length > MAX_DATA_MESSAGE_BYTES) {
      this.#options.onTooLarge(label);
      return;
    }
    switch (ppid) {
      case PPID_TEXT:
        this.#options.onMessage({ label, binary: false, payload });
        return;
      case PPID_BINARY:
        this.#options.onMessage({ label, binary: true, payload });
        return;
      case PPID_TEXT_EMPTY:
        this.#options.onMessage({ label, binary: false, payload: Buffer.alloc(0) });
        return;
      case PPID_BINARY_EMPTY:
        this.#options.onMessage({ label, binary: true, payload: Buffer.alloc(0) });
        return;
      default:
      // An identifier that nobody defined: not ours to relay.
    }
  }

  #receiveDcep(streamId: number, payload: Buffer): void {
    if (payload.length < DCEP_OPEN_HEADER_BYTES || payload.readUInt8(0) !== DCEP_OPEN) return;
    const known = this.#labels.get(streamId);
    if (known === undefined) {
      if (this.#labels.size >= MAX_CHANNELS) return;
      const labelBytes = payload.readUInt16BE(8);
      if (labelBytes > MAX_LABEL_BYTES) return;
      const label = payload.subarray(DCEP_OPEN_HEADER_BYTES, DCEP_OPEN_HEADER_BYTES + labelBytes).toString('utf8');
      this.#labels.set(streamId, label);
      if (!this.#streams.has(label)) this.#streams.set(label, streamId);
      this.#options.onChannel(label);
    }
    // Who asks again and again without reading gets no more answers than there is room for.
    if (known !== undefined && this.#isFull(1)) return;
    this.#push({ streamId, ppid: PPID_DCEP, payload: Buffer.from([DCEP_ACK]) });
    this.#pump();
  }
}
