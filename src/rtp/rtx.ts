// Retransmissions of RFC 4588: a packet sent again under an SSRC, payload type and number of its own.
// It must not know which source an SSRC belongs to.

import { type RtpPacket, rtpPayload } from './packet.ts';

/** What a retransmission carries; marker, timestamp and header extensions are those of its packet. */
export interface Retransmission {
  /** As it was sent first (OSN). */
  readonly sequence: number;
  /** Shares the packet's memory; may be empty, when padding was sent again. */
  readonly payload: Uint8Array;
}

/** RFC 4588 §4: two bytes of original number, then the payload. Undefined for padding, with which senders probe a link. */
export function unwrapRtx(packet: RtpPacket): Retransmission | undefined {
  if (packet.payloadLength < 2) return undefined;
  const payload = rtpPayload(packet);
  return { sequence: ((payload[0] ?? 0) << 8) | (payload[1] ?? 0), payload: payload.subarray(2) };
}
