// ICE servers as clients get them.

import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { iceServerLinks, iceServersAt } from './ice-servers.ts';

const STUN = { urls: ['stun:stun.example:3478'] };
const TURN = { urls: ['turn:t.example?transport=udp', 'turns:t.example'], secret: 's3cret', ttlSeconds: 600 };
const NOW_MS = 1_700_000_000_500;

describe('ICE servers', () => {
  it('are those of the settings', () => {
    expect(iceServersAt({ iceServers: [STUN], turn: undefined }, NOW_MS)).toEqual([STUN]);
  });

  it('get credentials that expire when there is a shared secret', () => {
    const [, turn] = iceServersAt({ iceServers: [STUN], turn: TURN }, NOW_MS);
    expect(turn).toEqual({
      urls: TURN.urls,
      username: '1700000600:fanlight',
      credential: createHmac('sha1', 's3cret').update('1700000600:fanlight').digest('base64'),
    });
  });

  it('become one Link value for each address, without a comma', () => {
    const links = iceServerLinks(iceServersAt({ iceServers: [STUN], turn: TURN }, NOW_MS));
    expect(links).toHaveLength(3);
    expect(links[0]).toBe('<stun:stun.example:3478>; rel="ice-server"');
    expect(links[1]).toMatch(
      /^<turn:t\.example\?transport=udp>; rel="ice-server"; username="1700000600:fanlight"; credential="[A-Za-z0-9+/]+=*"; credential-type="password"$/,
    );
    expect(links.join('')).not.toContain(',');
  });
});
