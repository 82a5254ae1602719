// Which source a stream of retransmissions repeats (RFC 8852 §3.2, RFC 4588 §8.3). It must not know packets.

import type { AcceptedMedia } from '../sdp/answer.ts';
import type { IngressSection } from './section.ts';
import type { IngressSource } from './source.ts';

/** As many as somebody may have us remember who begins a new SSRC all the time. */
const MAX_RIDS = 32;

export class Repairs {
  /** SSRC of retransmissions → rid of what they repeat, as a header extension said until we were known to know it. */
  readonly #rids = new Map<number, string>();
  /** The same → SSRC of what they repeat, as the offer said (FID, RFC 5576 §4.2). */
  readonly #offered = new Map<number, number>();

  constructor(media: readonly AcceptedMedia[]) {
    for (const { semantics, ssrcs } of media.flatMap(({ ssrcGroups }) => ssrcGroups)) {
      const [repeated, repeats] = ssrcs;
      if (semantics === 'FID' && repeated !== undefined && repeats !== undefined) this.#offered.set(repeats, repeated);
    }
  }

  /** A retransmission says the rid of what it repeats. */
  learn(ssrc: number, rid: string): void {
    this.#rids.set(ssrc, rid);
    const [oldest] = this.#rids.keys();
    if (this.#rids.size > MAX_RIDS && oldest !== undefined) this.#rids.delete(oldest);
  }

  /** Who says it in the packet, or said it before; else who said it in the offer. */
  repeatedBy(
    ssrc: number,
    section: IngressSection,
    sources: ReadonlyMap<number, IngressSource>,
  ): IngressSource | undefined {
    const rid = this.#rids.get(ssrc);
    if (rid !== undefined) return section.withRid(rid);
    const offered = sources.get(this.#offered.get(ssrc) ?? -1);
    return offered && section.sources.has(offered) ? offered : undefined;
  }
}
