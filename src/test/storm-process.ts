// Some viewers of a crowd, in a process of their own since each takes dozens of descriptors: `node storm-process.ts <WHEP
// endpoint> <viewers>`. They join, tell their parent, and whenever it says so all reload within a second. Tells how long
// each waited for its picture then, in ms.

import { setTimeout as delay } from 'node:timers/promises';
import { LibwebrtcViewer } from './libwebrtc.ts';
import { eventually } from './server.ts';

const [endpoint = '', count = '1'] = process.argv.slice(2);
const viewers = Number(count);
const RELOAD_WITHIN_MS = 1_000;

async function join(): Promise<LibwebrtcViewer> {
  const viewer = new LibwebrtcViewer({ data: false, bundlePolicy: 'max-bundle' });
  await viewer.view(endpoint);
  await eventually('a picture', () => viewer.firstFrameAtMs !== undefined, 20_000);
  return viewer;
}

const here: LibwebrtcViewer[] = [];
for (let joined = 0; joined < viewers; joined += 5) {
  here.push(...(await Promise.all(Array.from({ length: Math.min(5, viewers - joined) }, join))));
}
process.on('message', async () => {
  const waitsMs = await Promise.all(
    here.map(async (before, number) => {
      await delay((number * RELOAD_WITHIN_MS) / viewers);
      const reloadedAtMs = Date.now();
      // A page says goodbye with its last breath, and the new one does not wait for the answer.
      void before.leave().catch(() => {});
      const viewer = await join();
      here[number] = viewer;
      return (viewer.firstFrameAtMs ?? Number.NaN) - reloadedAtMs;
    }),
  );
  process.send?.(waitsMs);
});
process.send?.('ready');
