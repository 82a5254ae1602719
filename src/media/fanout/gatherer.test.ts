import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MediaKind } from '../../rtp/codec.ts';
import { type FanoutPacket, MAX_BATCH, NOT_SENT } from './engine.ts';
import { Gatherer, SendLoad } from './gatherer.ts';

/** The fake timers of vitest do not move this clock: work takes as long as a test says. */
let nowMs: number;
let load: SendLoad;
/** What each call sent, as `v1`, `a2`: kind and index. */
let batches: string[][];
let gatherer: Gatherer<FanoutPacket>;

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 5_000;
  batches = [];
  load = new SendLoad(() => nowMs);
  gatherer = new Gatherer({
    load,
    send: (packets) => batches.push(packets.map(({ kind, index }) => `${kind[0]}${index}`)),
  });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function packet(kind: MediaKind, index: number, marker = false): FanoutPacket {
  return {
    kind,
    index,
    marker,
    timestamp: 0,
    payload: new Uint8Array(1),
    extensions: undefined,
    sendTime: NOT_SENT,
    padding: 0,
  };
}

const video = (index: number, marker = false) => packet('video', index, marker);
const audio = (index: number) => packet('audio', index);

/** Sending takes this share of the time from now on. */
function loaded(share: number): void {
  for (let count = 0; count < 20; count++) {
    load.measure(() => {
      nowMs += 100 * share;
    });
    nowMs += 100 * (1 - share);
  }
}

/** What comes at the end of this turn of the event loop has come; no time passes. */
const endOfTurn = () => vi.advanceTimersByTime(0);

describe('a gatherer at low load', () => {
  it('sends what one turn of the event loop brought, together, at the end of the turn', () => {
    gatherer.add(video(1));
    gatherer.add(video(2));
    expect(batches).toEqual([]);
    endOfTurn();
    expect(batches).toEqual([['v1', 'v2']]);
    gatherer.add(video(3));
    endOfTurn();
    expect(batches).toEqual([['v1', 'v2'], ['v3']]);
  });

  it('does not wait for the end of a frame', () => {
    loaded(0.08);
    gatherer.add(video(1));
    endOfTurn();
    expect(batches).toEqual([['v1']]);
  });
});

describe('a gatherer under load', () => {
  beforeEach(() => loaded(0.15));

  it('holds packets until the last one of their frame, and sends at the end of that turn', () => {
    gatherer.add(video(1));
    endOfTurn();
    gatherer.add(video(2));
    endOfTurn();
    expect(batches).toEqual([]);
    gatherer.add(video(3, true));
    expect(batches).toEqual([]);
    endOfTurn();
    expect(batches).toEqual([['v1', 'v2', 'v3']]);
  });

  it('holds them for 4 ms at most, counted from the first', () => {
    gatherer.add(video(1));
    vi.advanceTimersByTime(2);
    gatherer.add(video(2));
    vi.advanceTimersByTime(1);
    expect(batches).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(batches).toEqual([['v1', 'v2']]);
    gatherer.add(video(3));
    vi.advanceTimersByTime(3);
    expect(batches).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(batches).toEqual([['v1', 'v2'], ['v3']]);
  });

  it('holds sound, of which every packet has a frame of its own, as long', () => {
    gatherer.add({ ...audio(1), marker: true });
    endOfTurn();
    expect(batches).toEqual([]);
    vi.advanceTimersByTime(4);
    expect(batches).toEqual([['a1']]);
  });

  it('does not hold sound that has no picture to wait for', () => {
    for (let index = 1; index <= 9; index++) {
      gatherer.add(audio(index));
      endOfTurn();
      expect(batches).toHaveLength(index - 1);
      vi.advanceTimersByTime(4);
    }
    batches.length = 0;
    gatherer.add(audio(10));
    endOfTurn();
    expect(batches).toEqual([['a10']]);
    gatherer.add(video(1));
    gatherer.add(audio(12));
    endOfTurn();
    expect(batches).toHaveLength(1);
    gatherer.flush();
  });

  it('holds for longer when most of the time goes into sending', () => {
    loaded(0.5);
    gatherer.add(audio(1));
    vi.advanceTimersByTime(11);
    expect(batches).toEqual([]);
    gatherer.add(video(1, true));
    endOfTurn();
    expect(batches).toEqual([['v1', 'a1']]);
    gatherer.add(audio(2));
    vi.advanceTimersByTime(12);
    expect(batches).toEqual([['v1', 'a1'], ['a2']]);
    loaded(0.9);
    gatherer.add(audio(3));
    vi.advanceTimersByTime(19);
    expect(batches).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(batches).toHaveLength(3);
  });

  it('sends as many as an engine takes at once without waiting for anything', () => {
    for (let index = 1; index <= MAX_BATCH - 1; index++) gatherer.add(video(index));
    expect(batches).toEqual([]);
    gatherer.add(video(MAX_BATCH));
    expect(batches).toHaveLength(1);
    expect(batches[0]).toHaveLength(MAX_BATCH);
    gatherer.add(video(MAX_BATCH + 1, true));
    endOfTurn();
    expect(batches[1]).toEqual([`v${MAX_BATCH + 1}`]);
  });

  it('holds nothing any more once the load is over', () => {
    loaded(0.05);
    gatherer.add(video(1));
    endOfTurn();
    expect(batches).toEqual([['v1']]);
  });
});

describe('a gatherer', () => {
  it('sends at once when it is told to, and nothing a second time', () => {
    gatherer.add(video(1));
    gatherer.flush();
    expect(batches).toEqual([['v1']]);
    gatherer.flush();
    vi.runAllTimers();
    expect(batches).toEqual([['v1']]);
  });

  it('sends video before audio, each in the order in which it came', () => {
    for (const each of [audio(9), video(3), audio(7), video(1), video(2), audio(8)]) gatherer.add(each);
    gatherer.flush();
    expect(batches).toEqual([['v3', 'v1', 'v2', 'a9', 'a7', 'a8']]);
  });

  it.each(['video', 'audio'] as const)('sends %s alone as it came', (kind) => {
    for (const index of [2, 1, 3]) gatherer.add(packet(kind, index));
    gatherer.flush();
    expect(batches).toEqual([[2, 1, 3].map((index) => `${kind[0]}${index}`)]);
  });

  it('forgets what it holds when it is closed', () => {
    gatherer.add(video(1));
    gatherer.close();
    gatherer.close();
    vi.runAllTimers();
    expect(batches).toEqual([]);
  });

  it('counts its sending as load', () => {
    const busy = new Gatherer<FanoutPacket>({
      load,
      send: () => {
        nowMs += 90;
      },
    });
    for (let index = 0; index < 10; index++) {
      busy.add(video(index));
      busy.flush();
      nowMs += 10;
    }
    expect(load.share).toBeGreaterThan(0.8);
  });
});

describe('the load of a thread', () => {
  it.each([0, 0.1, 0.5, 0.9])('comes to %f when so much of the time is sent', (share) => {
    loaded(share);
    expect(load.share).toBeCloseTo(share, 2);
  });

  it('does not follow one long sending at once', () => {
    loaded(0.02);
    load.measure(() => {
      nowMs += 100;
    });
    // About half of the last fifth of a second, and half of that.
    expect(load.share).toBeCloseTo(0.26, 2);
  });

  it('is measured over tenths of a second, not over one sending', () => {
    load.measure(() => {
      nowMs += 20;
    });
    expect(load.share).toBe(0);
    nowMs += 179;
    load.measure(() => {
      nowMs += 1;
    });
    expect(load.share).toBeCloseTo(21 / 200 / 2, 5);
  });

  it('goes down with the first sendings after a pause', () => {
    loaded(0.8);
    nowMs += 60_000;
    for (let count = 0; count < 3; count++) {
      load.measure(() => {
        nowMs += 1;
      });
      nowMs += 100;
    }
    expect(load.share).toBeLessThan(0.25);
  });
});
