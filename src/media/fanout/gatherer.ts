// Gathers packets into batches, so that the work per call is shared by more of them: at low load what one turn of the event
// loop brought, under load what a frame brings, or a few ms of it. It must not know members or engines.

import { type FanoutPacket, MAX_BATCH } from './engine.ts';

/**
 * Share of a thread's time that sending takes, from which packets are held for longer than a turn of the event loop, and
 * for how long at most. What begins a frame waits for its end, and sound for a picture, with which it shares a message.
 */
const HOLDS: readonly { readonly fromShare: number; readonly ms: number }[] = [
  { fromShare: 0.6, ms: 20 },
  { fromShare: 0.2, ms: 12 },
  { fromShare: 0.1, ms: 4 },
];
const MEASURE_EVERY_MS = 100;
/** After so many packets of sound without a picture there is none to wait for. */
const SOUND_ALONE = 10;

/** How much of a thread's time goes into sending, over the last tenths of a second. One for all groups of a worker. */
export class SendLoad {
  readonly #now: () => number;
  #beganMs: number;
  #busyMs = 0;
  #share = 0;

  /** @param now ms with fractions, only going forward */
  constructor(now: () => number) {
    this.#now = now;
    this.#beganMs = now();
  }

  /** 0 to 1. */
  get share(): number {
    // Who sends nothing has no load, and measures none.
    return this.#now() - this.#beganMs > 2 * MEASURE_EVERY_MS ? 0 : this.#share;
  }

  measure(work: () => void): void {
    const beforeMs = this.#now();
    work();
    const afterMs = this.#now();
    this.#busyMs += afterMs - beforeMs;
    const elapsedMs = afterMs - this.#beganMs;
    if (elapsedMs < MEASURE_EVERY_MS) return;
    // Half of it is the last measure, so that one key frame does not make a load.
    this.#share = (this.#share + Math.min(1, this.#busyMs / elapsedMs)) / 2;
    this.#beganMs = afterMs;
    this.#busyMs = 0;
  }
}

export interface GathererOptions<P extends FanoutPacket> {
  readonly load: SendLoad;
  readonly send: (packets: readonly P[]) => void;
}

export class Gatherer<P extends FanoutPacket> {
  readonly #options: GathererOptions<P>;
  #held: P[] = [];
  #soundsInARow = 0;
  #turn: NodeJS.Immediate | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: GathererOptions<P>) {
    this.#options = options;
  }

  add(packet: P): void {
    this.#held.push(packet);
    if (this.#held.length === MAX_BATCH) {
      this.flush();
      return;
    }
    const endsFrame = packet.kind === 'video' && packet.marker;
    const { share } = this.#options.load;
    this.#soundsInARow = packet.kind === 'audio' ? this.#soundsInARow + 1 : 0;
    const mayHold = !endsFrame && this.#soundsInARow < SOUND_ALONE;
    const hold = mayHold ? HOLDS.find(({ fromShare }) => share >= fromShare) : undefined;
    if (!hold) this.#turn ??= setImmediate(() => this.flush());
    else if (!this.#turn) this.#deadline ??= setTimeout(() => this.flush(), hold.ms);
  }

  /** Sends what is held now. Who changes what a packet would meet calls it before. */
  flush(): void {
    clearImmediate(this.#turn);
    clearTimeout(this.#deadline);
    this.#turn = undefined;
    this.#deadline = undefined;
    if (this.#held.length === 0) return;
    const packets = this.#held;
    this.#held = [];
    this.#options.load.measure(() => this.#options.send(inRuns(packets)));
  }

  /** Forgets what is held. */
  close(): void {
    this.#held = [];
    this.flush();
  }
}

/**
 * Video before audio: the kernel cuts a message into packets of one size, of which only the last may be shorter, so the
 * small packet of sound ends the run instead of parting it. Each medium keeps its order.
 */
function inRuns<P extends FanoutPacket>(packets: readonly P[]): readonly P[] {
  const audio = packets.filter(({ kind }) => kind === 'audio');
  if (audio.length === 0 || audio.length === packets.length) return packets;
  return [...packets.filter(({ kind }) => kind === 'video'), ...audio];
}
