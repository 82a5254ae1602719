// A viewer in a process of its own: `node viewer-process.ts <WHEP endpoint>`. Tells its parent when the data channel is
// up, and passes on what the server says on the control channel.

import { LibwebrtcViewer } from './libwebrtc.ts';
import { eventually } from './server.ts';

const viewer = new LibwebrtcViewer();
await viewer.view(process.argv[2] ?? '');
await eventually('a picture', () => viewer.frames > 0);
process.send?.({ type: 'ready' });
for (let told = 0; ; told++) {
  const note = await eventually('a note', () => viewer.notes[told], 60_000);
  process.send?.(note);
}
