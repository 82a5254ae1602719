// ICE fragments: what real clients send, and what is refused.

import { describe, expect, it } from 'vitest';
import { FanlightError } from '../errors.ts';
import { credentialsInOffer, formatFragment, parseFragment } from './sdp-fragment.ts';

const PASSWORD = 'x9cml/YzichV2+XlhiMu8g7k';
const CANDIDATE =
  'a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1';

describe('a fragment', () => {
  it('may have its credentials at the session', () => {
    const text = `a=ice-ufrag:EsAw\r\na=ice-pwd:${PASSWORD}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n${CANDIDATE}\r\na=end-of-candidates\r\n`;
    expect(parseFragment(text)).toEqual({
      usernameFragment: 'EsAw',
      password: PASSWORD,
      mid: '0',
      candidates: 1,
      endOfCandidates: true,
    });
  });

  it('may have its credentials in the media section, in any order, with bare line feeds', () => {
    const text = `m=audio 9 RTP/AVP 0\na=mid:video0\na=ice-pwd:${PASSWORD}\na=ice-ufrag:EsAw\n${CANDIDATE}\n${CANDIDATE}`;
    expect(parseFragment(text)).toMatchObject({
      usernameFragment: 'EsAw',
      mid: 'video0',
      candidates: 2,
      endOfCandidates: false,
    });
  });

  it.each([
    ['component 0', CANDIDATE.replace(' 1 udp', ' 0 udp'), 1],
    ['an mDNS name', CANDIDATE.replace('192.0.2.1', '5b1a.local'), 1],
    ['TCP', CANDIDATE.replace('udp', 'tcp'), 1],
    ['no type', 'a=candidate:1 1 udp 1 192.0.2.1 1', 0],
    ['nothing', 'a=candidate:', 0],
    ['undefined', 'a=candidate:undefined undefined undefined', 0],
  ])('may have a candidate with %s', (_, line, candidates) => {
    expect(parseFragment(`a=ice-ufrag:EsAw\r\na=ice-pwd:${PASSWORD}\r\n${line}\r\n`).candidates).toBe(candidates);
  });

  it.each([
    ['nothing in it', ''],
    ['no password', 'a=ice-ufrag:EsAw\r\n'],
    ['no username fragment', `a=ice-pwd:${PASSWORD}\r\n`],
    ['a password that is too short', 'a=ice-ufrag:EsAw\r\na=ice-pwd:short\r\n'],
    ['credentials in two different sections', `a=ice-ufrag:EsAw\r\nm=audio 9 RTP/AVP 0\r\na=ice-pwd:${PASSWORD}\r\n`],
    ['text that is no SDP', `{"candidate":"x"}\r\na=ice-ufrag:EsAw\r\na=ice-pwd:${PASSWORD}\r\n`],
    ['a line that has a CR inside', `a=ice-ufrag:EsAw\r\na=ice-pwd:${PASSWORD}\r\na=mid:0\ra=x\r\n`],
    ['a line that has NUL inside', `a=ice-ufrag:EsAw\r\na=ice-pwd:${PASSWORD}\r\na=mid:0\0\r\n`],
  ])('with %s is malformed', (_, text) => {
    expect(() => parseFragment(text)).toThrow(expect.objectContaining({ code: 'malformed_fragment' }));
    expect(() => parseFragment(text)).toThrow(FanlightError);
  });
});

describe('the credentials in an offer', () => {
  it('are one pair when all sections say the same', () => {
    const section = `m=audio 9 X 0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:${PASSWORD}\r\n`;
    expect(credentialsInOffer(`v=0\r\n${section}${section}`)).toEqual([
      { usernameFragment: 'EsAw', password: PASSWORD },
    ]);
  });

  it('are all pairs when the sections differ', () => {
    const section = (ufrag: string) => `m=audio 9 X 0\na=ice-ufrag:${ufrag}\na=ice-pwd:${PASSWORD}\n`;
    const offer = `v=0\n${section('aaaa')}${section('bbbb')}`;
    expect(credentialsInOffer(offer).map((pair) => pair.usernameFragment)).toEqual(['aaaa', 'bbbb']);
  });

  it('are none when there are none', () => {
    expect(credentialsInOffer('v=0\r\nm=audio 9 X 0\r\n')).toEqual([]);
  });
});

describe('our fragment after a restart', () => {
  const description = {
    usernameFragment: 'newu',
    password: 'newpasswordnewpassword12',
    candidates: [
      'candidate:1 1 udp 2130706431 192.0.2.9 8189 typ host',
      'candidate:2 1 udp 2130706430 2001:db8::1 8189 typ host',
    ],
  };

  it('is what we can read ourselves', () => {
    expect(parseFragment(formatFragment(description, '0'))).toEqual({
      usernameFragment: 'newu',
      password: 'newpasswordnewpassword12',
      mid: '0',
      candidates: 2,
      endOfCandidates: true,
    });
  });

  it('says ICE-lite at the session and names one pseudo media section', () => {
    const lines = formatFragment(description, 'audio').split('\r\n');
    expect(lines.indexOf('a=ice-lite')).toBeLessThan(lines.indexOf('m=audio 9 UDP/TLS/RTP/SAVPF 0'));
    expect(lines.filter((line) => line.startsWith('m='))).toHaveLength(1);
    expect(lines).toContain('a=mid:audio');
    expect(lines.at(-1)).toBe('');
  });
});
