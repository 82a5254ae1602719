// The checksum of SCTP packets: CRC32c (RFC 9260 §6.8, appendix A). It must not know what is in a packet.

/** Where the checksum itself lies, which counts as zeros. */
const CHECKSUM_OFFSET = 8;
const CHECKSUM_END = 12;
const REFLECTED_POLYNOMIAL = 0x82f6_3b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ REFLECTED_POLYNOMIAL : crc >>> 1;
  return crc >>> 0;
});

/** The checksum of a packet of at least 12 bytes, to be written at offset 8 in little endian. */
export function packetChecksum(packet: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (let offset = 0; offset < packet.length; offset++) {
    const byte = offset >= CHECKSUM_OFFSET && offset < CHECKSUM_END ? 0 : (packet[offset] ?? 0);
    crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  }
  return ~crc >>> 0;
}
