// For tests: what a browser's own statistics say of the video of a page's connection (W3C webrtc-stats), and how much of
// it happened in a while. It must not know what is expected of the figures.

import type { Page } from 'playwright-core';
import { eventually } from '../server.ts';

/** The counters that tests look at; 0 where the browser does not have one. */
export interface VideoStatistics {
  /** Sent and encoded, of a publisher. */
  readonly framesEncoded: number;
  readonly bytesSent: number;
  readonly targetBitrate: number;
  readonly retransmittedPacketsSent: number;
  /** Received and decoded, of a viewer. */
  readonly framesDecoded: number;
  readonly keyFramesDecoded: number;
  readonly framesDropped: number;
  readonly freezeCount: number;
  readonly totalFreezesDuration: number;
  readonly packetsReceived: number;
  /** Asked of a publisher, or by a viewer. */
  readonly nackCount: number;
  readonly pliCount: number;
}

/** Of `globalThis.fanlight`'s connection, as our pages have it: the video that goes out, else the one that comes in. */
export function videoStatistics(page: Page): Promise<VideoStatistics> {
  return page.evaluate(async () => {
    const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: RTCPeerConnection } }).fanlight;
    const reports = [...(await peerConnection.getStats()).values()];
    const video = reports.find(({ type, kind }) => /^(in|out)bound-rtp$/.test(type) && kind === 'video') ?? {};
    const value = (name: string): number => Number(video[name] ?? 0);
    return {
      framesEncoded: value('framesEncoded'),
      bytesSent: value('bytesSent'),
      targetBitrate: value('targetBitrate'),
      retransmittedPacketsSent: value('retransmittedPacketsSent'),
      framesDecoded: value('framesDecoded'),
      keyFramesDecoded: value('keyFramesDecoded'),
      framesDropped: value('framesDropped'),
      freezeCount: value('freezeCount'),
      totalFreezesDuration: value('totalFreezesDuration'),
      packetsReceived: value('packetsReceived'),
      nackCount: value('nackCount'),
      pliCount: value('pliCount'),
    };
  });
}

/**
 * How much the statistics of both grew while the publisher encoded `frames` more frames.
 * @param share of these that the viewer ought to have decoded. A look may come just after something kept the link or the
 * viewer from their work, when the last frames are still on their way: it is then put off until the share is there, but no
 * longer than for as many frames again. What is missing for good is missing then too.
 */
export async function whileEncoding(
  frames: number,
  publisher: Page,
  viewer: Page,
  share?: number,
): Promise<{ readonly sent: VideoStatistics; readonly seen: VideoStatistics; readonly seconds: number }> {
  const beganMs = performance.now();
  const before = { sent: await videoStatistics(publisher), seen: await videoStatistics(viewer) };
  const after = await eventually(
    `${frames} frames are encoded`,
    async () => {
      const sent = await videoStatistics(publisher);
      const encoded = sent.framesEncoded - before.sent.framesEncoded;
      if (encoded < frames) return undefined;
      const seen = await videoStatistics(viewer);
      const decoded = seen.framesDecoded - before.seen.framesDecoded;
      const isComplete = share === undefined || decoded > share * encoded;
      return (isComplete || encoded >= 2 * frames) && { sent, seen };
    },
    // The fake camera of a busy machine gives some 20 frames a second, or fewer.
    20_000 + frames * 200,
  );
  const seconds = (performance.now() - beganMs) / 1000;
  return { sent: growth(before.sent, after.sent), seen: growth(before.seen, after.seen), seconds };
}

function growth(before: VideoStatistics, after: VideoStatistics): VideoStatistics {
  const names = Object.keys(after) as (keyof VideoStatistics)[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as VideoStatistics;
}

/** What a publisher's video took in a while, retransmissions and headers left out; bits per second of the page's clock. */
export async function bitrateOver(windowMs: number, publisher: Page): Promise<number> {
  const now = async () => ({ bytes: (await videoStatistics(publisher)).bytesSent, atMs: performance.now() });
  const before = await now();
  await new Promise((resolve) => setTimeout(resolve, windowMs));
  const after = await now();
  return ((after.bytes - before.bytes) * 8000) / (after.atMs - before.atMs);
}
