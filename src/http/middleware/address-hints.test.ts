// Addresses of ours and of the client, from requests.

import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { addressHints } from './address-hints.ts';
import { clientAddress } from './client-address.ts';

describe('the addresses by which a client reached us', () => {
  const nobody = () => false;
  const LOCAL = { localAddress: '::ffff:127.0.0.1', remoteAddress: '::ffff:127.0.0.1' };
  const LAN = { localAddress: '192.168.1.5', remoteAddress: '192.168.1.77' };
  const INTERNET = { localAddress: '10.0.0.5', remoteAddress: '198.51.100.7' };

  it.each([
    ['192.0.2.1:8088', { ...INTERNET, localAddress: '192.0.2.1' }, ['192.0.2.1']],
    ['192.0.2.1', { ...INTERNET, localAddress: '::ffff:10.0.0.5' }, ['192.0.2.1', '10.0.0.5']],
    ['192.168.1.5:8088', LAN, ['192.168.1.5']],
    ['[2001:db8::1]:8088', { localAddress: '2001:db8::1', remoteAddress: '2001:db8::7' }, ['2001:db8::1']],
    ['[::ffff:192.0.2.1]', { ...INTERNET, localAddress: '192.0.2.1' }, ['192.0.2.1']],
    ['sfu.example.org', INTERNET, ['10.0.0.5']],
    ['sfu.example.org', { localAddress: 'fe80::1%eth0', remoteAddress: 'fe80::2%eth0' }, ['fe80::1']],
    ['[::]', {}, []],
    [undefined, INTERNET, ['10.0.0.5']],
    ['[nonsense', INTERNET, ['10.0.0.5']],
    ['999.1.1.1', INTERNET, ['10.0.0.5']],
  ])('with Host %s at %j are %j', (host, socket, expected) => {
    const headers = host === undefined ? {} : { host };
    expect(addressHints({ headers, socket }, nobody)).toEqual(expected);
  });

  it.each([
    ['localhost:8088', { localAddress: '::1', remoteAddress: '::1' }, ['127.0.0.1', '::1']],
    ['LOCALHOST', LOCAL, ['127.0.0.1']],
    ['127.0.0.1:8088', LOCAL, ['127.0.0.1']],
    ['0.0.0.0:8088', LOCAL, ['127.0.0.1']],
    ['localhost:8088', { localAddress: '172.18.0.2', remoteAddress: '172.18.0.1' }, ['127.0.0.1', '172.18.0.2']],
  ])('include loopback for a client on this machine: Host %s at %j', (host, socket, expected) => {
    expect(addressHints({ headers: { host }, socket }, nobody)).toEqual(expected);
  });

  it.each([
    ['it comes from elsewhere', 'localhost', INTERNET, {}, nobody, ['10.0.0.5']],
    ['it comes for another name', 'sfu.example.org', LOCAL, {}, nobody, []],
    ['a proxy names the client', 'localhost:8088', LOCAL, { 'x-forwarded-for': '198.51.100.7' }, nobody, []],
    ['a proxy names it as RFC 7239 says', '127.0.0.1:8088', LOCAL, { forwarded: 'for=198.51.100.7' }, nobody, []],
    ['a proxy names it in its own header', '[::1]', LOCAL, { 'x-real-ip': '198.51.100.7' }, nobody, []],
    ['the proxy is trusted and says nothing', '127.0.0.1', LOCAL, {}, (address: string) => /127/.test(address), []],
  ])('do not include loopback when %s', (_why, host, socket, headers, isTrusted, expected) => {
    expect(addressHints({ headers: { host, ...headers }, socket }, isTrusted)).toEqual(expected);
  });

  it.each([
    ['203.0.113.7', ['203.0.113.7']],
    ['[2001:db8::1]:8443', ['2001:db8::1']],
    ['sfu.example.org', []],
  ])('behind a proxy on another machine are what Host %s says, never where the proxy connects to', (host, expected) => {
    const headers = { host, 'x-forwarded-for': '198.51.100.7' };
    expect(addressHints({ headers, socket: LAN }, nobody)).toEqual(expected);
    expect(addressHints({ headers: { host }, socket: LAN }, () => true)).toEqual(expected);
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
