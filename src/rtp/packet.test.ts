import { describe, expect, it } from 'vitest';
import {
  parseRtp,
  RTP_HEADER_LENGTH,
  type RtpPacket,
  readExtension,
  rtpHeaderLength,
  rtpPayload,
  writeRtpHeader,
} from './packet.ts';
import { randomBytes, seededRandom } from './seeded-network.ts';

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function parsed(hex: string): RtpPacket {
  const packet = parseRtp(bytesOf(hex));
  if (!packet) throw new Error('expected a packet');
  return packet;
}

/** Version 2 with the given flags, PT 96, sequence 1, timestamp 2, ssrc 3. */
const FIXED = '60 0001 00000002 00000003';

describe('parsing RTP', () => {
  it('reads every field of the fixed header', () => {
    expect(parsed('80 e0 fffe 89abcdef fedcba98 0102')).toMatchObject({
      payloadType: 96,
      marker: true,
      sequence: 0xfffe,
      timestamp: 0x89abcdef,
      ssrc: 0xfedcba98,
      csrcCount: 0,
      extensionProfile: 0,
      extensionLength: 0,
      payloadOffset: 12,
      payloadLength: 2,
    });
  });

  it.each([
    ['no payload', `80 ${FIXED}`, 12, 0],
    ['two CSRCs', `82 ${FIXED} 0000000a 0000000b aa`, 20, 1],
    ['an extension', `90 ${FIXED} bede 0001 10ff 0000 aabb`, 20, 2],
    ['an empty extension', `90 ${FIXED} bede 0000 aabb`, 16, 2],
    ['CSRC and extension', `91 ${FIXED} 0000000a bede 0001 10ff 0000 aabbcc`, 24, 3],
    ['padding', `a0 ${FIXED} aabb 0003 03`, 12, 2],
    ['nothing but padding', `a0 ${FIXED} 000003`, 12, 0],
    ['one byte of padding', `a0 ${FIXED} 01`, 12, 0],
  ])('finds the payload after %s', (_, hex, payloadOffset, payloadLength) => {
    const packet = parsed(hex);
    expect(packet).toMatchObject({ sequence: 1, timestamp: 2, ssrc: 3, payloadOffset, payloadLength });
    expect(rtpPayload(packet)).toEqual(packet.bytes.slice(payloadOffset, payloadOffset + payloadLength));
  });

  it.each([
    ['nothing', ''],
    ['11 bytes', '80 60 0001 00000002 000000'],
    ['version 1', `40 ${FIXED}`],
    ['version 3', `c0 ${FIXED}`],
    ['missing CSRCs', `81 ${FIXED} 0000`],
    ['a cut extension header', `90 ${FIXED} bede00`],
    ['a cut extension', `90 ${FIXED} bede 0002 10ff0000`],
    ['padding of 0', `a0 ${FIXED} aa00`],
    ['more padding than payload', `a0 ${FIXED} aa03`],
    ['a padding flag without payload', `a0 ${FIXED}`],
  ])('refuses %s', (_, hex) => {
    expect(parseRtp(bytesOf(hex))).toBeUndefined();
  });

  it('does not read before the start of a view into a larger buffer', () => {
    const whole = bytesOf(`ffff 80 ${FIXED} aabb ffff`);
    const packet = parseRtp(whole.subarray(2, whole.length - 2));
    expect(packet && [...rtpPayload(packet)]).toEqual([0xaa, 0xbb]);
  });

  it('knows the header length of an encrypted packet, whatever its last byte', () => {
    expect(rtpHeaderLength(bytesOf(`b0 ${FIXED} bede 0001 10ff0000 ff`))).toBe(20);
    expect(rtpHeaderLength(bytesOf(`90 ${FIXED} bede 0001 10ff`))).toBeUndefined();
  });
});

describe('header extensions', () => {
  const oneByte = parsed(`90 ${FIXED} bede 0004 10 61 00 22 010203 00 e1 beef f0 aa 12 3456 99`);
  const twoByte = parsed(`90 ${FIXED} 1005 0003 01 00 00 0f 01 61 10 02 beef 0000 99`);

  it.each([
    [1, [0x61]],
    [2, [1, 2, 3]],
    [14, [0xbe, 0xef]],
    [3, undefined],
    [0, undefined],
    [15, undefined],
  ])('one-byte element %i', (id, value) => {
    const found = readExtension(oneByte, id);
    expect(found && [...found]).toEqual(value);
  });

  it('one-byte id 15 ends the block', () => {
    const packet = parsed(`90 ${FIXED} bede 0002 f0 aa 10 61 00 000000`);
    expect(readExtension(packet, 1)).toBeUndefined();
  });

  it.each([
    [1, []],
    [15, [0x61]],
    [16, [0xbe, 0xef]],
    [2, undefined],
    [0, undefined],
  ])('two-byte element %i', (id, value) => {
    const found = readExtension(twoByte, id);
    expect(found && [...found]).toEqual(value);
  });

  it.each([
    ['an element longer than the one-byte block', `90 ${FIXED} bede 0001 13 61 62 63 64 65`],
    ['an element longer than the two-byte block', `90 ${FIXED} 1000 0001 01 05 62 63 64 65`],
    ['a two-byte block that ends before a length', `90 ${FIXED} 1000 0001 000000 01 64`],
    ['another profile', `90 ${FIXED} abcd 0001 10 61 0000 64`],
    ['no extension', `80 ${FIXED} 64`],
  ])('finds nothing in %s', (_, hex) => {
    expect(readExtension(parsed(hex), 1)).toBeUndefined();
  });
});

describe('writing a header', () => {
  it.each([0, 1, 127, 32767, 32768, 65534, 65535])('parses back what it wrote, sequence %i', (sequence) => {
    const header = { payloadType: 111, marker: sequence % 2 === 0, sequence, timestamp: 0xfffffffe, ssrc: 0x80000001 };
    const target = new Uint8Array(20).fill(0xff);
    writeRtpHeader(target, header, 4);
    expect(parseRtp(target.subarray(4))).toMatchObject({
      ...header,
      csrcCount: 0,
      extensionProfile: 0,
      payloadOffset: RTP_HEADER_LENGTH,
      payloadLength: 4,
    });
    expect([...target.subarray(0, 4)]).toEqual([255, 255, 255, 255]);
  });
});

it('takes any bytes without throwing or reading outside', () => {
  const random = seededRandom(1);
  let understood = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = randomBytes(random, 60);
    if (bytes.length > 0 && round % 2 === 0) bytes[0] = 0x80 | ((bytes[0] ?? 0) & 0x33);
    if (bytes.length >= 16 && round % 4 === 0) bytes.set([0xbe, 0xde, 0, 2], 12);
    const packet = parseRtp(bytes);
    if (!packet) continue;
    understood++;
    expect(packet.payloadOffset + packet.payloadLength).toBeLessThanOrEqual(bytes.length);
    for (let id = 0; id < 16; id++) readExtension(packet, id);
  }
  expect(understood).toBeGreaterThan(1000);
});
