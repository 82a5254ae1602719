// What a publish page remembers of its broadcast, and what it goes on with by itself. Browser and server are stand-ins.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { settle } from '../src/test/page-clock.ts';
import { type Asked, created, FakePeerConnection, fetchInto, problem } from '../src/test/page-fakes.ts';
import { Emitter } from './emitter.js';
import type { FrameTimestamps } from './frame-timestamps.js';
import { recallLive, rememberLive } from './live-memory.js';
import { LiveSession } from './live-session.js';
import type { PublishedMedia } from './whip-client.js';

class FakeFrames extends Emitter<Record<string, unknown>> {
  ready = Promise.resolve();
  attach(): void {}
}

class FakeWebSocket extends EventTarget {
  static readonly OPEN = 1;
  static latest: FakeWebSocket;
  readyState = FakeWebSocket.OPEN;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor() {
    super();
    FakeWebSocket.latest = this;
  }

  send(): void {}
  close(): void {}
}

const video = { kind: 'video' } as MediaStreamTrack;
const BEFORE = { resume: 'one.token', source: 'camera', isMuted: false, isCameraOff: false } as const;

describe('a publish page', () => {
  let asked: Asked[];
  let media: PublishedMedia;
  let loseLock: (() => void) | undefined;
  let live: LiveSession;

  beforeEach(() => {
    vi.useFakeTimers();
    asked = [];
    FakePeerConnection.made = [];
    const stored = new Map<string, string>();
    const listening = new EventTarget();
    vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
    vi.stubGlobal('MediaStream', class {});
    vi.stubGlobal('WebSocket', FakeWebSocket);
    vi.stubGlobal('addEventListener', () => {});
    vi.stubGlobal('location', { href: 'http://fanlight.test/publish', host: 'fanlight.test' });
    vi.stubGlobal('document', Object.assign(listening, { baseURI: 'http://fanlight.test/publish' }));
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
      removeItem: (key: string) => void stored.delete(key),
    });
    vi.stubGlobal('navigator', {
      locks: {
        request: (_name: string, _options: object, hold: () => Promise<unknown>) =>
          new Promise((resolve, reject) => {
            loseLock = () => reject(new DOMException('stolen', 'AbortError'));
            void hold().then(resolve);
          }),
      },
    });
    vi.stubGlobal('fetch', fetchInto(asked));
    media = { audio: null, video, source: 'camera' };
    live = new LiveSession('live', {
      media: () => media,
      switches: () => ({ isMuted: false, isCameraOff: false }),
      frames: new FakeFrames() as unknown as FrameTimestamps,
    });
    live.connect();
    FakeWebSocket.latest.onopen?.();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const latest = (): Asked => asked.at(-1) as Asked;
  const hear = (message: object) => FakeWebSocket.latest.onmessage?.({ data: JSON.stringify(message) });
  const told = (endReason: string) =>
    hear({ type: 'session', id: 'one', state: 'ended', endReason, unsupportedCodec: null });

  async function answer(response: Response | TypeError): Promise<void> {
    await latest().answer(response);
    for (let turn = 0; turn < 10; turn++) await settle();
  }

  async function goLive(): Promise<void> {
    void live.goLive({ steal: true });
    for (let turn = 0; turn < 10; turn++) await settle();
    await answer(created('one'));
    FakePeerConnection.made.at(-1)?.become('connected');
    const session = { id: 'one', state: 'connected', endReason: null, unsupportedCodec: null };
    hear({ type: 'welcome', broadcast: { state: 'live', free: false }, session, iceServers: [] });
    expect(live.phase).toBe('connected');
    expect(recallLive('live')?.resume).toBe('one.token');
  }

  describe('after a reload', () => {
    it('goes on with the session that the server still has', async () => {
      rememberLive('live', BEFORE);
      const goesOn = live.goOn();
      await settle();
      expect(latest()).toMatchObject({ method: 'GET', path: '/whip/live/one' });
      await answer(new Response(null, { status: 204 }));
      expect(await goesOn).toBe('started');
      expect(latest()).toMatchObject({ method: 'POST', resume: 'one.token' });
    });

    it('goes on when the server does not answer: it may have the session when it is back', async () => {
      rememberLive('live', BEFORE);
      const goesOn = live.goOn();
      await settle();
      await answer(new TypeError('gone'));
      expect(await goesOn).toBe('started');
    });

    it('puts nobody on air whose session has ended meanwhile', async () => {
      rememberLive('live', BEFORE);
      const goesOn = live.goOn();
      await settle();
      await answer(problem(404, 'unknown_session'));
      expect(await goesOn).toBe('ended');
      expect(asked.map(({ method }) => method)).toEqual(['GET']);
      expect(recallLive('live')).toBeUndefined();
      expect(live.isRunning).toBe(false);
    });
  });

  it.each(['taken-over', 'stopped'])(
    'does not come back by itself after the server told it that its session was %s',
    async (endReason) => {
      await goLive();
      told(endReason);
      expect(live.isRunning).toBe(false);
      expect(recallLive('live')).toBeUndefined();
      expect(FakePeerConnection.made.every(({ connectionState }) => connectionState === 'closed')).toBe(true);
    },
  );

  it('leaves what is remembered to the tab that took its place', async () => {
    await goLive();
    loseLock?.();
    for (let turn = 0; turn < 10; turn++) await settle();
    expect(live.phase).toBe('taken-over');
    expect(recallLive('live')?.resume).toBe('one.token');
  });

  it('waits for a camera or microphone when it has lost all, and goes on with the first one', async () => {
    await goLive();
    media = { audio: null, video: null, source: 'camera' };
    FakePeerConnection.made.at(-1)?.become('failed');
    await vi.advanceTimersByTimeAsync(100);
    expect(live.phase).toBe('waiting');
    expect(asked).toHaveLength(1);
    media = { audio: null, video, source: 'camera' };
    await live.mediaChanged();
    for (let turn = 0; turn < 10; turn++) await settle();
    expect(latest()).toMatchObject({ method: 'POST', resume: 'one.token' });
  });
});
