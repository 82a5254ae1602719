// Which pauses of a live picture are undone.

import { expect, it } from 'vitest';
import { Pauses } from './pauses.js';

const SEEN = { isVisible: true, isInPictureInPicture: false };
const HIDDEN = { isVisible: false, isInPictureInPicture: false };
const IN_A_WINDOW = { isVisible: false, isInPictureInPicture: true };

type Step = (pauses: Pauses) => void;

const paused =
  (page: typeof SEEN, atMs: number): Step =>
  (pauses) =>
    pauses.paused(page, atMs);
const moved =
  (atMs: number): Step =>
  (pauses) =>
    pauses.moved(atMs);
const playing: Step = (pauses) => pauses.playing();

it.each<[string, readonly Step[], boolean]>([
  ['a picture that plays is nobody’s pause', [moved(0)], false],
  ['a pause before somebody’s eyes is theirs', [paused(SEEN, 10_000)], false],
  [
    'it stays theirs when they go away later and come back',
    [paused(SEEN, 10_000), moved(20_000), moved(30_000)],
    false,
  ],
  [
    'a pause in picture in picture is theirs, though the page is hidden',
    [moved(0), paused(IN_A_WINDOW, 10_000)],
    false,
  ],
  ['a pause in a hidden page is the system’s', [moved(0), paused(HIDDEN, 10_000)], true],
  ['so is one just before the page is hidden', [paused(SEEN, 10_000), moved(10_300)], true],
  ['and it still is when the page is shown again', [paused(SEEN, 10_000), moved(10_300), moved(60_000)], true],
  ['Done in full screen pauses, and the system tells that afterwards', [paused(SEEN, 10_000), moved(10_100)], true],
  ['or before', [moved(10_000), paused(SEEN, 10_400)], true],
  ['a pause some time before Done was pressed in full screen', [paused(SEEN, 10_000), moved(15_000)], false],
  ['closing the small window pauses too', [paused(IN_A_WINDOW, 10_000), moved(10_050)], true],
  ['what plays again is over', [moved(0), paused(HIDDEN, 10_000), playing], false],
  ['and a later pause is judged anew', [paused(HIDDEN, 10_000), playing, paused(SEEN, 20_000)], false],
])('%s', (_name, steps, isSystems) => {
  const pauses = new Pauses();
  for (const step of steps) step(pauses);
  expect(pauses.isSystems).toBe(isSystems);
});
