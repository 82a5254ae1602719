import { describe, expect, it } from 'vitest';
import { readTimedMessage, writeTimedMessage } from './timed-message.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);

describe('readTimedMessage', () => {
  it.each([0, 1, 90_000, 2 ** 31, 2 ** 32 - 1])('takes the timestamp %d', (rtpTimestamp) => {
    expect(readTimedMessage(bytes(JSON.stringify({ rtpTimestamp })))?.rtpTimestamp).toBe(rtpTimestamp);
  });

  it.each([
    '',
    'hello',
    '7',
    'null',
    '[]',
    '[{"rtpTimestamp":1}]',
    '{}',
    '{"rtpTimestamp":-1}',
    '{"rtpTimestamp":4294967296}',
    '{"rtpTimestamp":1.5}',
    '{"rtpTimestamp":"1"}',
    '{"rtpTimestamp":null}',
    '{"rtpTimestamp":1',
    '{"__proto__":{"rtpTimestamp":1}}',
  ])('refuses %s', (message) => {
    expect(readTimedMessage(bytes(message))).toBeUndefined();
  });
});

describe('writeTimedMessage', () => {
  it('changes the timestamp, where it stands, and nothing else', () => {
    const message = readTimedMessage(bytes('{"text":"ü","rtpTimestamp":1,"deep":{"rtpTimestamp":1},"__proto__":[2]}'));
    expect(message && text(writeTimedMessage(message, 4_294_967_295))).toBe(
      '{"text":"ü","rtpTimestamp":4294967295,"deep":{"rtpTimestamp":1},"__proto__":[2]}',
    );
  });
});
