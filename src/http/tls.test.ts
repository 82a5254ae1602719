// Certificates: made once, kept, renewed when they must be; and those of the operator.

import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type CertificateOptions, loadCertificate } from './tls.ts';

const DAY_MS = 86_400_000;
const HOSTS = { lasting: ['localhost', '127.0.0.1', '::1', '192.0.2.7'], passing: ['2001:db8::77'] };

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'fanlight-tls-'));
});

function load(options: Partial<CertificateOptions> = {}) {
  return loadCertificate({
    tlsCert: undefined,
    tlsKey: undefined,
    dataDir,
    announcedAddresses: [],
    hosts: HOSTS,
    ...options,
  });
}

describe('a self-signed certificate', () => {
  it('is good for all names and addresses of the machine and for those that are announced', async () => {
    const { cert, source } = await load({ announcedAddresses: ['sfu.example.org', '203.0.113.9'] });
    const certificate = new X509Certificate(cert);
    expect(source).toBe('made');
    for (const name of ['localhost', 'sfu.example.org']) expect(certificate.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::77', '203.0.113.9']) {
      expect(certificate.checkIP(address)).toBe(address);
    }
  });

  it('is one that browsers take: not a CA, and for less than 398 days', async () => {
    const certificate = new X509Certificate((await load()).cert);
    expect(certificate.ca).toBe(false);
    const days = (certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / DAY_MS;
    expect(days).toBeGreaterThan(390);
    expect(days).toBeLessThan(398);
  });

  it('is kept in files that nobody else can read, and used again', async () => {
    const { cert } = await load();
    for (const name of ['key.pem', 'cert.pem']) expect(statSync(join(dataDir, 'tls', name)).mode & 0o777).toBe(0o600);
    expect(await load()).toMatchObject({ cert, source: 'kept' });
  });

  it('is made anew a month before it ends', async () => {
    const { cert } = await load();
    const endMs = new X509Certificate(cert).validToDate.getTime();
    expect((await load({ nowMs: endMs - 31 * DAY_MS })).source).toBe('kept');
    expect((await load({ nowMs: endMs - 29 * DAY_MS })).source).toBe('made');
  });

  it('is made anew when the machine has an address that is not in it', async () => {
    await load();
    const { cert, source } = await load({ hosts: { ...HOSTS, lasting: [...HOSTS.lasting, '192.0.2.8'] } });
    expect(source).toBe('made');
    expect(new X509Certificate(cert).checkIP('192.0.2.8')).toBe('192.0.2.8');
  });

  it('stays when only a passing IPv6 address is new', async () => {
    await load();
    expect((await load({ hosts: { ...HOSTS, passing: ['2001:db8::99'] } })).source).toBe('kept');
  });

  it('is made anew when the files are damaged', async () => {
    await load();
    writeFileSync(join(dataDir, 'tls', 'key.pem'), 'nonsense');
    expect((await load()).source).toBe('made');
    expect((await load()).source).toBe('kept');
  });

  it('cannot be kept where nothing can be written: the error names the setting and the folder', async () => {
    writeFileSync(join(dataDir, 'file'), '');
    await expect(load({ dataDir: join(dataDir, 'file') })).rejects.toThrow(/DATA_DIR: .*file\/tls.*ENOTDIR/);
  });
});

describe('a certificate of the operator', () => {
  async function given(): Promise<{ tlsCert: string; tlsKey: string }> {
    await load();
    return { tlsCert: join(dataDir, 'tls', 'cert.pem'), tlsKey: join(dataDir, 'tls', 'key.pem') };
  }

  it('is read', async () => {
    const files = await given();
    expect(await load(files)).toEqual({
      cert: readFileSync(files.tlsCert, 'utf8'),
      key: readFileSync(files.tlsKey, 'utf8'),
      source: 'settings',
    });
  });

  it.each([
    [
      'that is not there',
      /TLS_CERT: the file .*none\.pem cannot be read: ENOENT/,
      async () => ({ tlsCert: join(dataDir, 'none.pem') }),
    ],
    ['that is a folder', /TLS_CERT: .*cannot be read: EISDIR/, async () => ({ tlsCert: dataDir })],
    ['that is no certificate', /TLS_CERT: .*holds no certificate/, async () => ({ tlsCert: (await given()).tlsKey })],
    ['whose key is no key', /TLS_KEY: .*holds no private key/, async () => ({ tlsKey: (await given()).tlsCert })],
    [
      'whose key belongs to another one',
      /TLS_KEY: .*does not belong to the certificate in .*cert\.pem \(TLS_CERT\)/,
      async () => {
        const other = join(dataDir, 'other');
        mkdirSync(other);
        await load({ dataDir: other });
        return { tlsKey: join(other, 'tls', 'key.pem') };
      },
    ],
  ])('%s is an error that names setting and file', async (_, message, change) => {
    const files = { ...(await given()), ...(await change()) };
    await expect(load(files)).rejects.toThrow(message);
  });
});
