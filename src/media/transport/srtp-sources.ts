// The SSRCs that a peer sends by: what was seen of each, and whose place a new one takes (RFC 3711 §3.2.3, §3.3.2).
// It must not know keys or packets.

import { ReplayWindow } from '../../rtp/replay-window.ts';

/** A peer that authenticates packets of ever new SSRCs must not fill our memory. */
const MAX_SOURCES = 64;
/** Of a source that gave way one number stays. A peer that has used up these too gets no further SSRC: its old packets could be replayed. */
const MAX_RETIRED = 1024;

interface Source {
  readonly window: ReplayWindow;
  /** Count of packets, of all sources, when its last one came. */
  heardAt: number;
}

export class SrtpSources {
  readonly #windowSize: number;
  readonly #sources = new Map<number, Source>();
  /** SSRC → highest index of those that gave way. */
  readonly #retired = new Map<number, number>();
  #packets = 0;

  /** `windowSize` in packets, as for `ReplayWindow`. */
  constructor(windowSize: number) {
    this.#windowSize = windowSize;
  }

  /** Of a source that was heard and did not give way since. */
  window(ssrc: number): ReplayWindow | undefined {
    return this.#sources.get(ssrc)?.window;
  }

  /** The highest index of a source that gave way: it goes on behind that. */
  retiredAt(ssrc: number): number | undefined {
    return this.#retired.get(ssrc);
  }

  /** Whether a packet of this source could be taken at all. */
  hasRoomFor(ssrc: number): boolean {
    if (this.#sources.size < MAX_SOURCES || this.#sources.has(ssrc)) return true;
    return this.#retired.size < MAX_RETIRED || this.#retired.has(ssrc);
  }

  /** Remembers an authentic packet with a fresh index, from a source that there is room for. */
  add(ssrc: number, index: number): void {
    const source = this.#sources.get(ssrc) ?? this.#begin(ssrc);
    source.window.add(index);
    source.heardAt = this.#packets++;
  }

  #begin(ssrc: number): Source {
    const source = { window: new ReplayWindow(this.#windowSize, this.#retired.get(ssrc)), heardAt: 0 };
    this.#retired.delete(ssrc);
    if (this.#sources.size >= MAX_SOURCES) this.#retireMostSilent();
    this.#sources.set(ssrc, source);
    return source;
  }

  #retireMostSilent(): void {
    let silent: readonly [number, Source] | undefined;
    for (const entry of this.#sources) if (!silent || entry[1].heardAt < silent[1].heardAt) silent = entry;
    if (!silent) return;
    const [ssrc, { window }] = silent;
    this.#sources.delete(ssrc);
    this.#retired.set(ssrc, window.highest);
  }
}
