// The certificate for HTTPS: the operator's, or a self-signed one that is made once and kept.
// It must not know servers.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { ConfigError } from '../config.ts';

export interface CertificateOptions {
  /** Files of the operator, both or none. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly dataDir: string;
  readonly announcedAddresses: readonly string[];
  /** Unix ms. */
  readonly nowMs?: number;
  /** Names and addresses of this machine; asked when not given. */
  readonly hosts?: Hosts;
}

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly source: 'settings' | 'kept' | 'made';
}

/** `lasting` ones must be in a kept certificate; `passing` ones are put into a new one, but do not make it void. */
export interface Hosts {
  readonly lasting: readonly string[];
  readonly passing: readonly string[];
}

const DAY_MS = 86_400_000;
// Browsers refuse certificates of more than 398 days.
const VALID_DAYS = 397;
const RENEW_BEFORE_DAYS = 30;
const DNS_NAME = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** Error: ConfigError, naming the setting and the file. */
export async function loadCertificate(options: CertificateOptions): Promise<Certificate> {
  const { tlsCert, tlsKey, dataDir, announcedAddresses, nowMs = Date.now(), hosts = hostsOfMachine() } = options;
  if (tlsCert && tlsKey) return readGiven(tlsCert, tlsKey);
  const lasting = unique([...hosts.lasting, ...announcedAddresses]);
  const folder = join(dataDir, 'tls');
  const kept = await readKept(folder);
  if (kept && isGood(kept.cert, lasting, nowMs)) return { ...kept, source: 'kept' };
  const made = await make(unique([...lasting, ...hosts.passing]), nowMs);
  await keep(folder, made);
  return { ...made, source: 'made' };
}

async function readGiven(certFile: string, keyFile: string): Promise<Certificate> {
  const cert = await readSetting('TLS_CERT', certFile);
  const key = await readSetting('TLS_KEY', keyFile);
  const certificate = parsed(
    () => new X509Certificate(cert),
    'TLS_CERT',
    certFile,
    'holds no certificate in PEM format',
  );
  const privateKey = parsed(
    () => createPrivateKey(key),
    'TLS_KEY',
    keyFile,
    'holds no private key in PEM format without a passphrase',
  );
  if (!certificate.checkPrivateKey(privateKey))
    fail('TLS_KEY', keyFile, `does not belong to the certificate in ${certFile} (TLS_CERT)`);
  return { cert, key, source: 'settings' };
}

async function readSetting(name: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    return fail(name, file, `cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function parsed<T extends X509Certificate | KeyObject>(parse: () => T, name: string, file: string, message: string): T {
  try {
    return parse();
  } catch {
    return fail(name, file, message);
  }
}

function fail(name: string, file: string, message: string): never {
  throw new ConfigError([{ name, message: `the file ${file} ${message}.` }]);
}

/** Undefined when there is none, or it is damaged: then a new one is made. */
async function readKept(folder: string): Promise<{ cert: string; key: string } | undefined> {
  try {
    const cert = await readFile(join(folder, 'cert.pem'), 'utf8');
    const key = await readFile(join(folder, 'key.pem'), 'utf8');
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) ? { cert, key } : undefined;
  } catch {
    return undefined;
  }
}

function isGood(pem: string, hosts: readonly string[], nowMs: number): boolean {
  const certificate = new X509Certificate(pem);
  if (certificate.validToDate.getTime() - nowMs < RENEW_BEFORE_DAYS * DAY_MS) return false;
  return hosts.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined);
}

async function make(hosts: readonly string[], nowMs: number): Promise<{ cert: string; key: string }> {
  const altNames = hosts.map((host) =>
    isIP(host) ? { type: 7 as const, ip: host } : { type: 2 as const, value: host },
  );
  const made = await generate([{ name: 'commonName', value: 'Fanlight' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // Clocks in a LAN differ.
    notBeforeDate: new Date(nowMs - DAY_MS),
    notAfterDate: new Date(nowMs + (VALID_DAYS - 1) * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  });
  return { cert: made.cert, key: made.private };
}

async function keep(folder: string, { cert, key }: { cert: string; key: string }): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [name, text] of [
      ['key.pem', key],
      ['cert.pem', cert],
    ] as const) {
      // Renamed into place: a stop in between leaves no half file, and the mode is right from the first byte.
      await writeFile(join(folder, `${name}.new`), text, { mode: 0o600 });
      await rename(join(folder, `${name}.new`), join(folder, name));
    }
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new ConfigError([{ name: 'DATA_DIR', message: `the certificate cannot be kept in ${folder}: ${reason}.` }]);
  }
}

function hostsOfMachine(): Hosts {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = addresses.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const ofFamily = (family: string) => outside.filter((each) => each.family === family).map(({ address }) => address);
  return {
    lasting: [
      'localhost',
      '127.0.0.1',
      '::1',
      ...[hostname()].filter((name) => DNS_NAME.test(name)),
      ...ofFamily('IPv4'),
    ],
    // Privacy extensions change IPv6 addresses daily; a new certificate each time would mean a new warning each time.
    passing: ofFamily('IPv6'),
  };
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
