// Makes packets that are nearly of one size exactly so, because the kernel cuts a message into packets of one size only.
// Encoders split a frame into packets that differ by one byte: without padding each frame would take two messages per
// viewer instead of one. It must not know members.

import type { FanoutPacket } from './engine.ts';

/** More is not worth the bytes. */
export const MAX_PADDING_BYTES = 3;

/** Pads neighbours of the same kind whose payloads differ by at most `MAX_PADDING_BYTES` to the longest of them. */
export function evenOut(packets: readonly FanoutPacket[]): void {
  let first = 0;
  while (first < packets.length) {
    const end = endOfRun(packets, first);
    let longest = 0;
    for (let at = first; at < end; at++) longest = Math.max(longest, packets[at]?.payload.length ?? 0);
    for (let at = first; at < end; at++) {
      const packet = packets[at];
      if (packet) packet.padding = longest - packet.payload.length;
    }
    first = end;
  }
}

/** Behind the last packet that can be made as long as the others from `first` on. */
function endOfRun(packets: readonly FanoutPacket[], first: number): number {
  const begin = packets[first];
  let [shortest, longest] = [begin?.payload.length ?? 0, begin?.payload.length ?? 0];
  let end = first + 1;
  for (; end < packets.length; end++) {
    const { kind, payload } = packets[end] ?? {};
    if (kind !== begin?.kind || payload === undefined) break;
    shortest = Math.min(shortest, payload.length);
    longest = Math.max(longest, payload.length);
    if (longest - shortest > MAX_PADDING_BYTES) break;
  }
  return end;
}
