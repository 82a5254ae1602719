// Which m= section a publisher's packet belongs to, and in which format it is (RFC 9143 §9.2).
// It must not know what becomes of the packet.

import type { Codec } from '../../rtp/codec.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import type { OfferedCodec } from '../sdp/offer.ts';

/** What a payload type stands for in its section. */
export interface Format {
  readonly media: AcceptedMedia;
  /** Of retransmissions, the codec of what they repeat. */
  readonly codec: OfferedCodec;
  /** The codec without what only this SDP says: one object for all its packets. */
  readonly bare: Codec;
  readonly isRtx: boolean;
}

type Formats = ReadonlyMap<number, Format>;

/** More than a publisher may have sources and retransmissions: who makes up more is found by payload type. */
const MAX_LEARNED = 64;

export class Demultiplexer {
  readonly #byMid: ReadonlyMap<string, Formats>;
  /** By SSRC: what the offer named. */
  readonly #offered: ReadonlyMap<number, Formats>;
  /** By SSRC: what a mid said; publishers stop sending it once they were heard. */
  readonly #learned = new Map<number, Formats>();
  /** Payload types of all sections; where two have the same the first counts. */
  readonly #byPayloadType = new Map<number, Formats>();

  constructor(media: readonly AcceptedMedia[]) {
    const sections = media.map((section) => ({ section, formats: formatsOf(section) }));
    this.#byMid = new Map(sections.map(({ section, formats }) => [section.mid, formats]));
    this.#offered = new Map(
      sections.flatMap(({ section: { ssrcs, ssrcGroups }, formats }) =>
        [...ssrcs, ...ssrcGroups.flatMap((group) => group.ssrcs)].map((ssrc) => [ssrc, formats] as const),
      ),
    );
    for (const { formats } of sections) {
      for (const payloadType of formats.keys()) {
        if (!this.#byPayloadType.has(payloadType)) this.#byPayloadType.set(payloadType, formats);
      }
    }
  }

  /** The format, or why there is none. `mid` is what the packet's header extension said. */
  find(ssrc: number, payloadType: number, mid: string | undefined): Format | 'unknown-mid' | 'unknown-payload-type' {
    if (mid !== undefined) {
      const section = this.#byMid.get(mid);
      if (!section) return 'unknown-mid';
      if (this.#learned.get(ssrc) !== section) this.#learn(ssrc, section);
    }
    const section = this.#learned.get(ssrc) ?? this.#offered.get(ssrc) ?? this.#byPayloadType.get(payloadType);
    return section?.get(payloadType) ?? 'unknown-payload-type';
  }

  #learn(ssrc: number, section: Formats): void {
    this.#learned.set(ssrc, section);
    for (const oldest of this.#learned.keys()) {
      if (this.#learned.size <= MAX_LEARNED) break;
      this.#learned.delete(oldest);
    }
  }
}

function formatsOf(media: AcceptedMedia): Formats {
  return new Map(
    media.codecs.flatMap((codec) => {
      const format: Format = { media, codec, bare: bare(codec), isRtx: false };
      const rtx = media.rtxPayloadTypes.get(codec.payloadType);
      const formats: [number, Format][] = [[codec.payloadType, format]];
      if (rtx !== undefined) formats.push([rtx, { ...format, isRtx: true }]);
      return formats;
    }),
  );
}

/** The codec without what only this publisher's SDP gave it. */
export function bare({ kind, name, clockRate, channels, parameters }: OfferedCodec): Codec {
  return { kind, name, clockRate, parameters, ...(channels === undefined ? {} : { channels }) };
}
