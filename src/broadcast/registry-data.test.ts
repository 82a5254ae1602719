// Data messages on their way through a broadcast.

import { expect, test } from 'vitest';
import { textMessage } from '../test/fakes.ts';
import { resumeOf, Stage } from '../test/stage.ts';

test('a publisher’s message goes to the viewers and to the listeners as it came', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  const message = { label: 'chat', binary: true, payload: new Uint8Array([0, 255]) };
  stage.media.emit({ type: 'data-channel', transportId, label: 'chat' });
  stage.media.emit({ type: 'data', transportId, message });
  expect(stage.media.openedLabels).toEqual([{ broadcast: 'live', label: 'chat' }]);
  expect(stage.media.sent).toEqual([{ broadcast: 'live', message }]);
  expect(stage.events.at(-1)).toEqual({ type: 'data', broadcast: 'live', message });
});

test('a late joiner gets the labels, the remembered messages oldest first, and then the live ones', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.emit({ type: 'data-channel', transportId, label: 'chat' });
  for (const [label, text] of [
    ['state/a', '1'],
    ['state', '2'],
    ['chat', '3'],
    ['state/a', '4'],
  ] as const) {
    stage.media.emit({ type: 'data', transportId, message: textMessage(label, text) });
  }
  const viewer = await stage.watch();
  stage.media.commands.length = 0;
  stage.media.emit({ type: 'data-ready', transportId: viewer.transportId });
  stage.media.emit({ type: 'data', transportId, message: textMessage('state', '5') });
  expect(stage.media.started).toEqual([
    {
      transportId: viewer.transportId,
      labels: ['chat', 'state/a', 'state'],
      snapshot: [textMessage('state', '2'), textMessage('state/a', '4')],
    },
  ]);
  expect(stage.media.commands).toEqual([`start ${viewer.transportId}`, 'send live state 5']);
});

test('a viewer who resumes gets the snapshot on its new transport', async () => {
  const stage = new Stage();
  stage.registry.publishData('live', textMessage('state', '1'));
  const viewer = await stage.watch();
  const back = await stage.watch(resumeOf(viewer));
  stage.media.emit({ type: 'data-ready', transportId: viewer.transportId });
  stage.media.emit({ type: 'data-ready', transportId: back.transportId });
  expect(stage.media.started.map((start) => start.transportId)).toEqual([back.transportId]);
});

test('a message of a video frame carries whose numbers it has: those of the publisher’s transport, whoever sends it', async () => {
  const stage = new Stage();
  const message = textMessage('timed', '{"rtpTimestamp":1}');
  stage.registry.publishData('live', message);
  const publisher = await stage.publish();
  stage.media.emit({ type: 'data', transportId: publisher.transportId, message });
  stage.registry.publishData('live', message);
  const back = await stage.publish(resumeOf(publisher));
  stage.registry.publishData('live', message);
  stage.registry.publishData('live', textMessage('chat', '{"rtpTimestamp":1}'));
  expect(stage.media.sent.map(({ timedBy }) => timedBy)).toEqual([
    undefined,
    publisher.transportId,
    publisher.transportId,
    back.transportId,
    undefined,
  ]);
});

test('a message of a video frame that names none is refused', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.emit({ type: 'data', transportId, message: textMessage('timed', '{"frame":1}') });
  expect(stage.media.refused).toEqual([{ transportId, label: 'timed', code: 'malformed_timed_message' }]);
  expect(stage.media.sent).toEqual([]);
});

test('a publisher gets no data', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.emit({ type: 'data-ready', transportId });
  expect(stage.media.started).toEqual([]);
});

test('the control channel is not relayed, and nothing is said about it', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.commands.length = 0;
  stage.media.emit({ type: 'data-channel', transportId, label: 'fanlight' });
  stage.media.emit({ type: 'data', transportId, message: textMessage('fanlight', '{}') });
  expect(stage.media.commands).toEqual([]);
});

test('viewers send nothing that others get', async () => {
  const stage = new Stage();
  const { transportId } = await stage.watch();
  stage.media.emit({ type: 'data-channel', transportId, label: 'chat' });
  stage.media.emit({ type: 'data', transportId, message: textMessage('chat', 'hi') });
  stage.media.emit({ type: 'tracks', transportId, tracks: [] });
  expect(stage.media.sent).toEqual([]);
  expect(stage.media.openedLabels).toEqual([]);
});

test('a publisher above the rate is told, but not once per message', async () => {
  const stage = new Stage({ messageBurst: 2, messagesPerSecond: 1, refusalsPerSecond: 3 });
  const { transportId } = await stage.publish();
  for (let i = 0; i < 100; i += 1) {
    stage.media.emit({ type: 'data', transportId, message: textMessage('chat', `${i}`) });
  }
  expect(stage.media.commands.filter((command) => command.startsWith('send'))).toEqual([
    'send live chat 0',
    'send live chat 1',
  ]);
  const notice = { transportId, label: 'chat', code: 'data_rate_exceeded' };
  expect(stage.media.refused).toEqual([notice, notice, notice]);
});

test('labels that cannot be are refused to the publisher', async () => {
  const stage = new Stage({ labels: 1 });
  const { transportId } = await stage.publish();
  for (const label of ['a', '', 'b']) stage.media.emit({ type: 'data-channel', transportId, label });
  expect(stage.media.openedLabels.map((opened) => opened.label)).toEqual(['a']);
  expect(stage.media.refused.map((refusal) => [refusal.label, refusal.code])).toEqual([
    ['', 'invalid_label'],
    ['b', 'invalid_label'],
  ]);
});

test('a program’s message opens its label at the viewers first', async () => {
  const stage = new Stage();
  const viewer = await stage.watch();
  stage.media.emit({ type: 'data-ready', transportId: viewer.transportId });
  stage.media.commands.length = 0;
  stage.registry.publishData('live', textMessage('score', '1'));
  stage.registry.publishData('live', textMessage('score', '2'));
  expect(stage.media.commands).toEqual(['label live score', 'send live score 1', 'send live score 2']);
});

test.each([
  ['invalid_name', 'a b', textMessage('chat', '')],
  ['invalid_label', 'live', textMessage('', '')],
  ['invalid_label', 'live', textMessage('fanlight', '')],
  ['message_too_large', 'live', textMessage('chat', 'four')],
  ['state_memory_full', 'live', textMessage('state', 'two')],
  ['broadcast_limit', 'new', textMessage('chat', '')],
])('a program’s message is refused with %s', async (code, name, message) => {
  const stage = new Stage({ messageBytes: 3, stateBytes: 2, broadcasts: 1 });
  await stage.watch();
  expect(() => stage.registry.publishData(name, message)).toThrow(expect.objectContaining({ code }));
  expect(stage.media.sent).toEqual([]);
});

test('publisher and programs share one rate', async () => {
  const stage = new Stage({ messageBurst: 1, messagesPerSecond: 1 });
  const { transportId } = await stage.publish();
  stage.media.emit({ type: 'data', transportId, message: textMessage('chat', 'a') });
  expect(() => stage.registry.publishData('live', textMessage('chat', 'b'))).toThrow(
    expect.objectContaining({ code: 'data_rate_exceeded' }),
  );
  stage.clock.advance(1_000);
  stage.registry.publishData('live', textMessage('chat', 'c'));
  expect(stage.media.sent).toHaveLength(2);
});

test.each([
  ['the publisher stops', (stage: Stage, id: string) => stage.registry.end(id)],
  [
    'the publisher’s grace is over',
    (stage: Stage, id: string) => {
      stage.registry.leave(id);
      stage.clock.advance(60_000);
    },
  ],
])('labels and messages are forgotten when %s', async (_when, end) => {
  const stage = new Stage();
  const viewer = await stage.watch();
  const { session, transportId } = await stage.publish();
  stage.media.emit({ type: 'data', transportId, message: textMessage('state', '1') });
  stage.media.emit({ type: 'data-channel', transportId, label: 'chat' });
  expect(stage.store.load().broadcasts).toHaveLength(1);
  end(stage, session.id);
  expect(stage.registry.stateMessages('live')).toEqual([]);
  expect(stage.store.load().broadcasts).toEqual([]);
  stage.media.emit({ type: 'data-ready', transportId: viewer.transportId });
  expect(stage.media.started.at(-1)).toMatchObject({ labels: [], snapshot: [] });
});

test('they survive a takeover and an interruption', async () => {
  const stage = new Stage();
  const first = await stage.publish();
  stage.media.emit({ type: 'data', transportId: first.transportId, message: textMessage('state', '1') });
  stage.lose(first.transportId);
  await stage.publish();
  expect(stage.registry.stateMessages('live')).toEqual([textMessage('state', '1')]);
});

test('what a program said before is not lost with a publisher who never got through', async () => {
  const stage = new Stage();
  stage.registry.publishData('live', textMessage('state', '0:0'));
  const { session } = await stage.open('publisher');
  stage.registry.end(session.id);
  expect(stage.registry.stateMessages('live')).toHaveLength(1);
});

test('a viewer who reads too slowly is named to the listeners', async () => {
  const stage = new Stage();
  const { session, transportId } = await stage.watch();
  stage.media.emit({ type: 'data-lost', transportId, label: 'chat', messages: 7 });
  expect(stage.events.at(-1)).toEqual({ type: 'data-lost', sessionId: session.id, label: 'chat', messages: 7 });
});
