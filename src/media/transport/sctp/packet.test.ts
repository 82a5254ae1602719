import { describe, expect, it } from 'vitest';
import { randomBytes, seededRandom } from '../../../rtp/seeded-network.ts';
import { dataChunk, sctpChunk, sctpPacket } from '../../../test/transport-peers.ts';
import { packetChecksum } from './crc32c.ts';
import {
  DATA,
  MAX_PACKET_BYTES,
  readChunks,
  readData,
  readParameters,
  writeDataPacket,
  writePacket,
} from './packet.ts';

const HEADER = { sourcePort: 5000, destinationPort: 5001, verificationTag: 0xfedc_ba98 };

describe('the checksum of a packet', () => {
  it('is CRC32c: 32 zeros give what RFC 3720 B.4 says', () => {
    expect(packetChecksum(Buffer.alloc(32))).toBe(0x8a91_36aa);
  });

  it('leaves out the place where it is written', () => {
    const packet = Buffer.from(Array.from({ length: 40 }, (_, index) => index));
    const before = packetChecksum(packet);
    packet.fill(0xff, 8, 12);
    expect(packetChecksum(packet)).toBe(before);
    packet[12] = 0;
    expect(packetChecksum(packet)).not.toBe(before);
  });
});

describe('chunks', () => {
  it('are read as they were written, with what lies in their padding left out', () => {
    for (let length = 1; length < 9; length++) {
      const payload = Buffer.alloc(length, length);
      const data = { tsn: 0xffff_fffe, flags: 3, streamId: 7, streamSequence: 65_535, ppid: 51, payload };
      const packet = writeDataPacket(HEADER, [data, { ...data, tsn: 1 }]);
      expect(packet.length % 4).toBe(0);
      expect([packet.readUInt16BE(0), packet.readUInt16BE(2), packet.readUInt32BE(4)]).toEqual(Object.values(HEADER));
      expect(readChunks(packet)?.map(readData)).toEqual([data, { ...data, tsn: 1 }]);
    }
  });

  it('of what another wrote are understood', () => {
    const packet = sctpPacket(1, dataChunk({ tsn: 5, streamId: 2, sequence: 3, ppid: 53 }, Buffer.from('hey')));
    const [chunk] = readChunks(packet) ?? [];
    expect(chunk && readData(chunk)).toMatchObject({ tsn: 5, streamId: 2, streamSequence: 3, ppid: 53 });
    expect(writePacket({ ...HEADER, destinationPort: 5000, verificationTag: 1 }, 4, 0, Buffer.from('ping'))).toEqual(
      sctpPacket(1, sctpChunk(4, 0, Buffer.from('ping'))),
    );
  });

  it('of data without payload are none', () => {
    expect(readData({ type: DATA, flags: 3, body: Buffer.alloc(12) })).toBeUndefined();
  });

  it.each([
    ['a length of 0', Buffer.alloc(4)],
    ['a length beyond the packet', Buffer.from([0, 3, 0, 9, 0, 0, 0, 0])],
  ])('with %s spoil their whole packet', (_name, chunk) => {
    expect(readChunks(sctpPacket(1, sctpChunk(4, 0, Buffer.from('fine')), chunk))).toBeUndefined();
  });

  it('are none when any bit of the packet is wrong', () => {
    const packet = sctpPacket(1, sctpChunk(4, 0, Buffer.from('ping')));
    for (let bit = 0; bit < 8 * packet.length; bit++) {
      const spoilt = Buffer.from(packet);
      spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readChunks(spoilt)).toBeUndefined();
    }
  });

  it('and parameters of random bytes never throw nor overlap', () => {
    const random = seededRandom(4);
    for (let count = 0; count < 2000; count++) {
      const bytes = Buffer.from(randomBytes(random, 80));
      const chunks = readChunks(sctpPacket(1, bytes)) ?? [];
      expect(chunks.reduce((sum, { body }) => sum + 4 + body.length, 0)).toBeLessThanOrEqual(bytes.length + 3);
      const parameters = readParameters(bytes);
      expect(parameters.reduce((sum, { value }) => sum + 4 + value.length, 0)).toBeLessThanOrEqual(bytes.length);
    }
  });
});

it('a packet fits with everything below it into 1280 bytes', () => {
  expect(MAX_PACKET_BYTES + 37 + 8 + 40).toBeLessThanOrEqual(1280);
  expect(MAX_PACKET_BYTES % 4).toBe(0);
});
