// Numbers and verdicts from getStats reports.

import { describe, expect, it } from 'vitest';
import { qualityWords, summarise } from './connection-quality.js';

function viewerReports(atMs: number, bytes: number, packets: number, lost: number, rttSeconds = 0.04) {
  return [
    { type: 'codec', id: 'C1', mimeType: 'video/VP8' },
    {
      type: 'inbound-rtp',
      kind: 'video',
      timestamp: atMs,
      bytesReceived: bytes,
      packetsReceived: packets,
      packetsLost: lost,
      frameWidth: 1280,
      frameHeight: 720,
      framesPerSecond: 29.97,
      codecId: 'C1',
    },
    { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: rttSeconds },
  ];
}

describe('summarise', () => {
  it('needs two samples for a rate', () => {
    expect(summarise(viewerReports(1000, 0, 0, 0), 'viewer').quality).toBeUndefined();
  });

  it('makes rates of what a viewer received in between', () => {
    const { sample } = summarise(viewerReports(1000, 100_000, 100, 0), 'viewer');
    const { quality } = summarise(viewerReports(3000, 600_000, 590, 10), 'viewer', sample);
    expect(quality).toEqual({
      bitrateKbps: 2000,
      rttMs: 40,
      lossPercent: 2,
      width: 1280,
      height: 720,
      fps: 30,
      codec: 'VP8',
      limitedBy: null,
      verdict: 'fair',
    });
  });

  it.each([
    [0, 0.04, 'good', 'The connection is good.'],
    [30, 0.04, 'fair', 'The network loses packets (5.8 %).'],
    [100, 0.04, 'poor', 'The network loses packets (16.9 %).'],
    [0, 0.9, 'poor', 'The way to the server is long (900 ms).'],
  ])('%i lost packets and %d s make %s', (lost, rttSeconds, verdict, words) => {
    const { sample } = summarise(viewerReports(1000, 100_000, 100, 0), 'viewer');
    const { quality } = summarise(viewerReports(3000, 600_000, 590, lost, rttSeconds), 'viewer', sample);
    expect(quality?.verdict).toBe(verdict);
    expect(quality && qualityWords(quality, 'viewer')).toBe(words);
  });

  it('takes a publisher’s loss from what the server reports', () => {
    const reports = (atMs: number) => [
      { type: 'outbound-rtp', kind: 'video', timestamp: atMs, bytesSent: atMs * 100, qualityLimitationReason: 'none' },
      { type: 'remote-inbound-rtp', fractionLost: 0.1, roundTripTime: 0.02 },
    ];
    const { sample } = summarise(reports(1000), 'publisher');
    const { quality } = summarise(reports(2000), 'publisher', sample);
    expect(quality).toMatchObject({ bitrateKbps: 800, lossPercent: 10, rttMs: 20, verdict: 'poor' });
  });

  it('gives a publisher time to feel its way up before it calls the network narrow', () => {
    const reports = (atMs: number) => [
      { type: 'outbound-rtp', kind: 'video', timestamp: atMs, bytesSent: atMs, qualityLimitationReason: 'bandwidth' },
    ];
    let previous: Parameters<typeof summarise>[2];
    const verdicts = [0, 2, 4, 6, 8, 10, 12].map((seconds) => {
      const { quality, sample } = summarise(reports(1000 + seconds * 1000), 'publisher', previous);
      previous = sample;
      return quality?.verdict;
    });
    expect(verdicts).toEqual([undefined, 'good', 'good', 'good', 'good', 'fair', 'fair']);
  });
});
