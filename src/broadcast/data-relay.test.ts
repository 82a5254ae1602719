// The data policy of one broadcast: limits, labels, memory.

import { expect, test } from 'vitest';
import { textMessage } from '../test/fakes.ts';
import { DataRelay } from './data-relay.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';

function relayWith(limits: Partial<Limits> = {}): DataRelay {
  return new DataRelay({ ...DEFAULT_LIMITS, ...limits });
}

function bytes(label: string, length: number) {
  return { label, binary: true, payload: new Uint8Array(length) };
}

function textsOf(relay: DataRelay): string[] {
  return relay.snapshot.map((message) => `${message.label}=${Buffer.from(message.payload).toString()}`);
}

test('the first message on a label opens it, the next does not', () => {
  const relay = relayWith();
  expect(relay.accept(textMessage('chat', 'a'), 0)).toMatchObject({ outcome: 'relayed', opensLabel: true });
  expect(relay.accept(textMessage('chat', 'b'), 0)).toMatchObject({ outcome: 'relayed', opensLabel: false });
  expect(relay.labels).toEqual(['chat']);
});

test('the last message of each state label is remembered, oldest write first', () => {
  const relay = relayWith();
  for (const [label, text] of [
    ['state/a', '1'],
    ['state', '2'],
    ['chat', '3'],
    ['state/a', '4'],
  ] as const) {
    relay.accept(textMessage(label, text), 0);
  }
  expect(textsOf(relay)).toEqual(['state=2', 'state/a=4']);
});

test('what is remembered does not change with the buffer it arrived in', () => {
  const relay = relayWith();
  const pool = Buffer.from('..hello..');
  relay.accept({ label: 'state', binary: false, payload: pool.subarray(2, 7) }, 0);
  pool.fill(0);
  expect(textsOf(relay)).toEqual(['state=hello']);
  expect(relay.snapshot[0]?.payload.buffer.byteLength).toBe(5);
});

test.each([
  ['at the limit', 65_536, 'relayed'],
  ['above it', 65_537, 'refused'],
])('a message %s', (_where, length, outcome) => {
  expect(relayWith().accept(bytes('chat', length), 0).outcome).toBe(outcome);
});

test('a message above the rate is refused, whatever its label, until there is room again', () => {
  const relay = relayWith({ messagesPerSecond: 10, messageBurst: 2 });
  relay.accept(textMessage('a', ''), 0);
  relay.accept(textMessage('b', ''), 0);
  expect(relay.accept(textMessage('c', ''), 99)).toMatchObject({ outcome: 'refused', code: 'data_rate_exceeded' });
  expect(relay.labels).toEqual(['a', 'b']);
  expect(relay.accept(textMessage('c', ''), 200).outcome).toBe('relayed');
});

test('refused messages use up the rate, too', () => {
  const relay = relayWith({ messageBurst: 1, messageBytes: 1 });
  expect(relay.accept(bytes('a', 2), 0)).toMatchObject({ code: 'message_too_large' });
  expect(relay.accept(bytes('a', 1), 0)).toMatchObject({ code: 'data_rate_exceeded' });
});

test.each([
  ['timed', false, '{"rtpTimestamp":7}', 'relayed'],
  ['timed', true, '{"rtpTimestamp":7}', 'refused'],
  ['timed', false, '{}', 'refused'],
  ['timed/x', false, '{}', 'relayed'],
])('on %s (binary: %s) the message %s is %s', (label, binary, text, outcome) => {
  const relay = relayWith();
  expect(relay.accept({ ...textMessage(label, text), binary }, 0).outcome).toBe(outcome);
  expect(relay.labels).toEqual(outcome === 'relayed' ? [label] : []);
  expect(relay.remembersNothing).toBe(true);
});

test.each(['', 'a\nb', 'fanlight', 'x'.repeat(65)])('the label %j is refused', (label) => {
  const relay = relayWith();
  expect(relay.openLabel(label)).toMatchObject({ outcome: 'refused', code: 'invalid_label' });
  expect(relay.accept(textMessage(label, 'x'), 0)).toMatchObject({ outcome: 'refused', code: 'invalid_label' });
  expect(relay.labels).toEqual([]);
});

test('there are only so many labels, and state labels count apart', () => {
  const relay = relayWith({ labels: 2, stateLabels: 1 });
  for (const label of ['a', 'b', 'state']) expect(relay.openLabel(label).outcome).toBe('opened');
  expect(relay.openLabel('c')).toMatchObject({ code: 'invalid_label' });
  expect(relay.openLabel('state/x')).toMatchObject({ code: 'state_memory_full' });
  expect(relay.openLabel('a').outcome).toBe('known');
});

test('the memory is limited in bytes; a replaced message makes room', () => {
  const relay = relayWith({ stateBytes: 100 });
  relay.accept(bytes('state/a', 60), 0);
  relay.accept(bytes('state/b', 40), 0);
  expect(relay.accept(bytes('state/b', 41), 0)).toMatchObject({ outcome: 'refused', code: 'state_memory_full' });
  expect(relay.snapshot.map((message) => message.payload.byteLength)).toEqual([60, 40]);
  expect(relay.accept(bytes('state/a', 10), 0).outcome).toBe('relayed');
  expect(relay.accept(bytes('state/b', 90), 0).outcome).toBe('relayed');
});

test('a state message that does not fit leaves no label behind', () => {
  const relay = relayWith({ stateBytes: 10 });
  relay.accept(bytes('state/big', 11), 0);
  expect(relay.labels).toEqual([]);
});

test('after forgetting there is room for everything again', () => {
  const relay = relayWith({ labels: 1, stateLabels: 1, stateBytes: 10 });
  relay.accept(bytes('state/a', 10), 0);
  relay.openLabel('chat');
  expect(relay.forget()).toBe(true);
  expect(relay.forget()).toBe(false);
  expect(relay.labels).toEqual([]);
  expect(relay.accept(bytes('state/b', 10), 0).outcome).toBe('relayed');
  expect(relay.openLabel('talk').outcome).toBe('opened');
});

test('what is restored keeps its order and counts as before', () => {
  const relay = relayWith({ stateBytes: 2 });
  relay.restore([textMessage('state/b', '1'), textMessage('state/a', '2')]);
  expect(textsOf(relay)).toEqual(['state/b=1', 'state/a=2']);
  expect(relay.labels).toEqual(['state/b', 'state/a']);
  expect(relay.accept(textMessage('state/c', '3'), 0)).toMatchObject({ code: 'state_memory_full' });
});
