// Unix milliseconds and the 64-bit NTP timestamps of RTCP (RFC 3550 §4), either way.
// It must not read a clock.

/** Seconds since 1900 and 2^-32 fractions of one, both unsigned 32 bits. */
export interface NtpTime {
  readonly seconds: number;
  readonly fraction: number;
}

const UNIX_EPOCH_SECONDS = 2_208_988_800;
const TWO_TO_32 = 0x1_0000_0000;

/** `unixMs` may have a fraction; negative times are before 1970. */
export function ntpFromUnixMs(unixMs: number): NtpTime {
  const wholeSeconds = Math.floor(unixMs / 1000);
  const fraction = Math.round(((unixMs - wholeSeconds * 1000) / 1000) * TWO_TO_32);
  // Rounding may complete the second. The seconds wrap in 2036 (era 1).
  const carry = fraction === TWO_TO_32 ? 1 : 0;
  const seconds = (wholeSeconds + UNIX_EPOCH_SECONDS + carry) % TWO_TO_32;
  return { seconds, fraction: carry ? 0 : fraction };
}

/** With a clear highest bit the time is in era 1, after February 2036 (RFC 4330 §3). */
export function unixMsFromNtp({ seconds, fraction }: NtpTime): number {
  const era = seconds < 0x8000_0000 ? TWO_TO_32 : 0;
  return (seconds + era - UNIX_EPOCH_SECONDS) * 1000 + (fraction / TWO_TO_32) * 1000;
}

/** The middle 32 bits, which reports use (LSR, RFC 3550 §6.4.1): units of 1/65536 s, wrapping every 18 hours. */
export function ntpMiddle32({ seconds, fraction }: NtpTime): number {
  return ((seconds << 16) | (fraction >>> 16)) >>> 0;
}
