// One m= section of a publisher: its sources, which of them repeats which, and the one that is forwarded.
// It must not know RTCP bytes or other sections.

import type { CodecFacts } from '../../rtp/codec-facts.ts';
import { LayerChoice } from '../../rtp/layer-choice.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import type { IngressSource } from './source.ts';

/** A source that was replaced is forwarded again when the one that replaced it has been silent for so long. */
const TAKE_BACK_AFTER_MS = 1000;
/** Spreads numbers over all 32 bits (2^32 divided by the golden ratio). */
const SPREAD = 0x9e3779b1;

export class IngressSection {
  readonly media: AcceptedMedia;
  /** Simulcast layers that the publisher announced; 1 without simulcast. */
  readonly layers: number;
  readonly sources = new Set<IngressSource>();
  readonly #choice = new LayerChoice<IngressSource>();
  #forwarded: IngressSource | undefined;
  /** How often another source began to be forwarded. */
  #runs = 0;

  constructor(media: AcceptedMedia) {
    this.media = media;
    const group = media.ssrcGroups.find(({ semantics }) => semantics === 'SIM');
    this.layers = Math.max(1, media.rids.length, group?.ssrcs.length ?? 0);
  }

  /** Whose packets go on to viewers. */
  get forwarded(): IngressSource | undefined {
    return this.#forwarded;
  }

  /** Whose packets are asked for again: of what is forwarded, and of the layer that will be. */
  isWanted(source: IngressSource): boolean {
    return source === this.#forwarded || source === this.#choice.target;
  }

  /**
   * What the forwarded source is called toward viewers. Another name for each time that a source begins to be forwarded,
   * since a layer that comes back continues nothing of what it sent before; the first has its SSRC.
   */
  get runName(): number {
    return ((this.#forwarded?.ssrc ?? 0) + (this.#runs - 1) * SPREAD) >>> 0;
  }

  /** A new SSRC: without simulcast it replaces the one before. */
  add(source: IngressSource): void {
    this.sources.add(source);
    if (this.layers === 1) this.#forward(source);
  }

  remove(source: IngressSource): void {
    this.sources.delete(source);
    this.#choice.forget(source);
    if (this.#forwarded === source) this.#forwarded = undefined;
  }

  /** Whether this packet goes on to viewers; a layer's key frame may change what is forwarded. */
  forwards(
    source: IngressSource,
    { startsDecoding }: CodecFacts,
    place: 'newest' | 'late',
    bytes: number,
    nowMs: number,
  ): boolean {
    if (this.layers > 1) {
      this.#choice.received(source, bytes, nowMs);
      // Of a key frame whose first packet comes late the others were not forwarded.
      if (startsDecoding && place === 'newest' && this.#choice.startsDecoding(source)) this.#forward(source);
    } else if (source !== this.#forwarded) {
      const lastAtMs = this.#forwarded?.lastPacketAtMs ?? Number.NEGATIVE_INFINITY;
      if (nowMs - lastAtMs > TAKE_BACK_AFTER_MS) this.#forward(source);
    }
    return source === this.#forwarded;
  }

  /** The layer that should be forwarded from its next key frame on. */
  review(nowMs: number): IngressSource | undefined {
    if (this.layers === 1) return undefined;
    this.#choice.review(nowMs);
    return this.#choice.target;
  }

  withRid(rid: string): IngressSource | undefined {
    return [...this.sources].findLast((source) => source.rid === rid);
  }

  /** Whose lost packet this is, when only number and payload type tell: undefined when that fits none or several. */
  missing(sequence: number, payloadType: number): IngressSource | undefined {
    const [only, ...more] = [...this.sources].filter(
      ({ nack, codec }) => codec.payloadType === payloadType && nack?.isMissing(sequence),
    );
    return more.length === 0 ? only : undefined;
  }

  #forward(source: IngressSource): void {
    this.#forwarded = source;
    this.#runs++;
  }
}
