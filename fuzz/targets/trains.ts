// Several packets in one input, each behind two bytes of length. A length that does not fit takes the rest.
// It must not know what the packets are.

export function train(...packets: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(packets.flatMap((packet) => [packet.length >> 8, packet.length & 0xff, ...packet]));
}

/** The packets of an input, copied. */
export function* cars(input: Uint8Array): Iterable<Buffer> {
  for (let offset = 0; offset + 2 < input.length; ) {
    const length = ((input[offset] ?? 0) << 8) | (input[offset + 1] ?? 0);
    yield Buffer.from(input.subarray(offset + 2, offset + 2 + length));
    offset += 2 + Math.max(1, length);
  }
}
