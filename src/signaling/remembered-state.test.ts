// Remembered messages become text once.

import { expect, test } from 'vitest';
import { textMessage } from '../test/fakes.ts';
import { Stage } from '../test/stage.ts';
import { dataFrame, stateDocument } from './remembered-state.ts';

test('what is remembered becomes text once, until it changes', () => {
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

test('what is forgotten is not read again', async () => {
  const stage = new Stage();
  const publisher = await stage.publish();
  stage.registry.publishData('live', textMessage('state', '1'));
  expect(stage.registry.stateMessages('live')).toHaveLength(1);
  stage.registry.end(publisher.session.id);
  expect(stateDocument(stage.registry.stateMessages('live')).toString()).toBe('{"messages":[]}');
});
