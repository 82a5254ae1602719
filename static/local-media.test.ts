// Camera, microphone and screen of a browser that is played here: what goes out, and what is told of it.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalMedia } from './local-media.js';

class FakeTrack extends EventTarget {
  readonly kind: string;
  readonly deviceId: string;
  enabled = true;
  readyState = 'live';

  constructor(kind: string, deviceId = '') {
    super();
    this.kind = kind;
    this.deviceId = deviceId;
  }

  stop(): void {
    this.readyState = 'ended';
  }

  /** Its device is pulled out. */
  unplug(): void {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }

  getSettings(): { deviceId: string } {
    return { deviceId: this.deviceId };
  }
}

const streamOf = (tracks: FakeTrack[]) => ({
  getTracks: () => tracks,
  getAudioTracks: () => tracks.filter(({ kind }) => kind === 'audio'),
  getVideoTracks: () => tracks.filter(({ kind }) => kind === 'video'),
});

/** What the machine has. */
let microphone: FakeTrack | undefined;
let media: LocalMedia;

const isSoundOn = () => media.media.audio?.enabled;

beforeEach(() => {
  microphone = new FakeTrack('audio', 'built-in');
  vi.stubGlobal('navigator', {
    mediaDevices: {
      addEventListener: () => {},
      enumerateDevices: async () => [],
      getUserMedia: async ({ audio, video }: MediaStreamConstraints) => {
        if (audio && !microphone) throw new DOMException('', 'NotFoundError');
        return streamOf([...(audio && microphone ? [microphone] : []), ...(video ? [new FakeTrack('video')] : [])]);
      },
      getDisplayMedia: async () => streamOf([new FakeTrack('video'), new FakeTrack('audio')]),
    },
  });
  media = new LocalMedia();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe('muted', () => {
  it('means the sound of what is shared too, where there is no microphone', async () => {
    microphone = undefined;
    await media.start();
    await media.shareScreen();
    expect(isSoundOn()).toBe(true);
    media.setMuted(true);
    expect(isSoundOn()).toBe(false);
  });

  it('before sharing, the sound of what is shared does not go out', async () => {
    microphone = undefined;
    media.setMuted(true);
    await media.shareScreen();
    expect(isSoundOn()).toBe(false);
    media.setMuted(false);
    expect(isSoundOn()).toBe(true);
  });

  it('while a microphone is unplugged, the sound of what is shared takes its place in silence', async () => {
    await media.start();
    await media.shareScreen();
    media.setMuted(true);
    microphone?.unplug();
    expect(media.media.audio).not.toBe(null);
    expect(isSoundOn()).toBe(false);
  });
});
