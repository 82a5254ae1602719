// What a page tells of its first picture, and when it keeps quiet. Browsers, connections and sockets are stand-ins.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Emitter } from './emitter.js';
import { JoinWatch } from './join-watch.js';

class FakeDocument extends EventTarget {
  visibilityState = 'visible';

  show(visibilityState: 'visible' | 'hidden'): void {
    this.visibilityState = visibilityState;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

class FakeSocket extends Emitter<Record<string, unknown>> {
  isOpen = true;
  readonly sent: object[] = [];

  send(message: object): boolean {
    if (this.isOpen) this.sent.push(message);
    return this.isOpen;
  }
}

class FakeConnection extends EventTarget {
  iceConnectionState = 'new';
  connectionState = 'new';
  readonly track = new EventTarget();

  getReceivers(): object[] {
    return [{ track: this.track }];
  }

  connect(): void {
    this.iceConnectionState = 'connected';
    this.dispatchEvent(new Event('iceconnectionstatechange'));
    this.connectionState = 'connected';
    this.dispatchEvent(new Event('connectionstatechange'));
  }
}

class FakeVideo {
  callbacks: ((now: number, metadata: object) => void)[] = [];

  requestVideoFrameCallback(callback: (now: number, metadata: object) => void): void {
    this.callbacks.push(callback);
  }

  present(presentationTime: number, receiveTime?: number): void {
    for (const callback of this.callbacks.splice(0)) {
      callback(presentationTime, { presentationTime, ...(receiveTime === undefined ? {} : { receiveTime }) });
    }
  }
}

let page: FakeDocument;
let client: Emitter<Record<string, unknown>>;
let socket: FakeSocket;
let video: FakeVideo;
let watch: JoinWatch;
let nowMs: number;
let isLive: boolean;

beforeEach(() => {
  page = new FakeDocument();
  vi.stubGlobal('document', page);
  client = new Emitter();
  socket = new FakeSocket();
  video = new FakeVideo();
  nowMs = 0;
  isLive = true;
  watch = new JoinWatch({ client, socket, video, isLive: () => isLive, now: () => nowMs } as never);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** From the offer until the transport is up. */
function connect(): FakeConnection {
  const connection = new FakeConnection();
  nowMs += 10;
  client.emit('asked', undefined);
  nowMs += 20;
  client.emit('answered', 'read;dur=0.4, worker;dur=2.1, total;dur=2.5');
  client.emit('connection', connection);
  nowMs += 30;
  connection.connect();
  return connection;
}

describe('a join', () => {
  it('is marked step by step, counted from the click', () => {
    nowMs = 1_000;
    watch.start(1_000);
    socket.emit('state', 'connecting');
    const connection = connect();
    socket.emit('welcome', {});
    nowMs += 5;
    connection.track.dispatchEvent(new Event('unmute'));
    video.present(1_200, 1_150);
    expect(watch.marks).toEqual({
      socketAsked: 0,
      asked: 10,
      answered: 30,
      serverMs: 2.5,
      ice: 60,
      connected: 60,
      socketOpen: 60,
      packet: 65,
      keyFrame: 150,
      picture: 200,
    });
    expect(socket.sent).toEqual([{ type: 'first-picture', ms: 200 }]);
  });

  it('is told once: later pictures, a resume and a new socket are no joins', () => {
    watch.start(0);
    connect();
    video.present(100);
    connect();
    video.present(5_000);
    socket.emit('welcome', {});
    expect(socket.sent).toHaveLength(1);
    expect(watch.marks.picture).toBe(100);
  });

  it('is told by the next socket when there is none', () => {
    watch.start(0);
    socket.isOpen = false;
    connect();
    video.present(100);
    socket.isOpen = true;
    socket.emit('welcome', {});
    socket.emit('welcome', {});
    expect(socket.sent).toEqual([{ type: 'first-picture', ms: 100 }]);
  });

  it('begins anew with a click, of which the picture before is none', () => {
    watch.start(0);
    connect();
    nowMs = 70_000;
    watch.start(70_000);
    connect();
    video.present(70_150);
    expect(socket.sent).toEqual([{ type: 'first-picture', ms: 150 }]);
  });
});

describe('a join is not told', () => {
  it.each<[string, JoinWatch['spoiledBy'], () => void]>([
    [
      'when there was nothing to see yet',
      'came-early',
      () => {
        isLive = false;
        watch.start(0);
        connect();
      },
    ],
    [
      'when the server says only after the transport is up that there is nothing to see yet',
      'came-early',
      () => {
        watch.start(0);
        connect();
        isLive = false;
        socket.emit('welcome', {});
        isLive = true;
      },
    ],
    [
      'when the page was in the background at first',
      'hidden',
      () => {
        page.visibilityState = 'hidden';
        watch.start(0);
        page.show('visible');
        connect();
      },
    ],
    [
      'when the page went to the background before the picture',
      'hidden',
      () => {
        watch.start(0);
        connect();
        page.show('hidden');
        page.show('visible');
      },
    ],
    [
      'when it took a second connection',
      'resumed',
      () => {
        watch.start(0);
        connect();
        connect();
      },
    ],
  ])('%s', (_, spoiledBy, happen) => {
    happen();
    video.present(200, 190);
    expect(socket.sent).toEqual([]);
    expect(watch.spoiledBy).toBe(spoiledBy);
    expect(watch.marks.picture).toBeUndefined();
  });

  it('when it took more than a minute', () => {
    watch.start(0);
    connect();
    video.present(60_001);
    expect(socket.sent).toEqual([]);
    expect(watch.marks.picture).toBe(60_001);
  });
});
