// A clock that only goes forward, the same in all threads: an operator or NTP may set the host's clock by hours, and no
// grace, silence or pacing may notice. It must not know who asks.

/** A moment on both clocks; plain data, so that main can hand it to every thread. */
export interface ClockOrigin {
  readonly unixMs: number;
  /** CLOCK_MONOTONIC, which all threads of a host share. */
  readonly monotonicMs: number;
}

export function clockOrigin(): ClockOrigin {
  return { unixMs: Date.now(), monotonicMs: monotonicMs() };
}

/** Unix ms as they were at the origin, going on with the monotonic clock; whole ones, as Date.now() gives. */
export function monotonicClock({ unixMs, monotonicMs: origin }: ClockOrigin): () => number {
  return () => Math.floor(unixMs + (monotonicMs() - origin));
}

/** The same with fractions, for what is measured in less than a millisecond: when packets come (transport-wide feedback). */
export function fineMonotonicClock({ unixMs, monotonicMs: origin }: ClockOrigin): () => number {
  return () => unixMs + (monotonicMs() - origin);
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
