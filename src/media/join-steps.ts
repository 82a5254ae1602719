// The steps of one transport on its way to the first picture, each told once with its moment.
// It must not know clocks or packets: it is told what happened, and when.

import type { JoinStep } from '../broadcast/ports.ts';

export class JoinSteps {
  readonly #tell: (step: JoinStep, atMs: number) => void;
  #awaitsPacket = true;
  #awaitsKeyFrame = true;

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
}
