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
let cameras: FakeTrack[];
/** As many phones do. */
let isOneCameraAtATime: boolean;
/** Other programs hold these. */
let taken: Set<string>;
let stored: Map<string, string>;
/** What the browser tells of. */
let listed: string[];
let devicesChanged = () => {};
let defaultCamera: string;
let media: LocalMedia;

function openCamera(wanted: boolean | MediaTrackConstraints): FakeTrack {
  const device = (typeof wanted === 'object' ? wanted.deviceId : undefined) as { exact?: string } | undefined;
  const id = device?.exact ?? defaultCamera;
  const isBusy = isOneCameraAtATime && cameras.some(({ readyState }) => readyState === 'live');
  if (isBusy || taken.has(id)) throw new DOMException('', 'NotReadableError');
  const opened = new FakeTrack('video', id);
  cameras.push(opened);
  return opened;
}

const isSoundOn = () => media.media.audio?.enabled;

beforeEach(() => {
  microphone = new FakeTrack('audio', 'built-in');
  cameras = [];
  isOneCameraAtATime = false;
  taken = new Set();
  stored = new Map();
  listed = [];
  defaultCamera = 'front';
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
  });
  vi.stubGlobal('navigator', {
    mediaDevices: {
      addEventListener: (_type: string, listener: () => void) => {
        devicesChanged = listener;
      },
      enumerateDevices: async () => listed.map((deviceId) => ({ deviceId, kind: 'videoinput' })),
      getUserMedia: async ({ audio, video }: MediaStreamConstraints) => {
        if (audio && !microphone) throw new DOMException('', 'NotFoundError');
        return streamOf([...(audio && microphone ? [microphone] : []), ...(video ? [openCamera(video)] : [])]);
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

describe('a camera that was pulled out', () => {
  const afterChange = async (...devices: string[]) => {
    listed = devices;
    devicesChanged();
    await new Promise(setImmediate);
  };

  beforeEach(async () => {
    await media.use('video', 'desk');
    cameras.at(-1)?.unplug();
    expect(media.hasCamera).toBe(false);
  });

  it('is used again when it is back', async () => {
    await afterChange('front', 'desk');
    expect(media.deviceId('video')).toBe('desk');
    await afterChange('front', 'desk');
    expect(cameras).toHaveLength(2);
  });

  it('is not taken for another one when the browser names none', async () => {
    defaultCamera = '';
    await media.use('video', '');
    cameras.at(-1)?.unplug();
    expect(media.hasCamera).toBe(false);
    const { length } = cameras;
    await afterChange('');
    expect(cameras).toHaveLength(length);
  });

  it('is not replaced by one that nobody chose', async () => {
    await afterChange('front');
    expect(media.hasCamera).toBe(false);
  });
});

describe('another camera', () => {
  const inUse = () => [media.deviceId('video'), (media.media.video as unknown as FakeTrack | null)?.readyState];
  const rememberedCamera = () => stored.get('fanlight:camera');

  beforeEach(async () => {
    await media.start();
  });

  it('takes over before the old one goes, where the machine can run both', async () => {
    expect(await media.use('video', 'back')).toBe(null);
    expect(inUse()).toEqual(['back', 'live']);
    expect(cameras.map(({ readyState }) => readyState)).toEqual(['ended', 'live']);
    expect(rememberedCamera()).toBe('back');
  });

  it('is opened once the old one is let go, where the machine runs one at a time', async () => {
    isOneCameraAtATime = true;
    expect(await media.use('video', 'back')).toBe(null);
    expect(inUse()).toEqual(['back', 'live']);
    expect(rememberedCamera()).toBe('back');
  });

  it('that another program holds is told of, and the old one goes on', async () => {
    isOneCameraAtATime = true;
    taken.add('back');
    const listed = vi.fn();
    media.on('devices', listed);
    expect(await media.use('video', 'back')).toBe('busy');
    expect(inUse()).toEqual(['front', 'live']);
    expect(rememberedCamera()).toBeUndefined();
    // The picker goes back to the one in use.
    await vi.waitFor(() => expect(listed).toHaveBeenCalled());
  });

  it('leaves none, and says so, when the old one cannot be had again', async () => {
    isOneCameraAtATime = true;
    taken.add('back').add('front');
    expect(await media.use('video', 'back')).toBe('busy');
    expect(media.hasCamera).toBe(false);
  });
});
