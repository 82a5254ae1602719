// For tests: what a person sees on a join page while things happen: every frame that is shown, and whether the stage was
// ever black. It must not know what is expected.

import type { Page } from 'playwright-core';

interface Watched {
  readonly framesAtMs: number[];
  readonly states: string[];
  readonly statesAtMs: number[];
  darkLooks: number;
  looks: number;
}

export interface Seen {
  /** Unix ms of each frame that was shown. */
  readonly framesAtMs: readonly number[];
  /** `data-state` of the page, each time that it changed. */
  readonly states: readonly string[];
  /** Unix ms of each. */
  readonly statesAtMs: readonly number[];
  /** How often the stage was looked at, and how often it was black. */
  readonly looks: number;
  readonly darkLooks: number;
}

const LOOK_MS = 40;

/** From now on, until the page is loaded anew. */
export async function watchPicture(page: Page): Promise<void> {
  await page.evaluate((lookMs) => {
    const video = document.querySelector('#video') as HTMLVideoElement;
    const still = document.querySelector('#still') as HTMLCanvasElement;
    const watched: Watched = { framesAtMs: [], states: [], statesAtMs: [], darkLooks: 0, looks: 0 };
    Object.assign(globalThis, { watched });
    const next = (): void => {
      watched.framesAtMs.push(Date.now());
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    const stateChanged = (): void => {
      const { state = '' } = document.body.dataset;
      if (state === watched.states.at(-1)) return;
      watched.states.push(state);
      watched.statesAtMs.push(Date.now());
    };
    stateChanged();
    new MutationObserver(stateChanged).observe(document.body, { attributeFilter: ['data-state'] });
    const canvas = new OffscreenCanvas(8, 8);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    setInterval(() => {
      if (!context) return;
      context.fillStyle = 'black';
      context.fillRect(0, 0, 8, 8);
      // As the page lays them: the still covers the video. A video without a frame draws nothing.
      context.drawImage(video, 0, 0, 8, 8);
      if (!still.hidden) context.drawImage(still, 0, 0, 8, 8);
      const light = context.getImageData(0, 0, 8, 8).data.reduce((sum, value, at) => sum + (at % 4 < 3 ? value : 0), 0);
      watched.looks += 1;
      if (light < 8 * 8 * 3 * 8) watched.darkLooks += 1;
    }, lookMs);
  }, LOOK_MS);
}

export function picturesOf(page: Page): Promise<Seen> {
  return page.evaluate(() => (globalThis as unknown as { watched: Seen }).watched);
}

/** The longest time without a new frame from `fromMs` on, up to the last frame. */
export function longestGapMs({ framesAtMs }: Seen, fromMs: number): number {
  const before = framesAtMs.findLast((atMs) => atMs < fromMs) ?? fromMs;
  let longest = 0;
  let last = before;
  for (const atMs of framesAtMs) {
    if (atMs < fromMs) continue;
    longest = Math.max(longest, atMs - last);
    last = atMs;
  }
  return longest;
}

/** Unix ms of the first frame that was shown after `fromMs`; undefined when there was none yet. */
export function firstFrameAfter({ framesAtMs }: Seen, fromMs: number): number | undefined {
  return framesAtMs.find((atMs) => atMs >= fromMs);
}
