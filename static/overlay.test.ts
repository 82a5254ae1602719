// What counts as an overlay message, and where its box lies on the picture.

import { describe, expect, it } from 'vitest';
import { boxInPercent, parseOverlay, pictureRect } from './overlay.js';

describe('parseOverlay', () => {
  it('reads a box in fractions of the picture', () => {
    expect(parseOverlay('{"text":"cat","x":0.1,"y":0.2,"width":0.5,"height":1}')).toEqual([
      { text: 'cat', x: 0.1, y: 0.2, width: 0.5, height: 1, unit: 'fraction' },
    ]);
  });

  it('takes all four as pixels when one of them is above 1', () => {
    expect(parseOverlay('{"text":"cat","x":0,"y":1,"width":64,"height":48}')?.[0]?.unit).toBe('pixel');
  });

  it('reads an array of boxes', () => {
    const box = { text: 'a', x: 0, y: 0, width: 1, height: 1 };
    expect(parseOverlay(JSON.stringify([box, { ...box, text: 7 }]))?.map(({ text }) => text)).toEqual(['a', '7']);
  });

  it('reads an object with an array of boxes, and whatever else', () => {
    const box = { text: 'a', x: 0, y: 0, width: 1, height: 1 };
    expect(parseOverlay(JSON.stringify({ rtpTimestamp: 7, boxes: [box, box] }))?.length).toBe(2);
    expect(parseOverlay(JSON.stringify({ rtpTimestamp: 7, ...box }))?.length).toBe(1);
  });

  it.each(['null', '[]', ' null ', '{"rtpTimestamp":7,"boxes":[]}'])('takes boxes away for %s', (message) => {
    expect(parseOverlay(message)).toEqual([]);
  });

  it.each([
    'hello',
    'never',
    '',
    '{"text":"cat"}',
    '{"text":"cat","x":"0","y":0,"width":1,"height":1}',
    '{"text":"cat","x":0,"y":0,"width":-1,"height":1}',
    '{"text":"cat","x":1e999,"y":0,"width":1,"height":1}',
    '{"x":0,"y":0,"width":1,"height":1}',
    '[{"text":"a","x":0,"y":0,"width":1,"height":1}, 3]',
    '[null]',
    '{"boxes":[3]}',
    '{"boxes":7}',
    '{"text":',
    '42',
  ])('leaves %s to the message list', (message) => {
    expect(parseOverlay(message)).toBeUndefined();
  });

  it('bounds the number of boxes and the length of their texts', () => {
    const box = { text: 'x'.repeat(1000), x: 0, y: 0, width: 1, height: 1 };
    const boxes = parseOverlay(JSON.stringify(Array(500).fill(box)));
    expect(boxes?.length).toBe(100);
    expect(boxes?.[0]?.text.length).toBe(200);
  });
});

describe('pictureRect', () => {
  it.each([
    ['bars above and below', { width: 1280, height: 720 }, { width: 400, height: 400 }, [0, 87.5, 400, 225]],
    ['bars left and right', { width: 720, height: 1280 }, { width: 1000, height: 640 }, [320, 0, 360, 640]],
    ['no frame yet', { width: 0, height: 0 }, { width: 300, height: 150 }, [0, 0, 300, 150]],
  ])('%s', (_name, frame, element, [left, top, width, height]) => {
    expect(pictureRect(frame, element)).toEqual({ left, top, width, height });
  });
});

describe('boxInPercent', () => {
  it('scales pixels of the frame and fractions alike', () => {
    const frame = { width: 640, height: 480 };
    const expected = { left: 25, top: 50, width: 50, height: 25 };
    const pixels = { text: '', x: 160, y: 240, width: 320, height: 120, unit: 'pixel' } as const;
    const fractions = { text: '', x: 0.25, y: 0.5, width: 0.5, height: 0.25, unit: 'fraction' } as const;
    expect(boxInPercent(pixels, frame)).toEqual(expected);
    expect(boxInPercent(fractions, frame)).toEqual(expected);
  });
});
