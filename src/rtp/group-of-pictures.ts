// The packets since the last key frame, by their numbers: what a decoder that knows nothing needs to be where the others
// are. Bounded in bytes and time. It must not know viewers, sockets or when anybody joins; time is an argument.

/** What of a packet matters here. */
export interface GroupPacket {
  /** Sequence number without wrap-around; neighbours are one apart. */
  readonly index: number;
  /** The same for all packets of a frame. */
  readonly timestamp: number;
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
/** A frame leaves to a joiner in one piece: a larger one would hold up everybody else on the thread. */
const MAX_FRAME_BYTES = 2 * 1024 * 1024;
/** Each frame costs each joiner something beside its bytes; cameras give half of this. */
const MAX_FRAMES_PER_SECOND = 120;
/** What keeping a packet takes beside its datagram, roughly: a publisher of tiny packets is bounded too. */
const OVERHEAD_BYTES = 300;

export class GroupOfPictures<P extends GroupPacket> {
  readonly #limits: GroupLimits;
  /** From the key frame's first packet on; undefined where one is missing. */
  #packets: (P | undefined)[] = [];
  #firstIndex = 0;
  #bytes = 0;
  #payloadBytes = 0;
  #missing = 0;
  /** Runs of packets of one timestamp, as they came: a little more than there are frames when packets overtake. */
  #frames = 0;
  #frameTimestamp: number | undefined;
  #frameBytes = 0;
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

  /** Of what sending it takes. */
  get payloadBytes(): number {
    return this.#payloadBytes;
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
    if (this.#isOver(nowMs)) this.clear();
  }

  clear(): void {
    this.#packets = [];
    this.#missing = 0;
    this.#forgetCounts();
  }

  #isOver(nowMs: number): boolean {
    const { maxBytes, maxMs } = this.#limits;
    if (this.#bytes > maxBytes || nowMs - this.#beganAtMs > maxMs) return true;
    return this.#frameBytes > MAX_FRAME_BYTES || this.#frames * 1000 > MAX_FRAMES_PER_SECOND * maxMs;
  }

  #begin(packet: P, nowMs: number): void {
    this.#packets = [packet];
    this.#firstIndex = packet.index;
    this.#missing = 0;
    this.#beganAtMs = nowMs;
    this.#forgetCounts();
    this.#count(packet);
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
    this.#count(packet);
    // Its first packet was overtaken by others of the same key frame.
    if (packet.startsDecoding) this.#cutBefore(at);
  }

  #cutBefore(at: number): void {
    for (const packet of this.#packets.splice(0, at)) if (!packet) this.#missing--;
    this.#firstIndex += at;
    this.#forgetCounts();
    for (const packet of this.#packets) if (packet) this.#count(packet);
  }

  #count(packet: P): void {
    const bytes = bytesOf(packet);
    this.#bytes += bytes;
    this.#payloadBytes += packet.payload.length;
    if (packet.timestamp !== this.#frameTimestamp) {
      this.#frames++;
      this.#frameTimestamp = packet.timestamp;
      this.#frameBytes = 0;
    }
    this.#frameBytes += bytes;
  }

  #forgetCounts(): void {
    this.#bytes = 0;
    this.#payloadBytes = 0;
    this.#frames = 0;
    this.#frameTimestamp = undefined;
    this.#frameBytes = 0;
  }
}

/** A payload is a view into the datagram that it came in, which lives as long: headers may be most of it. */
function bytesOf({ payload }: GroupPacket): number {
  return payload.buffer.byteLength + OVERHEAD_BYTES;
}
