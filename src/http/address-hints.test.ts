// Addresses of ours and of the client, from requests.

import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { addressHints } from './address-hints.ts';
import { clientAddress } from './client-address.ts';

describe('the addresses by which a client reached us', () => {
  it.each([
    ['192.0.2.1:8088', '192.0.2.1', ['192.0.2.1']],
    ['192.0.2.1', '::ffff:10.0.0.5', ['192.0.2.1', '10.0.0.5']],
    ['localhost:8088', '::1', ['127.0.0.1', '::1']],
    ['LOCALHOST', '127.0.0.1', ['127.0.0.1']],
    ['[2001:db8::1]:8088', '2001:db8::1', ['2001:db8::1']],
    ['[::ffff:192.0.2.1]', '192.0.2.1', ['192.0.2.1']],
    ['sfu.example.org', '172.18.0.2', ['172.18.0.2']],
    ['sfu.example.org', 'fe80::1%eth0', ['fe80::1']],
    ['0.0.0.0:8088', '127.0.0.1', ['127.0.0.1']],
    ['[::]', undefined, []],
    [undefined, '10.0.0.5', ['10.0.0.5']],
    ['[nonsense', '10.0.0.5', ['10.0.0.5']],
    ['999.1.1.1', '10.0.0.5', ['10.0.0.5']],
  ])('with Host %s and local address %s are %j', (host, localAddress, expected) => {
    const headers = host === undefined ? {} : { host };
    expect(addressHints({ headers, socket: { localAddress } })).toEqual(expected);
  });
});

describe('the address of a client', () => {
  const request = (forwardedFor: string | undefined) =>
    ({
      headers: { 'x-forwarded-for': forwardedFor },
      socket: { remoteAddress: '10.0.0.1' },
    }) as unknown as IncomingMessage;

  it.each([
    ['nobody is trusted', '198.51.100.1', () => false, '10.0.0.1'],
    ['one hop is trusted', '203.0.113.9, 198.51.100.1', (_: string, hop: number) => hop < 1, '198.51.100.1'],
    [
      'the proxies are trusted by address',
      '203.0.113.9, 198.51.100.1, 10.0.0.2',
      (address: string) => address.startsWith('10.'),
      '198.51.100.1',
    ],
    ['everybody is trusted', '203.0.113.9, 198.51.100.1', () => true, '203.0.113.9'],
    ['there is no header', undefined, () => true, '10.0.0.1'],
  ])('when %s', (_, forwardedFor, isTrusted, expected) => {
    expect(clientAddress(request(forwardedFor), isTrusted)).toBe(expected);
  });
});
