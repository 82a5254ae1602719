// What the player tells the page while its tracks change, with a video element that is played here.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Player } from './player.js';

class FakeStream {
  readonly active = true;
  readonly tracks: readonly MediaStreamTrack[];

  constructor(tracks: readonly MediaStreamTrack[]) {
    this.tracks = tracks;
  }

  getVideoTracks(): MediaStreamTrack[] {
    return this.tracks.filter(({ kind }) => kind === 'video');
  }
}

class FakeVideo extends EventTarget {
  paused = true;
  muted = false;
  srcObject: FakeStream | null = null;

  async play(): Promise<void> {
    this.paused = false;
    this.dispatchEvent(new Event('playing'));
  }

  pause(): void {
    this.paused = true;
    this.dispatchEvent(new Event('pause'));
  }
}

const tracksOf = (...kinds: string[]) => kinds.map((kind) => ({ kind }) as MediaStreamTrack);
const SOUND = new Set(['audio']);
const BOTH = new Set(['audio', 'video']);

let page: EventTarget & { visibilityState: string; pictureInPictureElement: null };
let video: FakeVideo;
let player: Player;
let told: (boolean | string)[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  page = Object.assign(new EventTarget(), { visibilityState: 'visible', pictureInPictureElement: null });
  vi.stubGlobal('document', page);
  vi.stubGlobal('MediaStream', FakeStream);
  video = new FakeVideo();
  told = [];
  player = new Player(video as unknown as HTMLVideoElement, { hidden: true } as HTMLCanvasElement);
  player.on('playing', (isPlaying) => told.push(isPlaying));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function show(tracks: MediaStreamTrack[], kinds: ReadonlySet<string>): Promise<void> {
  const shown = player.show(tracks, kinds);
  await vi.advanceTimersByTimeAsync(1);
  video.dispatchEvent(new Event('loadeddata'));
  await shown;
}

describe('playing', () => {
  it('goes on while the broadcaster adds a picture to the sound: the viewer’s connection is the same', async () => {
    const tracks = tracksOf('audio', 'video');
    await show(tracks, SOUND);
    told = [];
    await show(tracks, BOTH);
    expect(video.srcObject?.tracks).toEqual(tracks);
    expect(told).toEqual([true]);
  });

  it('is over when another connection brings other tracks, until they play', async () => {
    await show(tracksOf('audio', 'video'), SOUND);
    told = [];
    await show(tracksOf('audio', 'video'), SOUND);
    expect(told).toEqual([false, true]);
  });
});

describe('a pause', () => {
  beforeEach(async () => {
    await show(tracksOf('audio'), SOUND);
    player.on('sound', (sound) => told.push(sound));
    await vi.advanceTimersByTimeAsync(10_000);
    told = [];
  });

  function turn(visibilityState: 'visible' | 'hidden'): void {
    page.visibilityState = visibilityState;
    page.dispatchEvent(new Event('visibilitychange'));
  }

  it('of a person stays, and asks for a tap', async () => {
    video.pause();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([video.paused, ...told]).toEqual([true, 'paused']);
    await player.resume();
    expect([video.paused, told.at(-1)]).toEqual([false, 'on']);
  });

  it('of a muted picture ends by a tap that leaves it muted', async () => {
    player.mute();
    video.pause();
    await player.resume();
    expect([video.paused, video.muted, told.at(-1)]).toEqual([false, true, 'off']);
  });

  it('while the page is hidden ends when it is seen again', async () => {
    turn('hidden');
    await vi.advanceTimersByTimeAsync(5_000);
    video.pause();
    expect(video.paused).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    turn('visible');
    await vi.advanceTimersByTimeAsync(1);
    expect([video.paused, told.at(-1)]).toEqual([false, 'on']);
  });
});
