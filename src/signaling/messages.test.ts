// What a WebSocket message may look like.

import { describe, expect, it } from 'vitest';
import { textMessage } from '../test/fakes.ts';
import { Stage } from '../test/stage.ts';
import { dataFrame, parseClientMessage, serverMessage, stateDocument, toDataMessage, toSettings } from './messages.ts';

describe('a message of a client', () => {
  it.each([
    [{ type: 'hello', role: 'viewer', broadcast: 'live' }],
    [{ type: 'hello', role: 'program', broadcast: 'live', key: 'k', resume: 'a.b', data: true }],
    [{ type: 'data', label: 'chat', text: '' }],
    [{ type: 'data', label: 'chat', base64: 'AQID' }],
    [{ type: 'settings', title: 'x' }],
    [{ type: 'settings' }],
    [{ type: 'leaving' }],
    [{ type: 'first-picture', ms: 0 }],
    [{ type: 'first-picture', ms: 60_000 }],
    [{ type: 'ping', id: 7 }],
    [{ type: 'ping', id: 'x' }],
  ])('may be %j', (message) => {
    expect(parseClientMessage(JSON.stringify(message))).toEqual(message);
  });

  it('may have fields of a later version', () => {
    expect(parseClientMessage('{"type":"leaving","why":"sleep"}')).toEqual({ type: 'leaving' });
  });

  it.each([
    ['', 'malformed_json'],
    ['{"type":', 'malformed_json'],
    ['null', 'malformed_request'],
    ['[]', 'malformed_request'],
    ['"hello"', 'malformed_request'],
    ['{}', 'malformed_request'],
    ['{"type":"nonsense"}', 'malformed_request'],
    ['{"type":"hello","role":"admin","broadcast":"live"}', 'malformed_request'],
    ['{"type":"hello","role":"viewer"}', 'malformed_request'],
    ['{"type":"data","label":"chat"}', 'malformed_request'],
    ['{"type":"data","label":"chat","text":"x","base64":"AQID"}', 'malformed_request'],
    ['{"type":"data","label":"chat","base64":"A"}', 'malformed_request'],
    ['{"type":"data","label":"chat","base64":"AQ=D"}', 'malformed_request'],
    ['{"type":"data","label":"chat","base64":"a b="}', 'malformed_request'],
    ['{"type":"settings","listed":"yes"}', 'malformed_request'],
    ['{"type":"ping","id":{}}', 'malformed_request'],
    ['{"type":"first-picture"}', 'malformed_request'],
    ['{"type":"first-picture","ms":-1}', 'malformed_request'],
    ['{"type":"first-picture","ms":60001}', 'malformed_request'],
    ['{"type":"first-picture","ms":"200"}', 'malformed_request'],
    ['{"type":"first-picture","ms":1e999}', 'malformed_request'],
  ])('that is %s is refused as %s', (text, code) => {
    expect(() => parseClientMessage(text)).toThrow(expect.objectContaining({ code }));
  });

  it('may bring 64 KiB in base64', () => {
    const base64 = Buffer.alloc(65_536, 7).toString('base64');
    expect(parseClientMessage(JSON.stringify({ type: 'data', label: 'x', base64 }))).toMatchObject({ base64 });
  });

  it('becomes bytes: text as UTF-8, base64 as binary', () => {
    expect(toDataMessage({ type: 'data', label: 'a', text: 'ü' })).toEqual({
      label: 'a',
      binary: false,
      payload: Buffer.from('ü'),
    });
    expect(toDataMessage({ type: 'data', label: 'a', base64: 'AQID' })).toEqual({
      label: 'a',
      binary: true,
      payload: Buffer.of(1, 2, 3),
    });
  });

  it('changes only the settings that it names', () => {
    expect(toSettings({ title: '' })).toEqual({ title: '' });
    expect(toSettings({ listed: false })).toEqual({ listed: false });
  });
});

describe('a message of the server', () => {
  it('brings the part of a buffer that the payload is, not the buffer around it', () => {
    const payload = new Uint8Array(Buffer.from('xxabcxx')).subarray(2, 5);
    expect(JSON.parse(serverMessage.data({ label: 'l', binary: false, payload }))).toEqual({
      type: 'data',
      label: 'l',
      text: 'abc',
    });
    expect(JSON.parse(serverMessage.data({ label: 'l', binary: true, payload }))).toEqual({
      type: 'data',
      label: 'l',
      base64: 'YWJj',
    });
  });
});

describe('remembered messages', () => {
  it('become text once, until it changes', () => {
    const { registry } = new Stage();
    registry.publishData('live', textMessage('state', '1'));
    registry.publishData('live', textMessage('state/b', '2'));
    const read = () => registry.stateMessages('live');
    const [document, [first]] = [stateDocument(read()), read().map(dataFrame)];
    expect(stateDocument(read())).toBe(document);
    registry.publishData('live', textMessage('state/b', '3'));
    expect(read().map(dataFrame)[0]).toBe(first);
    expect(JSON.parse(stateDocument(read()).toString())).toEqual({
      messages: [
        { label: 'state', text: '1' },
        { label: 'state/b', text: '3' },
      ],
    });
  });

  it('that are forgotten are not read again', async () => {
    const stage = new Stage();
    const publisher = await stage.publish();
    stage.registry.publishData('live', textMessage('state', '1'));
    expect(stage.registry.stateMessages('live')).toHaveLength(1);
    stage.registry.end(publisher.session.id);
    expect(stateDocument(stage.registry.stateMessages('live')).toString()).toBe('{"messages":[]}');
  });
});
