// What all messages are made with: bytes that are made once, and times as clients read them. It must not know messages.

/** The bytes about something that keeps its identity until it changes: made once, however many clients read them. */
export function once<T extends object>(made: WeakMap<T, Buffer>, about: T, write: () => string): Buffer {
  const bytes = made.get(about) ?? Buffer.from(write());
  made.set(about, bytes);
  return bytes;
}

/** ISO 8601. */
export function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
