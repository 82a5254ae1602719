// What is said of a device that does not open.

import { expect, it } from 'vitest';
import type { MediaProblem } from './local-media.js';
import { pickedNotice } from './media-notices.js';

it.each<[MediaProblem, 'camera' | 'microphone', boolean, RegExp]>([
  ['busy', 'camera', true, /^That camera is in use: .*The one before goes on\.$/],
  ['busy', 'camera', false, /^That camera is in use: .*Choose another camera\.$/],
  ['missing', 'microphone', true, /^That microphone was not found: The one before goes on\.$/],
])(
  'picked and %s: the %s that was meant is named, and what is sent now (the old one: %s)',
  (problem, what, old, said) => {
    const { title, text } = pickedNotice(problem, what, old);
    expect(`${title}: ${text}`).toMatch(said);
  },
);
