import { describe, expect, it } from 'vitest';
import { type Message, parseMessage } from 'werift';
import { randomBytes, seededRandom } from '../../rtp/seeded-network.ts';
import { bindingRequest } from '../../test/transport-peers.ts';
import { bindingResponse, integrityKey, isAuthentic, isStun, localFragmentOf, readBindingRequest } from './stun.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

/** RFC 5769 §2.1: password VOkJxbRl1RmTxUk/WvJxBt, username evtj:h6vY, software "STUN test client". */
const SAMPLE = hex(`
  000100582112a442b7e7a701bc34d686fa87dfae 802200105354554e207465737420636c69656e74 002400046e0001ff
  80290008932ff9b151263b36 0006000965 76746a3a68367659202020 000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
  80280004e57a3bcf`);
const PASSWORD = integrityKey('VOkJxbRl1RmTxUk/WvJxBt');

function request(options: Parameters<typeof bindingRequest>[0] = { username: 'a:b', password: 'secret' }) {
  const read = readBindingRequest(bindingRequest(options).bytes);
  if (!read) throw new Error('not read');
  return read;
}

describe('a binding request', () => {
  it('is read as in the sample of RFC 5769', () => {
    const read = readBindingRequest(SAMPLE);
    expect(read).toMatchObject({ useCandidate: false, hasRoleConflict: true });
    expect(localFragmentOf(SAMPLE)).toBe('evtj');
    expect(read && isAuthentic(read, PASSWORD)).toBe(true);
    expect(read && isAuthentic(read, integrityKey('another'))).toBe(false);
  });

  it('is not authentic, or not read at all, with any one bit turned', () => {
    for (let bit = 0; bit < SAMPLE.length * 8; bit++) {
      const turned = Buffer.from(SAMPLE);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const read = readBindingRequest(turned);
      expect(read !== undefined && isAuthentic(read, PASSWORD), `bit ${bit}`).toBe(false);
    }
  });

  it.each([
    ['nominates', { useCandidate: true }, { useCandidate: true, hasRoleConflict: false }],
    ['only asks', {}, { useCandidate: false, hasRoleConflict: false }],
    ['claims our role', { role: 'controlled' }, { useCandidate: false, hasRoleConflict: true }],
  ] as const)('that %s says so', (_name, options, expected) => {
    expect(request({ username: 'a:b', password: 'secret', ...options })).toMatchObject(expected);
  });

  it('without MESSAGE-INTEGRITY is not authentic', () => {
    expect(isAuthentic(request({ username: 'a:b' }), integrityKey('secret'))).toBe(false);
  });

  it('with anything but FINGERPRINT behind MESSAGE-INTEGRITY is not authentic', () => {
    const { bytes } = bindingRequest({ username: 'a:b', password: 'secret', fingerprint: false });
    const tampered = Buffer.concat([bytes, hex('00250000')]);
    tampered.writeUInt16BE(tampered.length - 20, 2);
    const read = readBindingRequest(tampered);
    expect(read).toMatchObject({ useCandidate: false, integrityAt: undefined });
    expect(read && isAuthentic(read, integrityKey('secret'))).toBe(false);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['a response', (bytes) => bytes.fill(1, 0, 1)],
    ['without the cookie', (bytes) => bytes.fill(0, 4, 8)],
    ['cut', (bytes) => bytes.subarray(0, -4)],
    ['longer than it says', (bytes) => Buffer.concat([bytes, Buffer.alloc(4)])],
    ['with a wrong fingerprint', (bytes) => bytes.fill(7, bytes.length - 1)],
    ['with an attribute that leads out of it', (bytes) => bytes.fill(255, 22, 24)],
    ['without anything', () => Buffer.alloc(0)],
  ])('is not read %s', (_name, spoil) => {
    const { bytes } = bindingRequest({ username: 'a:b', password: 'secret' });
    expect(readBindingRequest(spoil(Buffer.from(bytes)))).toBeUndefined();
  });

  it('never throws, whatever comes', () => {
    const random = seededRandom(7);
    for (let count = 0; count < 2000; count++) {
      const bytes = Buffer.from(randomBytes(random, 120));
      const message = Buffer.concat([hex('0001 0000 2112a442'), Buffer.alloc(12), bytes]);
      message.writeUInt16BE(bytes.length, 2);
      for (const datagram of [bytes, message]) {
        localFragmentOf(datagram);
        const read = readBindingRequest(datagram);
        if (read) expect(isAuthentic(read, PASSWORD)).toBe(false);
      }
    }
  });
});

describe('a response', () => {
  const key = integrityKey('secret');
  const parsed = (response: Buffer): Message | undefined => parseMessage(response, Buffer.from('secret'));

  // As another implementation reads it.
  it.each([
    ['192.0.2.1', 32_853, '192.0.2.1'],
    ['2001:db8:1234:5678:11:2233:4455:6677', 32_853, '2001:db8:1234:5678:11:2233:4455:6677'],
    ['2001:db8::7', 1, '2001:db8::7'],
    ['::1', 65_535, '::1'],
    ['fe80::1%eth0', 5, 'fe80::1'],
    ['::', 9, '::'],
  ])('to %s port %i is authentic and tells that address', (address, port, expected) => {
    const asked = request();
    const message = parsed(bindingResponse(asked, address, port, key));
    expect(message?.getAttributeValue('XOR-MAPPED-ADDRESS')).toEqual([expected, port]);
    expect(message?.transactionId).toEqual(asked.datagram.subarray(8, 20));
    expect(message?.attributesKeys).toEqual(['XOR-MAPPED-ADDRESS', 'MESSAGE-INTEGRITY', 'FINGERPRINT']);
  });

  it.each([
    [
      '192.0.2.1',
      `0101003c2112a442b7e7a701bc34d686fa87dfae 8022000b7465737420766563746f7220 002000080001a147e112a643
       000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004c07d4c96`,
      '0001a147e112a643',
    ],
    [
      '2001:db8:1234:5678:11:2233:4455:6677',
      `010100482112a442b7e7a701bc34d686fa87dfae 8022000b7465737420766563746f7220
       002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9 00080014a382954e4be67bf11784c97c8292c275bfe3ed41 80280004c8fb0b4c`,
      '0002a1470113a9faa5d3f179bc25f4b5bed2b9d9',
    ],
  ])('hides %s as the samples of RFC 5769 do', (address, sample, expected) => {
    const asked = { ...request(), datagram: SAMPLE };
    const response = bindingResponse(asked, address, 32_853, PASSWORD);
    expect(hex(sample).includes(hex(expected))).toBe(true);
    expect(response.subarray(24, 24 + expected.length / 2).toString('hex')).toBe(expected);
  });

  it('in a role conflict is error 487', () => {
    const message = parsed(
      bindingResponse(request({ username: 'a:b', password: 'secret', role: 'controlled' }), '192.0.2.1', 1, key),
    );
    expect(message?.getAttributeValue('ERROR-CODE')).toEqual([487, 'Role Conflict']);
    expect(message?.messageClass).toBe(0x110);
  });
});

it.each([
  [3, 20, true],
  [3, 19, false],
  [4, 20, false],
])('a datagram that starts with %i and has %i bytes is STUN: %s', (first, bytes, expected) => {
  expect(isStun(Buffer.alloc(bytes, first))).toBe(expected);
});
