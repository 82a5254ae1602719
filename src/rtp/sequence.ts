// Arithmetic on 16-bit sequence numbers and 32-bit timestamps that wrap around (RFC 3550 §5.1, RFC 1982).
// It must not know packets, sources or time.

const SEQUENCE_MODULUS = 0x1_0000;
const TIMESTAMP_MODULUS = 0x1_0000_0000;

/**
 * RFC 3550 A.1 MAX_DROPOUT: a jump of this many packets is a restarted source, not loss. Used in both directions:
 * A.1's MAX_MISORDER of 100 would take the answer to a NACK, which comes seconds late, for a restart.
 */
export const MAX_DROPOUT = 3000;

/** How far `to` is ahead of `from`: -32768 to 32767. */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** `sequence` plus `count` (also negative), wrapped to 16 bits. */
export function addSequence(sequence: number, count: number): number {
  return (sequence + count) & 0xffff;
}

/** Whether the source restarted its numbers, when `sequence` arrives after `highest`. */
export function isRestart(highest: number, sequence: number): boolean {
  return Math.abs(sequenceDistance(highest, sequence)) >= MAX_DROPOUT;
}

/** The number without wrap-around that `sequence` stands for, nearest to the known one `reference`; may be negative. */
export function unwrapSequence(reference: number, sequence: number): number {
  const wrapped = ((reference % SEQUENCE_MODULUS) + SEQUENCE_MODULUS) % SEQUENCE_MODULUS;
  return reference + sequenceDistance(wrapped, sequence);
}

/** How many ticks `to` is ahead of `from`: -2^31 to 2^31 - 1. */
export function timestampDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/** `timestamp` plus `ticks` (also negative, up to 2^53), wrapped to 32 bits. */
export function addTimestamp(timestamp: number, ticks: number): number {
  return (timestamp + (ticks % TIMESTAMP_MODULUS)) >>> 0;
}
