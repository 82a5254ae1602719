import { describe, expect, it } from 'vitest';
import { ExtensionReader } from './header-extension.ts';
import { parseRtp } from './packet.ts';
import { randomBytes, seededRandom } from './seeded-network.ts';

const reader = new ExtensionReader([
  ['mid', 9],
  ['rid', 10],
  ['repaired-rid', 11],
  ['transport-wide', 4],
  ['orientation', 3],
  ['audio-level', 1],
  ['capture-time', 7],
]);
const NOTHING = {
  mid: undefined,
  rid: undefined,
  repairedRid: undefined,
  transportSequence: undefined,
  passed: undefined,
};

/** A packet with a block of one-byte headers. */
function read(hex: string) {
  const elements = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const words = Math.ceil(elements.length / 4);
  const bytes = new Uint8Array(16 + 4 * words);
  bytes.set([0x90, 96, 0, 1]);
  bytes.set([0xbe, 0xde, 0, words], 12);
  bytes.set(elements, 16);
  const packet = parseRtp(bytes);
  if (!packet) throw new Error('not a packet');
  return reader.read(packet);
}

describe('the extensions of a packet', () => {
  it('are read by the ids that were negotiated', () => {
    expect(read('91 3130 a0 66 41 fffe')).toEqual({ ...NOTHING, mid: '10', rid: 'f', transportSequence: 65_534 });
    expect(read('b0 68')).toEqual({ ...NOTHING, repairedRid: 'h' });
  });

  it('that viewers get are kept apart', () => {
    const time = '0102030405060708';
    expect(read(`30 0b 10 85 77 ${time}`).passed).toEqual({
      orientation: 0x0b,
      audioLevel: 0x85,
      captureTime: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]),
    });
    expect(read(`7f ${time}${time}`).passed?.captureTime).toHaveLength(16);
    expect(read('30 00').passed).toEqual({ orientation: 0 });
  });

  it.each([
    ['unknown ids', 'd0 01 c0 01'],
    ['a transport-wide number of one byte', '40 01'],
    ['an orientation of two bytes', '31 0101'],
    ['a capture time of nine bytes', '78 010203040506070809'],
  ])('leave out %s', (_name, hex) => {
    expect(read(hex)).toEqual(NOTHING);
  });

  it('are nothing in a packet without any', () => {
    const packet = parseRtp(Buffer.from('80600001000000000000000155', 'hex'));
    expect(packet && reader.read(packet)).toEqual(NOTHING);
  });

  it('may be any bytes', () => {
    const random = seededRandom(8285);
    let found = 0;
    for (let round = 0; round < 5000; round++) {
      const bytes = Uint8Array.from([
        0x90,
        96,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        1,
        0xbe,
        0xde,
        0,
        3,
        ...randomBytes(random, 40),
      ]);
      const packet = parseRtp(bytes);
      if (packet && JSON.stringify(reader.read(packet)) !== JSON.stringify(NOTHING)) found++;
    }
    expect(found).toBeGreaterThan(100);
  });
});
