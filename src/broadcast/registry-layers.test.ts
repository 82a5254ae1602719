// What is told of the publisher's video layers.

import { expect, test } from 'vitest';
import { Stage } from '../test/stage.ts';
import type { LayerView } from './ports.ts';

const LAYER: LayerView = { rid: 'f', active: true, bitrateBps: 1_000, width: 640, height: 360, forwarded: true };
const SILENT = { ...LAYER, active: false, bitrateBps: 0 };

const news = ({ events }: Stage) => events.flatMap((event) => (event.type === 'layers' ? [event.layers] : []));

test('layers are told as they are heard, once, and remembered', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.emit({ type: 'layers', transportId, layers: [LAYER] });
  stage.media.emit({ type: 'layers', transportId, layers: [{ ...LAYER }] });
  expect(news(stage)).toEqual([[LAYER]]);
  expect(stage.registry.layers('live')).toEqual([LAYER]);
  expect(stage.registry.layers('other')).toEqual([]);
});

test('an interrupted broadcast has silent layers, an idle one has none', async () => {
  const stage = new Stage();
  const { transportId } = await stage.publish();
  stage.media.emit({ type: 'layers', transportId, layers: [LAYER] });
  stage.lose(transportId);
  stage.clock.advance(60_000);
  expect(news(stage)).toEqual([[LAYER], [SILENT], []]);
  expect(stage.registry.layers('live')).toEqual([]);
});

test('a viewer has no layers to tell', async () => {
  const stage = new Stage();
  const { transportId } = await stage.watch();
  stage.media.emit({ type: 'layers', transportId, layers: [LAYER] });
  expect(news(stage)).toEqual([]);
});
