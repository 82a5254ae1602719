// Which addresses we announce, and the candidate lines for them (RFC 8839 §5.1). Pure but for the list of interfaces
// that is handed in. ICE-lite: host candidates only, nobody outside is asked.

import { isIP, isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import type { Role } from '../../broadcast/ports.ts';

/** Bridges and tunnels that no client can reach. */
const VIRTUAL = /^(docker|br-|veth|virbr|lxc|cni|flannel|cali)/;

/** Addresses of the host that clients may reach, IPv4 first; loopback only when there is nothing else. */
export function hostAddresses(interfaces: Readonly<Record<string, NetworkInterfaceInfo[] | undefined>>): string[] {
  const all = Object.entries(interfaces).flatMap(([name, infos]) => (infos ?? []).map((info) => ({ name, info })));
  const usable = all.filter(({ name, info }) => !info.internal && !VIRTUAL.test(name) && !isLinkLocal(info.address));
  const chosen = usable.length > 0 ? usable : all.filter(({ info }) => info.internal);
  return chosen.map(({ info }) => info.address).sort((a, b) => Number(isIPv4(b)) - Number(isIPv4(a)));
}

function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || address.toLowerCase().startsWith('fe80:');
}

/** RFC 6890: reachable only on the same host. */
function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

export interface CandidateOptions {
  /** What the operator named, best first; may be empty. */
  readonly announced: readonly string[];
  /** Of this host's interfaces, as `hostAddresses` gives them. */
  readonly host: readonly string[];
  /** By which this client reached us over HTTP, best first. */
  readonly hints: readonly string[];
  readonly role: Role;
  readonly port: number;
  readonly ipv6: boolean;
}

/**
 * `candidate:…` lines, best first: some clients (FFmpeg) use only the first. What the operator named comes first,
 * else the address that this client has just used. A client that came by loopback gets that first, and the host's own
 * addresses too: a browser that is bound to one of them does not take our answer for that of 127.0.0.1, and loses 50 ms with
 * each address that it tries in vain. So a viewer on this machine gets its own addresses first; a publisher may be FFmpeg.
 */
export function candidateLines({ announced, host, hints, role, port, ipv6 }: CandidateOptions): string[] {
  const usableHints = hints.filter((hint) => isIP(hint) !== 0 && !isLinkLocal(hint));
  const local = usableHints.filter(isLoopback);
  const remote = usableHints.filter((hint) => !isLoopback(hint));
  const own = announced.length === 0 || local.length > 0 ? host : [];
  // Who comes through Docker's port mapping is named by both: loopback, and an address of the container.
  const isViewerHere = role === 'viewer' && local.length > 0 && remote.length === 0;
  const ordered = isViewerHere ? [...own, ...local, ...announced] : [...local, ...announced, ...remote, ...own];
  return [...new Set(ordered)]
    .filter((address) => isIPv4(address) || ipv6)
    .map((address, index) => {
      // RFC 8445 §5.1.2.1: type preference 126 (host), local preference falling, component 1.
      const priority = 126 * 2 ** 24 + (65_535 - index) * 2 ** 8 + 255;
      return `candidate:${index + 1} 1 udp ${priority} ${address} ${port} typ host`;
    });
}
