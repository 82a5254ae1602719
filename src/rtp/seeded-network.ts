// For tests: random numbers from a seed, and a network that loses, repeats and reorders by them.
// It must not know what it carries.

/** Mulberry32: numbers in [0, 1), the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Up to `maxLength` random bytes. */
export function randomBytes(random: () => number, maxLength: number): Uint8Array {
  return Uint8Array.from({ length: Math.floor(random() * (maxLength + 1)) }, () => Math.floor(random() * 256));
}

export interface Conditions {
  /** Chance of each packet, 0 to 1. */
  readonly loss?: number;
  readonly duplication?: number;
  /** Extra delay, uniformly up to this. */
  readonly jitterMs?: number;
}

export interface Arrival<T> {
  readonly item: T;
  readonly atMs: number;
}

/** When each item, sent at its `atMs`, arrives; in order of arrival. */
export function throughNetwork<T>(
  random: () => number,
  sent: readonly Arrival<T>[],
  { loss = 0, duplication = 0, jitterMs = 0 }: Conditions,
): Arrival<T>[] {
  const arrivals: Arrival<T>[] = [];
  for (const { item, atMs } of sent) {
    if (random() >= loss) arrivals.push({ item, atMs: atMs + random() * jitterMs });
    if (random() < duplication) arrivals.push({ item, atMs: atMs + random() * jitterMs });
  }
  return arrivals.sort((one, other) => one.atMs - other.atMs);
}
