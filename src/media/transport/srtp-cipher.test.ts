import { describe, expect, it } from 'vitest';
import { createSrtpCipher } from './srtp-cipher.ts';
import { deriveSrtpKeys, type SrtpKeySet } from './srtp-keys.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('key derivation', () => {
  it('gives the session keys of RFC 3711 B.3', () => {
    const masterKey = hex('E1F97A0D3E018BE0D64FA32C06DE4139');
    const masterSalt = hex('0EC675AD498AFEEBB6960B3AABE6');
    const { rtp, rtcp } = deriveSrtpKeys(1, masterKey, masterSalt);
    expect(rtp.encryptionKey).toEqual(hex('C61E7A93744F39EE10734AFE3FF7A087'));
    expect(rtp.salt).toEqual(hex('30CBBC08863D8C85D49DB34A9AE1'));
    expect(rtp.authenticationKey).toEqual(hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'));
    expect(rtcp.encryptionKey).not.toEqual(rtp.encryptionKey);
  });

  it.each([
    [7, 16, 14],
    [1, 16, 12],
    [7, 32, 12],
  ] as const)('refuses for profile %i a key of %i and a salt of %i bytes', (profile, keyLength, saltLength) => {
    expect(() => deriveSrtpKeys(profile, Buffer.alloc(keyLength), Buffer.alloc(saltLength))).toThrow('SRTP profile');
  });
});

describe('AES counter mode', () => {
  it('gives the keystream of RFC 3711 B.2', () => {
    const keySet: SrtpKeySet = {
      encryptionKey: hex('2B7E151628AED2A6ABF7158809CF4F3C'),
      authenticationKey: Buffer.alloc(20),
      salt: hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD'),
    };
    const cipher = createSrtpCipher(1, { rtp: keySet, rtcp: keySet });
    // SSRC and index 0, as there; a payload of zeros shows the keystream.
    const packet = Buffer.concat([hex('80 00 0000 00000000 00000000'), Buffer.alloc(48)]);
    expect(cipher.protectRtp(packet, 12, 0).subarray(12, 60)).toEqual(
      hex('E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0'),
    );
  });
});

describe('AES-GCM, the vectors of RFC 7714', () => {
  const keySet: SrtpKeySet = {
    encryptionKey: hex('000102030405060708090a0b0c0d0e0f'),
    authenticationKey: Buffer.alloc(0),
    salt: hex('517569642070726f2071756f'),
  };
  const cipher = createSrtpCipher(7, { rtp: keySet, rtcp: keySet });

  const rtp = Buffer.concat([hex('8040f17b8041f8d35501a0b2'), Buffer.from('Gallia est omnis divisa in partes tres')]);
  const srtp = hex(
    '8040f17b8041f8d35501a0b2 f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833' +
      '899d7f27beb16a9152cf765ee4390cce',
  );

  it('§16.1.1 and §16.1.2: SRTP both ways', () => {
    expect(cipher.protectRtp(rtp, 12, 0xf17b)).toEqual(srtp);
    expect(cipher.unprotectRtp(srtp, 12, 0xf17b)).toEqual(rtp);
  });

  const rtcp = hex(
    '81c8000d4d617273 4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef',
  );
  const srtcp = hex(
    '81c8000d4d617273 63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b' +
      'c84aa45896cf4d2fc5abf87245d9eade 800005d4',
  );

  it('§17.1: SRTCP both ways', () => {
    expect(cipher.protectRtcp(rtcp, 0x5d4)).toEqual(srtcp);
    expect(cipher.rtcpIndex(srtcp)).toBe(0x5d4);
    expect(cipher.unprotectRtcp(srtcp)).toEqual(rtcp);
  });

  it('§17.3: SRTCP that is only authenticated', () => {
    const tagged = Buffer.concat([rtcp, hex('841dd9683dd78ec92ae58790125f62b3 000005d4')]);
    expect(cipher.unprotectRtcp(tagged)).toEqual(rtcp);
    tagged[20] = (tagged[20] ?? 0) ^ 1;
    expect(cipher.unprotectRtcp(tagged)).toBeUndefined();
  });
});
