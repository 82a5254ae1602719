// How a viewer that joins comes to its first picture: by what is remembered since the last key frame, or by a new one that
// the publisher is asked for. docs/adr/0007 has the measurements. Pure: facts in, decision out.

export interface StartFacts {
  /** Of the remembered group of pictures; undefined when there is none. */
  readonly groupBytes: number | undefined;
  /** No packet of it is missing. One that is may still be repaired while the viewer catches up. */
  readonly isWhole: boolean;
  /** The publisher was asked for a key frame, and none came for it. */
  readonly isDeaf: boolean;
}

export interface Start {
  readonly asksPublisher: boolean;
  /** When the remembered group is sent unless a key frame came before; undefined: it is not, there is none. */
  readonly groupAfterMs: number | undefined;
}

/** A group as large as one or two key frames is there as soon as a key frame would be, and costs the others nothing. */
const SMALL_GROUP_BYTES = 256 * 1024;
/** Browsers answer within a frame or two and a round trip; longer than this a person sees the wait. */
const PATIENCE_MS = 120;

export function chooseStart({ groupBytes, isWhole, isDeaf }: StartFacts): Start {
  if (groupBytes === undefined) return { asksPublisher: true, groupAfterMs: undefined };
  const isSmall = groupBytes <= SMALL_GROUP_BYTES;
  // One that was only overloaded shows in this way that it answers again.
  return { asksPublisher: !isSmall || !isWhole, groupAfterMs: isSmall || isDeaf ? 0 : PATIENCE_MS };
}

export interface CatchUpPace {
  /** What leaves at once: a key frame goes out whole to everybody else, too. */
  readonly burstBytes: number;
  readonly bytesPerMs: number;
}

/** So much faster than the publisher sent it, since a viewer's network has some room above what it needs all the time. */
const SPEED_UP = 8;
/** Bounds in bytes per millisecond: 16 and 48 Mb/s. */
const LEAST_BYTES_PER_MS = 2_000;
const MOST_BYTES_PER_MS = 6_000;
const BURST_BYTES = 128 * 1024;

/** How fast a group is sent to one viewer. `durationMs`: from its first to its newest packet's arrival. */
export function catchUpPace(groupBytes: number, durationMs: number): CatchUpPace {
  const faster = durationMs > 0 ? (SPEED_UP * groupBytes) / durationMs : MOST_BYTES_PER_MS;
  const bytesPerMs = Math.min(MOST_BYTES_PER_MS, Math.max(LEAST_BYTES_PER_MS, faster));
  return { burstBytes: BURST_BYTES, bytesPerMs };
}
