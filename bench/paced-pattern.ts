// Sends the pattern in real time: each frame and audio packet when it is due. It must not know where packets go.

import type { MediaKind } from '../src/rtp/codec.ts';
import {
  AUDIO_PACKETS_PER_SECOND,
  AUDIO_TICKS_PER_PACKET,
  audioPacket,
  FRAMES_PER_CYCLE,
  FRAMES_PER_SECOND,
  VIDEO_TICKS_PER_FRAME,
  videoFrame,
  writeStamp,
} from './pattern.ts';

/** Where one medium is. */
interface Place {
  /** RTP sequence number, modulo 2^16. */
  sequence: number;
  /** RTP timestamp, modulo 2^32. */
  timestamp: number;
  /** Packets so far, since the process began. */
  packets: number;
  /** Frames or audio packets of this run. */
  units: number;
}

export interface PacedPacket {
  readonly kind: MediaKind;
  readonly marker: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Buffer;
}

const TICK_MS = 3;

export class PacedPattern {
  readonly #send: (packet: PacedPacket) => void;
  readonly #places: Record<MediaKind, Place> = {
    video: { sequence: 1_000, timestamp: 90_000, packets: 0, units: 0 },
    audio: { sequence: 2_000, timestamp: 48_000, packets: 0, units: 0 },
  };
  #frame = 0;
  #sinceKeyFrame = 0;
  #timer: NodeJS.Timeout | undefined;
  #startedAtMs = 0;
  #stoppedAtMs: number | undefined;

  constructor(send: (packet: PacedPacket) => void) {
    this.#send = send;
  }

  /** Audio and video together. */
  get packetsSent(): number {
    return this.#places.video.packets + this.#places.audio.packets;
  }

  place(kind: MediaKind): Readonly<Place> {
    return this.#places[kind];
  }

  /** Begins with a key frame. After a pause timestamps go on as the clock did. */
  start(): void {
    if (this.#timer) return;
    this.#startedAtMs = performance.now();
    const pausedMs = this.#stoppedAtMs === undefined ? 0 : this.#startedAtMs - this.#stoppedAtMs;
    for (const [kind, ticksPerMs] of [
      ['video', 90],
      ['audio', 48],
    ] as const) {
      const place = this.#places[kind];
      place.timestamp = (place.timestamp + Math.round(pausedMs * ticksPerMs)) >>> 0;
      place.units = 0;
    }
    this.#sinceKeyFrame = 0;
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stoppedAtMs = performance.now();
  }

  /** The next frame is a key frame. */
  wishKeyFrame(): void {
    this.#sinceKeyFrame = 0;
  }

  #sendDue(): void {
    const elapsedSeconds = (performance.now() - this.#startedAtMs) / 1_000;
    const { video, audio } = this.#places;
    for (; video.units < elapsedSeconds * FRAMES_PER_SECOND; video.units++) {
      for (const packet of videoFrame(this.#frame, this.#sinceKeyFrame === 0)) this.#sendOne(packet);
      this.#frame++;
      this.#sinceKeyFrame = (this.#sinceKeyFrame + 1) % FRAMES_PER_CYCLE;
      video.timestamp = (video.timestamp + VIDEO_TICKS_PER_FRAME) >>> 0;
    }
    for (; audio.units < elapsedSeconds * AUDIO_PACKETS_PER_SECOND; audio.units++) {
      this.#sendOne(audioPacket(audio.packets));
      audio.timestamp = (audio.timestamp + AUDIO_TICKS_PER_PACKET) >>> 0;
    }
  }

  #sendOne({ kind, marker, payload }: { kind: MediaKind; marker: boolean; payload: Buffer }): void {
    const place = this.#places[kind];
    writeStamp(payload, { number: place.packets, sentAtNs: process.hrtime.bigint() });
    this.#send({ kind, marker, payload, sequence: place.sequence, timestamp: place.timestamp });
    place.sequence = (place.sequence + 1) & 0xffff;
    place.packets++;
  }
}
