// A message that belongs to a video frame: a JSON object with the frame's RTP timestamp. Read and written as bytes.
// It must not know labels, viewers, or which frame that is.

export interface TimedMessage {
  /** 32 bits, in the numbers of whoever wrote it. */
  readonly rtpTimestamp: number;
}

const MAX_TIMESTAMP = 0xffff_ffff;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Undefined for anything but a JSON object with an integer `rtpTimestamp` of 32 bits. */
export function readTimedMessage(payload: Uint8Array): TimedMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(payload));
  } catch {
    return undefined;
  }
  return isTimedMessage(value) ? value : undefined;
}

/** The same message in other numbers; all its other members stay. */
export function writeTimedMessage(message: TimedMessage, rtpTimestamp: number): Uint8Array {
  return encoder.encode(JSON.stringify({ ...message, rtpTimestamp }));
}

function isTimedMessage(value: unknown): value is TimedMessage {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if (!Object.hasOwn(value, 'rtpTimestamp')) return false;
  const { rtpTimestamp } = value as TimedMessage;
  return Number.isInteger(rtpTimestamp) && rtpTimestamp >= 0 && rtpTimestamp <= MAX_TIMESTAMP;
}
