// For tests: a camera whose frames carry their number where a program can read it, our publish page saying with each frame which
// number it sees, and our join page noting what it shows beside what it was said. It must not know what is expected of them.

import type { Page } from 'playwright-core';

/** What a viewer saw: the number in the picture, and the number in the box that lay over it. */
export interface Sight {
  readonly shown: number;
  readonly said: number;
}

interface Camera {
  draw(context: CanvasRenderingContext2D, number: number): void;
  read(video: HTMLVideoElement): number | undefined;
}

interface Watching {
  camera: Camera;
  sights: Sight[];
}

/** Two rows of nine cells, black or white: 16 bits and the number of ones among them as 2 bits. */
function installReader(): void {
  const columns = 9;
  const rows = 2;
  const look = new OffscreenCanvas(columns * 8, rows * 8).getContext('2d', { willReadFrequently: true });
  const checkOf = (number: number): number => [...number.toString(2)].filter((digit) => digit === '1').length % 4;
  const camera: Camera = {
    draw(context, number) {
      const { width, height } = context.canvas;
      const bits = number * 4 + checkOf(number);
      for (let at = 0; at < columns * rows; at++) {
        context.fillStyle = (bits >> at) & 1 ? '#fff' : '#000';
        const [left, top] = [at % columns, Math.floor(at / columns)];
        context.fillRect((left * width) / columns, (top * height) / rows, width / columns + 1, height / rows + 1);
      }
    },
    read(video) {
      if (!look) return undefined;
      look.drawImage(video, 0, 0, columns * 8, rows * 8);
      // Once for all cells: each question costs a copy, and this is done for each frame of each page.
      const { data, width } = look.getImageData(0, 0, columns * 8, rows * 8);
      let bits = 0;
      for (let at = 0; at < columns * rows; at++) {
        const [left, top] = [at % columns, Math.floor(at / columns)];
        const red = data[((top * 8 + 4) * width + left * 8 + 4) * 4] ?? 0;
        if (red > 128) bits |= 1 << at;
      }
      const number = bits >> 2;
      return checkOf(number) === (bits & 3) ? number : undefined;
    },
  };
  Object.assign(globalThis, { camera });
}

function installCamera(): void {
  const { camera } = globalThis as unknown as Watching;
  const canvas = document.createElement('canvas');
  canvas.width = 320;
  canvas.height = 180;
  const context = canvas.getContext('2d');
  // Another page's numbers are others.
  let number = Math.floor(Math.random() * 200) * 200;
  navigator.mediaDevices.getUserMedia = async () => {
    setInterval(() => context && camera.draw(context, ++number), 50);
    return canvas.captureStream(30);
  };
  const sayWhatIsSeen = (): void => {
    const preview = document.querySelector<HTMLVideoElement>('#preview');
    const { fanlight } = globalThis as unknown as {
      fanlight: { sendTimed: (message: object, frame: VideoFrameCallbackMetadata) => Promise<boolean> };
    };
    const onFrame = (_nowMs: number, frame: VideoFrameCallbackMetadata): void => {
      preview?.requestVideoFrameCallback(onFrame);
      const seen = preview && camera.read(preview);
      if (seen !== undefined) {
        void fanlight.sendTimed({ text: String(seen), x: 0.4, y: 0.4, width: 0.2, height: 0.2 }, frame);
      }
    };
    preview?.requestVideoFrameCallback(onFrame);
  };
  addEventListener('load', sayWhatIsSeen);
}

/** The page's camera is the numbered one from now on, after reloads too; on the publish page each frame is said. */
export async function giveNumberedCamera(page: Page): Promise<void> {
  await page.addInitScript(installReader);
  await page.addInitScript(installCamera);
}

/** The join page notes each frame that it shows with a box over it. */
export async function noteSights(page: Page): Promise<void> {
  await page.evaluate(installReader);
  await page.evaluate(() => {
    const watching = globalThis as unknown as Watching;
    watching.sights = [];
    const video = document.querySelector<HTMLVideoElement>('#video');
    const onFrame = (): void => {
      video?.requestVideoFrameCallback(onFrame);
      const shown = video && watching.camera.read(video);
      if (shown === undefined || shown === null) return;
      // After all callbacks of this frame, among them the page's own.
      setTimeout(() => {
        const text = document.querySelector('#overlay > *')?.textContent;
        if (text) watching.sights.push({ shown, said: Number(text) });
      });
    };
    video?.requestVideoFrameCallback(onFrame);
  });
}

/** What was noted since the last call. */
export function takeSights(page: Page): Promise<Sight[]> {
  return page.evaluate(() => (globalThis as unknown as Watching).sights.splice(0));
}
