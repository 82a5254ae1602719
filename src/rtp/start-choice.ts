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
  /** What leaves at once; a key frame does so whatever its size, as it goes out to everybody else. */
  readonly burstBytes: number;
  readonly bytesPerMs: number;
}

/** So much faster than the publisher sent it: a viewer's network has some room above what it needs all the time, not more. */
const SPEED_UP = 3;
/** Not for longer than this, even where it must be sent faster: all that time the picture is behind the sound. */
const MOST_CATCH_UP_MS = 3_000;
/** Bounds in bytes per millisecond: 4 and 48 Mb/s. */
const LEAST_BYTES_PER_MS = 500;
const MOST_BYTES_PER_MS = 6_000;
/** What queues on the way hold at least, at that pace; and never more than the bytes. */
const BURST_MS = 100;
const MOST_BURST_BYTES = 128 * 1024;

/** How fast a group is sent to one viewer. `durationMs`: from its first to its newest packet's arrival. */
export function catchUpPace(payloadBytes: number, durationMs: number): CatchUpPace {
  const streamBytesPerMs = durationMs > 0 ? payloadBytes / durationMs : MOST_BYTES_PER_MS;
  // What comes meanwhile is sent the same way.
  const inTime = payloadBytes / MOST_CATCH_UP_MS + streamBytesPerMs;
  const faster = Math.max(SPEED_UP * streamBytesPerMs, inTime);
  const bytesPerMs = Math.min(MOST_BYTES_PER_MS, Math.max(LEAST_BYTES_PER_MS, faster));
  return { burstBytes: Math.min(MOST_BURST_BYTES, BURST_MS * bytesPerMs), bytesPerMs };
}
