// Which codec the forwarded media of each kind has, and when that is told. It must not know packets.

import type { Codec, MediaKind } from '../../rtp/codec.ts';

/** Each change of codecs is told to the main thread and every viewer: a payload type of its own for each packet is not. */
const TELL_EVERY_MS = 500;

export class TrackNews {
  readonly #tell: () => void;
  readonly #codecs = new Map<MediaKind, Codec>();
  /** As last told, as text to compare. */
  #told: string | undefined;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  /** They changed since we looked whether there is something to tell. */
  #hasChanged = false;

  /** @param tell the codecs are others than when it was last called, or than those that were offered */
  constructor(tell: () => void) {
    this.#tell = tell;
  }

  /** Before there is any packet; the first one of a kind counts. */
  offered(kind: MediaKind, codec: Codec): void {
    if (!this.#codecs.has(kind)) this.#codecs.set(kind, codec);
    this.#told = this.#text();
  }

  codecOf(kind: MediaKind): Codec | undefined {
    return this.#codecs.get(kind);
  }

  /** A packet goes on to viewers. For each one: the same codec object again costs nothing. */
  forwarded(kind: MediaKind, codec: Codec, nowMs: number): void {
    if (this.#codecs.get(kind) === codec) return;
    this.#codecs.set(kind, codec);
    this.#hasChanged = true;
    this.review(nowMs);
  }

  /** The first change is told at once, further ones not too often, and the last one always: then from here. */
  review(nowMs: number): void {
    if (!this.#hasChanged || nowMs - this.#toldAtMs < TELL_EVERY_MS) return;
    this.#hasChanged = false;
    const text = this.#text();
    if (text === this.#told) return;
    this.#told = text;
    this.#toldAtMs = nowMs;
    this.#tell();
  }

  #text(): string {
    return JSON.stringify([...this.#codecs]);
  }
}
