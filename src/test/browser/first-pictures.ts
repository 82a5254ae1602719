// For tests and benchmarks: a page that joins a broadcast with our own WHEP client, and notes when it shows what.
// It must not know what is expected of the figures.

import type { Page } from 'playwright-core';

/** Milliseconds of the page's clock. */
export interface FirstPictures {
  /** From the click to the answer, to ICE and DTLS, to the first frame on the screen. */
  readonly answeredMs: number;
  readonly connectedMs: number;
  readonly pictureMs: number;
  /** The longest time between two frames on the screen after the first one, and when it began, from the first one on. */
  readonly longestGapMs: number;
  readonly longestGapAtMs: number;
  /** Frames on the screen within the first half second: more than usual looks like fast-forward. */
  readonly framesInHalfASecond: number;
  /** From the first packet to the screen, on average over the time watched. */
  readonly bufferedMs: number;
  readonly framesDecoded: number;
  readonly keyFramesDecoded: number;
  readonly packetsLost: number;
  readonly pliCount: number;
}

/** The page's own client, for what runs in the page. To be called once for each page. */
export async function loadWhepClient(page: Page): Promise<void> {
  // As text: what the test's own build makes of `import()` means nothing to the page.
  await page.evaluate(
    `import('/static/whep-client.js').then(({ WhepClient }) => { globalThis.WhepClient = WhepClient; })`,
  );
}

/** Joins, watches for `watchMs` from the first picture on, and leaves. The page must have `loadWhepClient`. */
export function firstPictures(page: Page, broadcast: string, watchMs: number): Promise<FirstPictures> {
  return page.evaluate(
    async ({ broadcast, watchMs }) => {
      const { WhepClient } = globalThis as unknown as {
        WhepClient: new (
          endpoint: string,
        ) => {
          view(): Promise<MediaStreamTrack[]>;
          stop(): Promise<void>;
          readonly peerConnection: RTCPeerConnection;
        };
      };
      const video = document.createElement('video');
      video.muted = true;
      video.width = 320;
      document.body.append(video);
      const clickedAt = performance.now();
      const since = (): number => performance.now() - clickedAt;
      const shown: number[] = [];
      const first = new Promise<void>((resolve) => {
        const onFrame = (): void => {
          shown.push(since());
          video.requestVideoFrameCallback(onFrame);
          resolve();
        };
        video.requestVideoFrameCallback(onFrame);
      });
      const client = new WhepClient(`/whep/${broadcast}`);
      const tracks = await client.view();
      const answeredMs = since();
      const { peerConnection } = client;
      const connected = new Promise<number>((resolve) => {
        const look = (): void => {
          if (peerConnection.connectionState === 'connected') resolve(since());
        };
        peerConnection.addEventListener('connectionstatechange', look);
        look();
      });
      video.srcObject = new MediaStream(tracks);
      void video.play().catch(() => {});
      await first;
      await new Promise((resolve) => setTimeout(resolve, watchMs));
      const reports = [...(await peerConnection.getStats()).values()];
      const inbound = reports.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video') ?? {};
      const connectedMs = await connected;
      await client.stop();
      video.remove();
      const [pictureMs = Number.NaN] = shown;
      let [longestGapMs, longestGapAtMs] = [0, 0];
      for (const [at, shownAt] of shown.entries()) {
        const gapMs = (shown[at + 1] ?? shownAt) - shownAt;
        if (gapMs > longestGapMs) [longestGapMs, longestGapAtMs] = [gapMs, shownAt - pictureMs];
      }
      return {
        answeredMs,
        connectedMs,
        pictureMs,
        longestGapMs,
        longestGapAtMs,
        framesInHalfASecond: shown.filter((shownAt) => shownAt - pictureMs < 500).length,
        bufferedMs: (1000 * inbound.jitterBufferDelay) / inbound.jitterBufferEmittedCount,
        framesDecoded: inbound.framesDecoded,
        keyFramesDecoded: inbound.keyFramesDecoded,
        packetsLost: inbound.packetsLost,
        pliCount: inbound.pliCount,
      };
    },
    { broadcast, watchMs },
  );
}

/** The value that this share of all reaches, 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}
