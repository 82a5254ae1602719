// Turns ANNOUNCED_ADDRESSES into addresses: names are resolved once, at start.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { ConfigError } from './config.ts';

/** IP addresses in the order of the setting; a name gives all of its own, IPv4 first. Error: ConfigError. */
export async function resolveAnnounced(named: readonly string[]): Promise<string[]> {
  const resolved = await Promise.all(named.map(async (name) => (isIP(name) ? [name] : await resolve(name))));
  return resolved.flat();
}

async function resolve(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true, order: 'ipv4first' })).map(({ address }) => address);
  } catch {
    throw new ConfigError([{ name: 'ANNOUNCED_ADDRESSES', message: `${name} cannot be resolved.` }]);
  }
}
