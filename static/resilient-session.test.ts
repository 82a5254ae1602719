// What a page does with the words of the server: asks for a name, and rejoins for a codec. Client, socket and page are
// stand-ins.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Emitter } from './emitter.js';
import { ProblemError } from './problem.js';
import { ResilientSession } from './resilient-session.js';
import type { SessionClient } from './session-client.js';

class FakeClient extends Emitter<Record<string, unknown>> {
  connectionState = 'closed';
  isCarried = false;
  wantsIceRestart = false;
  resume = 'session.token';
  sessionId = 'session';

  /** The answer is there, and the connection works. */
  connect(): void {
    this.emit('connection', {});
    this.connectionState = 'connected';
    this.emit('state', 'connected');
  }
}

class FakeWebSocket extends EventTarget {
  static readonly OPEN = 1;
  static latest: FakeWebSocket;
  readyState = FakeWebSocket.OPEN;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor() {
    super();
    FakeWebSocket.latest = this;
  }

  send(): void {}
  close(): void {}

  hear(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const broadcast = (state: string, { free = state === 'idle', viewers = 0 } = {}) => ({
  type: 'broadcast',
  state,
  viewers,
  free,
});
const sessionWith = (unsupportedCodec: string | null) => ({ id: 'session', state: 'connected', unsupportedCodec });

describe('ResilientSession', () => {
  let client: FakeClient;
  let offers: number;
  let answer: () => void;
  let session: ResilientSession;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('location', { href: 'http://localhost/join', host: 'localhost' });
    vi.stubGlobal('addEventListener', () => {});
    vi.stubGlobal('document', new EventTarget());
    vi.stubGlobal('WebSocket', FakeWebSocket);
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('The server is gone.')));
    client = new FakeClient();
    offers = 0;
    answer = () => client.connect();
    session = new ResilientSession({
      client: client as unknown as SessionClient,
      open: async () => {
        offers += 1;
        client.emit('asked', undefined);
        answer();
      },
      role: 'viewer',
      broadcast: 'live',
    });
    session.socket.connect();
    FakeWebSocket.latest.onopen?.();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const hear = (message: object) => FakeWebSocket.latest.hear(message);
  const welcome = (state: string, view: object | null = null) =>
    hear({ type: 'welcome', broadcast: broadcast(state), session: view, iceServers: [] });
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it('asks for a taken name when it becomes free, and not each time that somebody comes to watch', async () => {
    answer = () => {
      throw new ProblemError({ code: 'already_live', title: '', status: 409 });
    };
    welcome('live');
    session.start();
    await pass(0);
    // Its publisher may still come back.
    hear(broadcast('interrupted'));
    await pass(0);
    expect(offers).toBe(1);
    hear(broadcast('interrupted', { free: true }));
    await pass(0);
    expect(offers).toBe(2);
    for (let viewers = 0; viewers < 25; viewers++) {
      hear(broadcast('interrupted', { free: true, viewers }));
      await pass(100);
    }
    expect(offers).toBe(2);
    hear(broadcast('live'));
    hear(broadcast('idle'));
    await pass(0);
    expect(offers).toBe(3);
    welcome('idle');
    await pass(0);
    expect(offers).toBe(4);
  });

  it('rejoins once for a codec that it lacks, though nobody tells that the new offer has it', async () => {
    session.start();
    await pass(0);
    welcome('live', sessionWith('AV1'));
    expect(session.unsupportedCodec).toBe('AV1');
    FakeWebSocket.latest.onclose?.({ code: 1006, reason: '' });
    await pass(300_000);
    expect(offers).toBe(2);
    expect(session.unsupportedCodec).toBe(null);
  });

  it('keeps a verdict that came while the offer was under way', async () => {
    answer = () => {
      welcome('live', sessionWith('AV1'));
      client.connect();
    };
    session.start();
    await pass(0);
    expect(session.unsupportedCodec).toBe('AV1');
  });
});
