// One listener: its connection, what may wait for it, and coming back.

import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Stage } from '../../test/stage.ts';
import { EVENT_NAMES } from './broadcast-news.ts';
import { EventStream } from './event-stream.ts';

const VIEW = { ...new Stage().registry.describe('live'), state: 'live', viewers: 1 } as const;
const ENDPOINT = 'https://a.example/whep/live';
const RECONNECT = `event: reconnect\ndata: {"url":"${ENDPOINT}"}\n\n`;

class FakeResponse extends EventEmitter {
  written = '';
  writableLength = 0;
  state: 'open' | 'ended' | 'destroyed' = 'open';

  write(text: string): void {
    this.written += text;
  }

  end(): void {
    this.state = 'ended';
  }

  destroy(): void {
    this.state = 'destroyed';
  }
}

let stream: EventStream;

beforeEach(() => {
  vi.useFakeTimers();
  stream = new EventStream(EVENT_NAMES);
});
afterEach(() => {
  vi.useRealTimers();
});

function listen(): FakeResponse {
  const response = new FakeResponse();
  stream.open(response as unknown as ServerResponse, ENDPOINT, { view: VIEW, layers: [], videoMid: '1' });
  return response;
}

describe('a listener', () => {
  it('is told how to come again, then what holds: each event in two lines', () => {
    expect(listen().written).toBe(
      'retry: 1000\nid: 1\n\nevent: active\ndata: {}\n\nevent: viewercount\ndata: {"viewercount":1}\n\nevent: layers\ndata: {}\n\n',
    );
  });

  it('hears only what it asked for', () => {
    stream = new EventStream(['viewercount']);
    const response = listen();
    stream.changed({ ...VIEW, state: 'interrupted' });
    stream.changed({ ...VIEW, viewers: 2 });
    expect(response.written.match(/^event.*/gm)).toEqual(['event: viewercount', 'event: viewercount']);
  });

  it('that reads too slowly is ended, and may come again', () => {
    const slow = listen();
    slow.writableLength = 65_537;
    stream.changed({ ...VIEW, viewers: 2 });
    expect([slow.state, stream.isOpen]).toEqual(['destroyed', false]);
    stream.changed({ ...VIEW, viewers: 3 });
    expect(listen().written).toContain('{"viewercount":1}');
  });

  it('is replaced by a second one, and does not push that one out when it comes again', () => {
    const first = listen();
    const second = listen();
    // The first one's end is noticed when the second is there.
    first.emit('close');
    expect([first.state, second.state, stream.isOpen]).toEqual(['ended', 'open', true]);
    expect(stream.isReplaced('1')).toBe(true);
    expect(stream.isReplaced('2')).toBe(false);
    expect(stream.isReplaced(undefined)).toBe(false);
    second.emit('close');
    expect(stream.isReplaced('1')).toBe(false);
  });

  it('hears comments between events', () => {
    const response = listen();
    const before = response.written;
    stream.keepAlive();
    expect(response.written).toBe(`${before}:\n\n`);
  });
});

describe('coming back', () => {
  it('is asked for when it is time', () => {
    const response = listen();
    stream.reconnectIn(500);
    vi.advanceTimersByTime(499);
    expect(response.written).not.toContain(RECONNECT);
    vi.advanceTimersByTime(1);
    expect(response.written).toContain(RECONNECT);
    stream.end(true);
    expect(response.written.split(RECONNECT)).toHaveLength(2);
  });

  it('is asked for at once when the server ends before', () => {
    const response = listen();
    stream.reconnectIn(60_000);
    stream.end(true);
    expect([response.written.endsWith(RECONNECT), response.state]).toEqual([true, 'ended']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not asked for when the session was stopped, or has come back', () => {
    const response = listen();
    stream.reconnectIn(500);
    stream.reconnected();
    stream.reconnectIn(500);
    stream.end(false);
    vi.advanceTimersByTime(1_000);
    expect(response.written).not.toContain(RECONNECT);
  });

  it('is told to who connects after the time', () => {
    stream.reconnectIn(500);
    vi.advanceTimersByTime(500);
    expect(listen().written).toContain(RECONNECT);
    expect(listen().written).not.toContain(RECONNECT);
  });
});
