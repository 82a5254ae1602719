// Whose encoded frames are heard of when connections change. The worker is a stand-in.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FrameTap } from './frame-tap.js';

class FakeWorker {
  static latest: FakeWorker;
  onmessage: ((event: { data: object }) => void) | null = null;

  constructor() {
    FakeWorker.latest = this;
  }

  postMessage(): void {}
  terminate(): void {}
}

class FakeTransform {
  readonly generation: number;

  constructor(_worker: FakeWorker, { generation }: { generation: number }) {
    this.generation = generation;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('Worker', FakeWorker);
  vi.stubGlobal('RTCRtpScriptTransform', FakeTransform);
  vi.stubGlobal(
    'RTCRtpSender',
    class {
      get transform() {
        return null;
      }
    },
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('hears of the newest sender alone: the one before sends on, in other numbers, until the new connection is up', () => {
  const heard: number[] = [];
  const tap = new FrameTap(
    ({ rtpTimestamp }) => heard.push(rtpTimestamp),
    () => {},
  );
  const senders = [{}, {}] as { transform?: FakeTransform }[];
  const encoded = (sender: { transform?: FakeTransform } | undefined, rtpTimestamp: number) =>
    FakeWorker.latest.onmessage?.({
      data: { type: 'frame', rtpTimestamp, generation: sender?.transform?.generation },
    });
  FakeWorker.latest.onmessage?.({ data: { type: 'alive' } });
  expect(tap.attach(senders[0] as unknown as RTCRtpSender)).toBe(true);
  encoded(senders[0], 1);
  tap.attach(senders[1] as unknown as RTCRtpSender);
  encoded(senders[0], 2);
  encoded(senders[1], 900);
  encoded(senders[0], 3);
  expect(heard).toEqual([1, 900]);
});
