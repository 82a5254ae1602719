// For tests: two of our SCTP associations on a network in memory with a clock of its own, seeded losses and repetitions.
// It must not be imported by the product.

import { Association } from '../media/transport/sctp/association.ts';
import { type Conditions, seededRandom, throughNetwork } from '../rtp/seeded-network.ts';

export interface NetworkOptions extends Conditions {
  readonly seed?: number;
  /** One way. */
  readonly delayMs?: number;
  readonly initialTsn?: number;
}

interface InFlight {
  readonly packet: Buffer;
  readonly to: Side;
  readonly atMs: number;
  readonly order: number;
}

/** One end, and what it told. */
export class Side {
  readonly association: Association;
  readonly messages: { readonly streamId: number; readonly ppid: number; readonly payload: Buffer }[] = [];
  readonly sent: Buffer[] = [];
  readonly resets: number[] = [];
  connected = 0;
  closed = 0;
  drained = 0;

  constructor(tag: number, initialTsn: number, send: (packet: Buffer) => void) {
    let cookies = 0;
    this.association = new Association({
      localPort: 5000,
      remotePort: 5000,
      tag,
      initialTsn,
      newCookie: () => Buffer.from(`cookie ${tag} ${cookies++}`),
      send: (packet) => {
        this.sent.push(packet);
        send(packet);
      },
      onConnected: () => this.connected++,
      onMessage: (streamId, ppid, payload) => this.messages.push({ streamId, ppid, payload }),
      onClosed: () => this.closed++,
      onStreamsReset: (streamIds) => this.resets.push(...streamIds),
      onDrain: () => this.drained++,
    });
  }
}

export class SctpNetwork {
  readonly one: Side;
  readonly other: Side;
  nowMs = 1_000;
  /** Sees each packet before the network does; false loses it. */
  pass: (packet: Buffer, from: Side) => boolean = () => true;
  readonly #options: NetworkOptions;
  readonly #random: () => number;
  #inFlight: InFlight[] = [];
  #order = 0;

  constructor(options: NetworkOptions = {}) {
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
    const { initialTsn = 0xffff_fff0 } = options;
    this.one = new Side(11, initialTsn, (packet) => this.#send(packet, this.one, this.other));
    this.other = new Side(22, 7, (packet) => this.#send(packet, this.other, this.one));
  }

  /** Both sides know each other; only one of them asked. */
  connect(): this {
    this.one.association.connect(this.nowMs);
    this.runUntil(() => this.one.connected + this.other.connected === 2);
    return this;
  }

  send(from: Side, streamId: number, payload: Buffer): void {
    from.association.send(streamId, 53, payload, this.nowMs);
  }

  /** Lets time pass until the condition holds. @throws Error when it does not within ten virtual minutes */
  runUntil(condition: () => boolean, limitMs = 600_000): void {
    const endMs = this.nowMs + limitMs;
    while (!condition()) {
      if (this.nowMs > endMs) throw new Error(`not within ${limitMs} ms`);
      if (!this.#step(endMs)) throw new Error('nothing is left to happen');
    }
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    while (this.#step(endMs));
    this.nowMs = endMs;
  }

  /** Whatever happens next: an arrival or a deadline. @returns false when nothing does until then */
  #step(endMs: number): boolean {
    const [next] = this.#inFlight;
    const dueAtMs = Math.min(this.one.association.dueAtMs, this.other.association.dueAtMs);
    const atMs = Math.max(this.nowMs, Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, dueAtMs));
    if (atMs > endMs) return false;
    this.nowMs = atMs;
    if (next && next.atMs <= atMs) {
      this.#inFlight.shift();
      next.to.association.receive(next.packet, atMs);
      return true;
    }
    for (const { association } of [this.one, this.other]) if (association.dueAtMs <= atMs) association.timedOut(atMs);
    return true;
  }

  #send(packet: Buffer, from: Side, to: Side): void {
    if (!this.pass(packet, from)) return;
    const atMs = this.nowMs + (this.#options.delayMs ?? 10);
    for (const arrival of throughNetwork(this.#random, [{ item: packet, atMs }], this.#options)) {
      this.#inFlight.push({ packet: Buffer.from(packet), to, atMs: arrival.atMs, order: this.#order++ });
    }
    this.#inFlight.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  }
}

/** Type of the first chunk. */
export function chunkTypeOf(packet: Buffer): number {
  return packet.readUInt8(12);
}
