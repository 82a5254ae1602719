// When a relay wishes for a key frame, and what is known of whether its publisher answers.
// It must not know viewers, packets or how a wish reaches the publisher.

import { KeyFrameAnswers } from '../../rtp/key-frame-answers.ts';

/** While viewers wait for a key frame, the wish is repeated so often. */
const WISH_AGAIN_MS = 500;

export class RelayWishes {
  readonly #now: () => number;
  readonly #wish: () => void;
  readonly #answers = new KeyFrameAnswers();
  #source: string | undefined;
  /** What it did before says nothing about what it does now. */
  #beginsAnew = false;
  #wishedAtMs = Number.NEGATIVE_INFINITY;
  /** The source that the last wish was for. */
  #wishedOf: string | undefined;

  /** @param wish passes it on toward the publisher, where it is throttled */
  constructor(now: () => number, wish: () => void) {
    this.#now = now;
    this.#wish = wish;
  }

  /** The publisher's transport whose video came last. */
  get source(): string | undefined {
    return this.#source;
  }

  /** The last wish came to nothing. */
  get isDeaf(): boolean {
    return this.#answers.isDeaf(this.#now());
  }

  /** Video came of this source. */
  sourceIs(sourceId: string): void {
    if (sourceId === this.#source && !this.#beginsAnew) return;
    this.#source = sourceId;
    this.#beginsAnew = false;
    this.#answers.forget();
  }

  /** Nothing came of the source for a while: wishes in that time say nothing about it. */
  paused(): void {
    this.#beginsAnew = true;
  }

  /** Elsewhere the source was asked in vain. */
  heardOfDeafness(): void {
    this.#answers.forget(true);
  }

  /** A key frame came. */
  fulfilled(): void {
    this.#answers.seen(this.#now());
  }

  wish(): void {
    this.#wishedAtMs = this.#now();
    this.#wishedOf = this.#source;
    this.#answers.asked(this.#wishedAtMs);
    this.#wish();
  }

  /** Viewers still wait for a key frame of this source. */
  wishAgain(sourceId: string): void {
    // A wish to the source before did not reach this one.
    if (sourceId === this.#wishedOf && this.#now() - this.#wishedAtMs < WISH_AGAIN_MS) return;
    this.wish();
  }
}
