import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { randomBytes, seededRandom } from '../../../rtp/seeded-network.ts';
import { masterSecret, pseudoRandom, recordKeys, srtpMasterKeys } from './key-schedule.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

/** RFC 5246 §5, by the library's HMAC. */
function reference(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const hmac = (data: Buffer) => createHmac('sha256', secret).update(data).digest();
  const all = Buffer.concat([Buffer.from(label), seed]);
  const blocks: Buffer[] = [];
  for (let a = hmac(all); blocks.length * 32 < length; a = hmac(a)) blocks.push(hmac(Buffer.concat([a, all])));
  return Buffer.concat(blocks).subarray(0, length);
}

describe('the pseudo-random function', () => {
  it('gives the published test vector for SHA-256', () => {
    const secret = hex('9bbe436ba940f017b17652849a71db35');
    const seed = hex('a0ba9f936cda311827a6f796ffd5198c');
    expect(pseudoRandom(secret, 'test label', seed, 100)).toEqual(
      hex(`e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0
           22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66`),
    );
  });

  it.each([0, 1, 32, 48, 64, 65, 200])('agrees with HMAC for a secret of %i bytes', (bytes) => {
    const random = seededRandom(bytes + 1);
    for (const length of [12, 32, 33, 48, 60, 128]) {
      const secret = Buffer.concat([Buffer.from(randomBytes(random, 200)), Buffer.alloc(200)]).subarray(0, bytes);
      const seed = Buffer.from(randomBytes(random, 64));
      expect(pseudoRandom(secret, 'label', seed, length)).toEqual(reference(secret, 'label', seed, length));
    }
  });

  it('gives memory of its own, which keeps nothing else alive', () => {
    const made = pseudoRandom(Buffer.alloc(48), 'label', Buffer.alloc(64), 40);
    expect(made.buffer.byteLength).toBe(40);
  });
});

describe('the key schedule', () => {
  const [client, server, secret] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)];

  it('takes the randoms for a plain master secret, and the messages for an extended one', () => {
    const both = Buffer.concat([client, server]);
    expect(masterSecret(secret, undefined, client, server)).toEqual(reference(secret, 'master secret', both, 48));
    const sessionHash = Buffer.alloc(32, 4);
    const extended = reference(secret, 'extended master secret', sessionHash, 48);
    expect(masterSecret(secret, sessionHash, client, server)).toEqual(extended);
  });

  it('cuts record keys from a block that the server random begins', () => {
    const block = reference(secret, 'key expansion', Buffer.concat([server, client]), 40);
    const ours = recordKeys('client', secret, client, server);
    expect(Buffer.concat([ours.localKey, ours.remoteKey, ours.localNonce, ours.remoteNonce])).toEqual(block);
    const theirs = recordKeys('server', secret, client, server);
    expect(Buffer.concat([theirs.remoteKey, theirs.localKey, theirs.remoteNonce, theirs.localNonce])).toEqual(block);
  });

  it.each([
    [7, 12],
    [1, 14],
  ] as const)('exports keys for SRTP profile %i with salts of %i bytes', (profile, saltBytes) => {
    const block = reference(secret, 'EXTRACTOR-dtls_srtp', Buffer.concat([client, server]), 32 + 2 * saltBytes);
    const { clientKey, serverKey, clientSalt, serverSalt } = srtpMasterKeys(profile, secret, client, server);
    expect(Buffer.concat([clientKey, serverKey, clientSalt, serverSalt])).toEqual(block);
    expect(serverSalt).toHaveLength(saltBytes);
  });
});
