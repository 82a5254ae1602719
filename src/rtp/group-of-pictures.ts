// The packets since the last key frame, by their numbers: what a decoder that knows nothing needs to be where the others
// are. Bounded in bytes and time. It must not know viewers, sockets or when anybody joins; time is an argument.

/** What of a packet matters here. */
export interface GroupPacket {
  /** Sequence number without wrap-around; neighbours are one apart. */
  readonly index: number;
  /** A decoder can begin with this packet. */
  readonly startsDecoding: boolean;
  readonly payload: Uint8Array;
}

export interface GroupLimits {
  /** Of all packets together; 0 keeps nothing. */
  readonly maxBytes: number;
  /** From the key frame's arrival to that of the newest packet. */
  readonly maxMs: number;
}

/** So many missing packets are no loss that anybody repairs. */
const MAX_MISSING = 1000;
/** What keeping a packet takes beside its payload, roughly: a publisher of tiny packets is bounded too. */
const OVERHEAD_BYTES = 300;

export class GroupOfPictures<P extends GroupPacket> {
  readonly #limits: GroupLimits;
  /** From the key frame's first packet on; undefined where one is missing. */
  #packets: (P | undefined)[] = [];
  #firstIndex = 0;
  #bytes = 0;
  #missing = 0;
  #beganAtMs = 0;
  #newestAtMs = 0;

  constructor(limits: GroupLimits) {
    this.#limits = limits;
  }

  /** Index of the key frame's first packet; undefined while there is no group. */
  get firstIndex(): number | undefined {
    return this.#packets.length > 0 ? this.#firstIndex : undefined;
  }

  /** Behind the newest packet. */
  get endIndex(): number {
    return this.#firstIndex + this.#packets.length;
  }

  /** There is a group, and no packet of it is missing. */
  get isWhole(): boolean {
    return this.#packets.length > 0 && this.#missing === 0;
  }

  /** Of the packets, with what keeping them takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** From the arrival of its first packet to that of its newest. */
  get durationMs(): number {
    return this.#newestAtMs - this.#beganAtMs;
  }

  get(index: number): P | undefined {
    return this.#packets[index - this.#firstIndex];
  }

  /** Takes a packet, in any order. A key frame begins a new group; a group that grows over its limits is let go. */
  add(packet: P, nowMs: number): void {
    const isNewest = this.#packets.length === 0 || packet.index >= this.endIndex;
    if (packet.startsDecoding && isNewest) this.#begin(packet, nowMs);
    else if (this.#packets.length > 0) this.#place(packet);
    this.#newestAtMs = nowMs;
    const isOver = this.#bytes > this.#limits.maxBytes || nowMs - this.#beganAtMs > this.#limits.maxMs;
    if (isOver) this.clear();
  }

  clear(): void {
    this.#packets = [];
    this.#bytes = 0;
    this.#missing = 0;
  }

  #begin(packet: P, nowMs: number): void {
    this.#packets = [packet];
    this.#firstIndex = packet.index;
    this.#bytes = bytesOf(packet);
    this.#missing = 0;
    this.#beganAtMs = nowMs;
  }

  #place(packet: P): void {
    const at = packet.index - this.#firstIndex;
    if (at < 0 || this.#packets[at] !== undefined) return;
    const gap = at - this.#packets.length;
    if (this.#missing + gap > MAX_MISSING) {
      this.clear();
      return;
    }
    for (let missing = 0; missing < gap; missing++) this.#packets.push(undefined);
    if (gap >= 0) this.#missing += gap;
    else this.#missing--;
    this.#packets[at] = packet;
    this.#bytes += bytesOf(packet);
    // Its first packet was overtaken by others of the same key frame.
    if (packet.startsDecoding) this.#cutBefore(at);
  }

  #cutBefore(at: number): void {
    for (const packet of this.#packets.splice(0, at)) {
      if (packet) this.#bytes -= bytesOf(packet);
      else this.#missing--;
    }
    this.#firstIndex += at;
  }
}

function bytesOf({ payload }: GroupPacket): number {
  return payload.length + OVERHEAD_BYTES;
}
