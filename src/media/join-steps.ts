// The steps of one transport on its way to the first picture, each told once with its moment.
// It must not know clocks or packets: it is told what happened, and when.

import type { JoinStep } from '../broadcast/ports.ts';
import type { MediaKind } from '../rtp/codec.ts';

export class JoinSteps {
  readonly #tell: (step: JoinStep, atMs: number) => void;
  #awaitsPacket = true;
  #awaitsKeyFrame = true;
  /** Kinds whose first packet is about to leave. */
  readonly #beginning = new Set<MediaKind>();

  constructor(tell: (step: JoinStep, atMs: number) => void) {
    this.#tell = tell;
  }

  /** The transport is up. Comes before any packet. */
  connected(firstHeardMs: number | undefined, nowMs: number): void {
    this.#tell('ice', firstHeardMs ?? nowMs);
    this.#tell('dtls', nowMs);
  }

  /** A packet passed. For each one of a publisher: it costs nothing once the steps were told. */
  passed(isKeyFrame: boolean, nowMs: number): void {
    if (this.#awaitsPacket) {
      this.#awaitsPacket = false;
      this.#tell('packet', nowMs);
    }
    if (this.#awaitsKeyFrame && isKeyFrame) {
      this.#awaitsKeyFrame = false;
      this.#tell('key-frame', nowMs);
    }
  }

  /** Toward a viewer: the kind begins with what leaves next, video with a key frame. */
  begins(kind: MediaKind): void {
    if (this.#awaitsKeyFrame) this.#beginning.add(kind);
  }

  /** What was about to leave has left. */
  left(nowMs: number): void {
    for (const kind of this.#beginning) this.passed(kind === 'video', nowMs);
    this.#beginning.clear();
  }
}
