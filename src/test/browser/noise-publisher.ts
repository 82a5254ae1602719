// For tests: a page that publishes pictures of its own making, so that an encoder has as much to do as the test wants.
// It must not know what becomes of them.

import type { Page } from 'playwright-core';

/** Publishes noise over WHIP: 25 pictures a second, no audio. The connection is at `globalThis.fanlight`, as in our pages. */
export function publishNoise(page: Page, broadcast: string, maxBitrateBps: number): Promise<void> {
  return page.evaluate(
    async ({ name, maxBitrate }) => {
      const canvas = document.createElement('canvas');
      // Small, so that it costs a busy machine little; its noise takes megabits all the same.
      canvas.width = 160;
      canvas.height = 90;
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no canvas');
      const picture = context.createImageData(canvas.width, canvas.height);
      const pixels = new Uint32Array(picture.data.buffer);
      let state = 1;
      setInterval(() => {
        for (let at = 0; at < pixels.length; at++) {
          // xorshift32
          state ^= state << 13;
          state ^= state >>> 17;
          state ^= state << 5;
          pixels[at] = state | 0xff00_0000;
        }
        context.putImageData(picture, 0, 0);
      }, 40);
      const [track] = canvas.captureStream(25).getVideoTracks();
      if (!track) throw new Error('no track');
      const peerConnection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      Object.assign(globalThis, { fanlight: { peerConnection } });
      peerConnection.addTransceiver(track, { direction: 'sendonly', sendEncodings: [{ maxBitrate }] });
      await peerConnection.setLocalDescription();
      const response = await fetch(`/whip/${name}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: peerConnection.localDescription?.sdp ?? '',
      });
      if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
      await peerConnection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    },
    { name: broadcast, maxBitrate: maxBitrateBps },
  );
}
