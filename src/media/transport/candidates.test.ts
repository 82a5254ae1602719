import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type CandidateOptions, candidateLines, hostAddresses } from './candidates.ts';

function info(address: string, internal = false): NetworkInterfaceInfo {
  const base = { address, internal, netmask: '', mac: '', cidr: null };
  return address.includes(':') ? { ...base, family: 'IPv6', scopeid: 0 } : { ...base, family: 'IPv4' };
}

const LOOPBACK = { lo: [info('127.0.0.1', true), info('::1', true)] };

describe('the addresses of a host', () => {
  it.each<[string, Record<string, NetworkInterfaceInfo[] | undefined>, string[]]>([
    ['IPv4 before IPv6', { ...LOOPBACK, eth0: [info('2001:db8::5'), info('192.0.2.5')] }, ['192.0.2.5', '2001:db8::5']],
    [
      'without bridges and containers',
      {
        ...LOOPBACK,
        docker0: [info('172.17.0.1')],
        'br-1234': [info('172.18.0.1')],
        veth1: [info('10.9.9.9')],
        virbr0: [info('192.168.122.1')],
        eth0: [info('192.0.2.5')],
      },
      ['192.0.2.5'],
    ],
    [
      'without link-local ones',
      { ...LOOPBACK, eth0: [info('169.254.1.1'), info('fe80::1'), info('192.0.2.5')] },
      ['192.0.2.5'],
    ],
    [
      'of all real interfaces',
      { eth0: [info('192.0.2.5')], wlan0: [info('198.51.100.7')] },
      ['192.0.2.5', '198.51.100.7'],
    ],
    ['only loopback when there is nothing else', { ...LOOPBACK, docker0: [info('172.17.0.1')] }, ['127.0.0.1', '::1']],
    ['none without interfaces', { eth0: undefined }, []],
  ])('are %s', (_name, interfaces, expected) => {
    expect(hostAddresses(interfaces)).toEqual(expected);
  });
});

const OPTIONS: CandidateOptions = {
  announced: [],
  host: ['192.0.2.5', '2001:db8::5'],
  hints: [],
  role: 'publisher',
  port: 8189,
  ipv6: true,
};

/** The addresses in the order of the lines. */
const ordered = (options: Partial<CandidateOptions>) =>
  candidateLines({ ...OPTIONS, ...options }).map((line) => line.split(' ')[4]);

describe('candidates', () => {
  it.each<[string, Partial<CandidateOptions>, string[]]>([
    ['are the addresses in their order', {}, ['192.0.2.5', '2001:db8::5']],
    [
      'start with the address that the client used, when the operator named none',
      { hints: ['198.51.100.1'] },
      ['198.51.100.1', '192.0.2.5', '2001:db8::5'],
    ],
    [
      'start with what the operator named, when they did',
      { hints: ['198.51.100.1'], announced: ['203.0.113.9'] },
      ['203.0.113.9', '198.51.100.1'],
    ],
    [
      'start with loopback when the client came by it, even then, and end with the addresses of the host',
      { hints: ['127.0.0.1'], announced: ['203.0.113.9'] },
      ['127.0.0.1', '203.0.113.9', '192.0.2.5', '2001:db8::5'],
    ],
    [
      'of a viewer on this machine start with its addresses, from which browsers are answered at the first try',
      { role: 'viewer', hints: ['127.0.0.1', '::1'], announced: ['203.0.113.9'] },
      ['192.0.2.5', '2001:db8::5', '127.0.0.1', '::1', '203.0.113.9'],
    ],
    [
      'of a viewer behind the port mapping of Docker start with loopback',
      { role: 'viewer', hints: ['127.0.0.1', '172.18.0.2'], host: ['172.18.0.2'] },
      ['127.0.0.1', '172.18.0.2'],
    ],
    ['name an address once', { hints: ['2001:db8::5', '192.0.2.5'] }, ['2001:db8::5', '192.0.2.5']],
    ['leave IPv6 out without an IPv6 socket', { ipv6: false, hints: ['::1'] }, ['192.0.2.5']],
    [
      'ignore hints that are no addresses or link-local',
      { hints: ['example.org', 'abcd.local', '', '169.254.3.4', 'fe80::1'] },
      ['192.0.2.5', '2001:db8::5'],
    ],
  ])('%s', (_name, options, expected) => {
    expect(ordered(options)).toEqual(expected);
  });

  it('are UDP host candidates with falling priority, foundations of their own and the port', () => {
    const lines = candidateLines(OPTIONS);
    expect(lines[0]).toBe('candidate:1 1 udp 2130706431 192.0.2.5 8189 typ host');
    expect(lines[1]).toBe('candidate:2 1 udp 2130706175 2001:db8::5 8189 typ host');
  });
});
