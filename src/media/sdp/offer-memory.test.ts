import { describe, expect, it } from 'vitest';
import { CHROME_VIEWER, PUBLISHERS, SAFARI_VIEWER, sdp, VIEWERS } from '../../test/sample-offers.ts';
import { parseOffer } from './offer.ts';
import { OfferMemory } from './offer-memory.ts';

/** The same client with other credentials. */
function another(lines: readonly string[], count: number): string[] {
  return lines.map((line) =>
    line
      .replace(/^(o=\S+) \d+/, `$1 ${count}000`)
      .replace(/^(a=ice-ufrag:).*/, `$1frag${count}`)
      .replace(/^(a=ice-pwd:).*/, `$1password/+${count}`)
      .replace(/^(a=fingerprint:sha-256 ).*/, `$1aa:0${count}`),
  );
}

describe('an offer that is remembered', () => {
  it.each(Object.entries({ ...PUBLISHERS, ...VIEWERS }))('is what parsing it gives: %s', (_name, lines) => {
    const memory = new OfferMemory();
    for (const text of [sdp(lines), sdp(another(lines, 1)), sdp(another(lines, 2), '\n')]) {
      expect(memory.parse(text)).toEqual(parseOffer(text));
    }
    expect(memory.size).toBe(1);
  });

  it('gives to each client its own credentials', () => {
    const memory = new OfferMemory();
    memory.parse(sdp(CHROME_VIEWER));
    expect(memory.parse(sdp(another(CHROME_VIEWER, 7)))).toMatchObject({
      ice: { usernameFragment: 'frag7', password: 'password/+7' },
      fingerprints: [{ algorithm: 'sha-256', value: 'AA:07' }],
    });
  });

  it('takes the credentials of the section that parsing takes, where they differ', () => {
    const memory = new OfferMemory();
    for (const first of ['a', 'b']) {
      let count = 0;
      const lines = another(CHROME_VIEWER, 1).map((line) =>
        line.startsWith('a=ice-ufrag:') ? `a=ice-ufrag:${count++ === 0 ? first : 'other'}` : line,
      );
      expect(memory.parse(sdp(lines))).toEqual(parseOffer(sdp(lines)));
    }
    expect(memory.size).toBe(1);
  });

  it.each(['#0', '#1', '#99', '#', '__proto__'])('is not fooled by a value that looks like %s', (value) => {
    const memory = new OfferMemory();
    const lines = CHROME_VIEWER.map((line) => line.replace(/^(a=ice-(?:ufrag|pwd):).*/, `$1${value}`));
    expect(memory.parse(sdp(lines))).toEqual(parseOffer(sdp(lines)));
  });

  it('is refused as parsing refuses it, also the second time', () => {
    const memory = new OfferMemory();
    const lines = CHROME_VIEWER.filter((line) => !line.startsWith('a=fingerprint'));
    for (let count = 0; count < 2; count++) {
      expect(() => memory.parse(sdp(lines))).toThrow(expect.objectContaining({ code: 'malformed_sdp' }));
    }
    expect(memory.size).toBe(0);
  });

  it('gives way to newer kinds, and is not kept when it is very long', () => {
    const memory = new OfferMemory();
    for (let count = 0; count < 100; count++) {
      memory.parse(sdp([...SAFARI_VIEWER, `a=x-kind:${count}`]));
      memory.parse(sdp(CHROME_VIEWER));
    }
    expect(memory.size).toBe(64);
    const long = sdp([...CHROME_VIEWER, `a=x-long:${'x'.repeat(20_000)}`]);
    expect(memory.parse(long)).toEqual(parseOffer(long));
    expect(memory.size).toBe(64);
  });
});
