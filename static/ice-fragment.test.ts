// The text of an ICE restart, and the Link headers that name ICE servers.

import { describe, expect, it } from 'vitest';
import { applyFragment, restartFragment } from './ice-fragment.js';
import { iceServersFromLink } from './link-header.js';
import { parseRetryAfter } from './problem.js';

describe('restartFragment', () => {
  it('holds the credentials and the first section of the offer', () => {
    const offer = [
      'v=0',
      'a=group:BUNDLE 0 1',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=ice-ufrag:new',
      'a=ice-pwd:secret',
      'a=mid:0',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'a=ice-ufrag:new',
      'a=ice-pwd:secret',
      'a=mid:1',
      '',
    ].join('\r\n');
    expect(restartFragment(offer).split('\r\n')).toEqual([
      'a=group:BUNDLE 0 1',
      'a=ice-ufrag:new',
      'a=ice-pwd:secret',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=mid:0',
      'a=end-of-candidates',
      '',
    ]);
  });
});

describe('applyFragment', () => {
  const answer = 'v=0\r\nm=audio 9 X 0\r\na=candidate:1 old\r\na=end-of-candidates\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\n';

  it('puts new credentials and candidates in place of the old ones', () => {
    const fragment = 'a=ice-ufrag:c\r\na=ice-pwd:d\r\na=candidate:2 new\r\n';
    expect(applyFragment(answer, fragment)).toBe(
      'v=0\r\nm=audio 9 X 0\r\na=ice-ufrag:c\r\na=ice-pwd:d\r\na=candidate:2 new\r\n',
    );
  });

  it('refuses a fragment without credentials', () => {
    expect(() => applyFragment(answer, 'a=candidate:2 new\r\n')).toThrow('credentials');
  });
});

describe('iceServersFromLink', () => {
  it('reads STUN and TURN servers and leaves other links out', () => {
    const header = [
      '<stun:stun.example.net>; rel="ice-server"',
      '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="1700000000:me, you"; credential="a\\"b"; credential-type="password"',
      '</whip/live>; rel="urn:fanlight:ext:resume"',
    ].join(', ');
    expect(iceServersFromLink(header)).toEqual([
      { urls: 'stun:stun.example.net' },
      { urls: 'turn:turn.example.net?transport=udp', username: '1700000000:me, you', credential: 'a"b' },
    ]);
  });

  it('takes no header for no servers', () => {
    expect(iceServersFromLink(null)).toEqual([]);
  });
});

describe('parseRetryAfter', () => {
  it.each([
    ['5', 5],
    ['Thu, 01 Jan 1970 00:00:10 GMT', 10],
    ['soon', undefined],
    [null, undefined],
  ])('%s', (value, seconds) => {
    expect(parseRetryAfter(value, 0)).toBe(seconds);
  });
});
