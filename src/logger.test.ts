// What is logged, and above all what is not.

import { describe, expect, it } from 'vitest';
import { createLogger, loggableUrl } from './logger.ts';

function logOf(entry: object): string {
  const lines: string[] = [];
  createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } }).info(entry, 'hello');
  return lines.join('');
}

describe('the log', () => {
  it.each([
    [
      'an authorization header of a request',
      { req: { method: 'POST', url: '/', headers: { authorization: 'Bearer hush' } } },
    ],
    ['plain headers', { headers: { authorization: 'Bearer hush', 'fanlight-resume': 'id.hush', cookie: 'hush' } }],
    ['headers one level down', { upgrade: { headers: { authorization: 'hush', 'fanlight-resume': 'id.hush' } } }],
    ['a resume token', { resumeToken: 'hush', session: { resumeToken: 'hush', token: 'hush' } }],
    ['a hello message', { message: { type: 'hello', key: 'hush', resume: 'id.hush' } }],
    ['the settings', { config: { publishKey: 'hush', viewKey: 'hush', adminKey: 'hush' }, turn: { secret: 'hush' } }],
    ['an ICE server', { server: { urls: ['turn:x'], credential: 'hush' } }],
    ['a key in an address', { req: { url: '/join?key=hush&x=1' }, url: '/publish?x=1&key=hush' }],
  ])('does not repeat the secret in %s', (_, entry) => {
    const line = logOf(entry);
    expect(line).toContain('hello');
    expect(line).not.toContain('hush');
  });

  it('writes the level as a word and the time as ISO 8601', () => {
    expect(JSON.parse(logOf({}))).toMatchObject({ level: 'info', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) });
  });
});

describe('an address in the log', () => {
  it.each([
    ['/join/live?key=abc&muted=1', '/join/live?key=[redacted]&muted=1'],
    ['/api/broadcasts/live/data?label=x', '/api/broadcasts/live/data?label=x'],
    ['/whip/live', '/whip/live'],
    ['/whip/live/0123456789abcdef', '/whip/live/01234567…'],
    ['/whep/a.b/0123456789abcdef?x=1', '/whep/a.b/01234567…?x=1'],
  ])('%s appears as %s', (url, expected) => {
    expect(loggableUrl(url)).toBe(expected);
  });
});
