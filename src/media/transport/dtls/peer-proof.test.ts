import { hash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { hasFingerprint } from './peer-proof.ts';

vi.mock('node:crypto', async (original) => {
  const actual = await original<typeof import('node:crypto')>();
  return { ...actual, hash: vi.fn(actual.hash) };
});

const CERTIFICATE = Buffer.from('a certificate');
const fingerprintBy = (algorithm: string) =>
  hash(algorithm, CERTIFICATE, 'hex')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&:');
const WRONG = `${'AB:'.repeat(31)}AB`;

describe('the fingerprints of an offer', () => {
  it('cost one digest for each algorithm, however many there are', () => {
    const right = fingerprintBy('sha256');
    const expected = [
      ...Array.from({ length: 6 }, () => ({ algorithm: 'sha-256', value: WRONG })),
      { algorithm: 'sha-512', value: WRONG },
      { algorithm: 'sha-256', value: right },
    ];
    vi.mocked(hash).mockClear();
    expect(hasFingerprint(CERTIFICATE, expected)).toBe(true);
    expect(vi.mocked(hash).mock.calls.map(([algorithm]) => algorithm)).toEqual(['sha256', 'sha512']);
  });

  it('are each compared with the digest of their own algorithm', () => {
    const sha512 = fingerprintBy('sha512');
    expect(hasFingerprint(CERTIFICATE, [{ algorithm: 'sha-256', value: sha512 }])).toBe(false);
    expect(hasFingerprint(CERTIFICATE, [{ algorithm: 'sha-512', value: sha512 }])).toBe(true);
  });
});
