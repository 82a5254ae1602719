// The reconnector's decisions, with a clock that stands still until the test moves it.

import { beforeEach, describe, expect, it } from 'vitest';
import { ProblemError } from './problem.js';
import { Reconnector } from './reconnector.js';

class FakeClock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async advance(ms: number): Promise<void> {
    await settle();
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.at;
      next.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

function problem(status: number, code = `http_${status}`, retryAfterSeconds?: number): ProblemError {
  return new ProblemError({ code, title: code, status, ...(retryAfterSeconds ? { retryAfterSeconds } : {}) });
}

const NETWORK = problem(0, 'network');

describe('Reconnector', () => {
  let clock: FakeClock;
  let calls: string[];
  let openResult: ProblemError | undefined;
  let restartResult: ProblemError | undefined;
  let state: RTCPeerConnectionState;
  let learnedServers: boolean;
  let words: string;
  let said: string[];
  let reconnector: Reconnector;

  beforeEach(() => {
    clock = new FakeClock();
    calls = [];
    openResult = restartResult = undefined;
    state = 'new';
    learnedServers = false;
    words = '';
    said = [];
    const act = (name: string, failure: () => ProblemError | undefined) => async () => {
      calls.push(name);
      const error = failure();
      if (error) throw error;
    };
    reconnector = new Reconnector(
      {
        open: act('open', () => openResult),
        restartIce: act('restart', () => restartResult),
        forget: () => calls.push('forget'),
        connectionState: () => state,
        wantsIceRestart: () => learnedServers,
      },
      { clock, random: () => 0 },
    );
    reconnector.on('status', (status) => {
      words = status.words;
      said.push(words);
    });
  });

  function become(next: RTCPeerConnectionState): void {
    state = next;
    reconnector.connectionStateChanged(next);
  }

  async function connect(): Promise<void> {
    reconnector.start();
    await settle();
    become('connected');
    calls = [];
  }

  it('opens, and is connected when the connection is', async () => {
    reconnector.start();
    expect(reconnector.phase).toBe('opening');
    expect(words).toBe('Connecting…');
    await settle();
    expect(reconnector.phase).toBe('connecting');
    become('connected');
    expect(reconnector.phase).toBe('connected');
    expect(words).toBe('');
  });

  it('gives a disconnected connection two seconds before it restarts ICE', async () => {
    await connect();
    become('disconnected');
    await clock.advance(1900);
    expect(calls).toEqual([]);
    await clock.advance(200);
    expect(calls).toEqual(['restart']);
    become('connected');
    expect(reconnector.phase).toBe('connected');
    await clock.advance(60_000);
    expect(calls).toEqual(['restart']);
  });

  it('leaves a connection alone that heals by itself', async () => {
    await connect();
    become('disconnected');
    await clock.advance(1000);
    become('connected');
    await clock.advance(60_000);
    expect(calls).toEqual([]);
  });

  it('resumes at once when the connection failed', async () => {
    await connect();
    become('failed');
    expect(calls).toEqual(['open']);
    expect(words).toBe('Reconnecting…');
  });

  it('resumes at once when the server no longer has what the restart was for', async () => {
    await connect();
    restartResult = problem(404, 'unknown_session');
    become('disconnected');
    await clock.advance(2000);
    expect(calls).toEqual(['restart', 'open']);
  });

  it('resumes when a restart did not connect in time', async () => {
    await connect();
    become('disconnected');
    await clock.advance(2000 + 8000);
    expect(calls).toEqual(['restart', 'open']);
  });

  it('restarts ICE at once when the network changes', async () => {
    await connect();
    reconnector.networkChanged();
    expect(calls).toEqual(['restart']);
    await settle();
    expect(reconnector.phase).toBe('connected');
  });

  it('resumes when the server says that a connected session is away, or does not know it', async () => {
    await connect();
    await clock.advance(20_000);
    reconnector.sessionChanged({ state: 'away', endReason: null });
    expect(calls).toEqual(['open']);
    await settle();
    become('connected');
    await clock.advance(20_000);
    reconnector.sessionChanged(null);
    expect(calls).toEqual(['open', 'open']);
  });

  it.each(['server-stopping', 'grace-over'])('resumes what ended by %s', async (endReason) => {
    await connect();
    await clock.advance(20_000);
    openResult = problem(503, 'shutting_down', 2);
    reconnector.sessionChanged({ state: 'ended', endReason });
    expect(calls).toEqual(['open']);
    await settle();
    openResult = undefined;
    await clock.advance(2_000);
    expect(calls).toEqual(['open', 'open']);
    become('connected');
    expect(reconnector.phase).toBe('connected');
  });

  it('does not resume what another window took over', async () => {
    await connect();
    reconnector.sessionChanged({ state: 'ended', endReason: 'taken-over' });
    become('failed');
    await clock.advance(60_000);
    expect(calls).toEqual([]);
    expect(reconnector.phase).toBe('taken-over');
    reconnector.start();
    expect(calls).toEqual(['open']);
  });

  it('keeps trying with growing delays while the server is down, and hurries when the network is back', async () => {
    await connect();
    openResult = NETWORK;
    become('failed');
    await settle();
    const times: number[] = [];
    let seen = calls.length;
    for (let ms = 0; ms < 30_000; ms += 100) {
      await clock.advance(100);
      if (calls.length > seen) times.push(clock.now());
      seen = calls.length;
    }
    expect(times).toEqual([300, 1500, 4200, 9000, 16_000, 23_000, 30_000]);
    expect(words).toBe('The server does not answer. Trying again in 7 seconds.');
    openResult = undefined;
    reconnector.networkChanged();
    await settle();
    become('connected');
    expect(reconnector.phase).toBe('connected');
  });

  it('backs off when connections are made but do not hold', async () => {
    await connect();
    for (let round = 0; round < 5; round++) {
      become('failed');
      await clock.advance(7000);
      become('connected');
    }
    expect(calls.length).toBe(5);
    become('failed');
    expect(reconnector.phase).toBe('waiting');
  });

  it('waits as long as Retry-After says', async () => {
    openResult = problem(503, 'worker_unavailable', 5);
    reconnector.start();
    await clock.advance(4900);
    expect(calls).toEqual(['open']);
    await clock.advance(200);
    expect(calls).toEqual(['open', 'open']);
  });

  it('asks for the key once, and not again by itself', async () => {
    openResult = problem(401, 'missing_key');
    reconnector.start();
    await clock.advance(60_000);
    expect(calls).toEqual(['open']);
    expect(reconnector.phase).toBe('needs-key');
    openResult = undefined;
    reconnector.start();
    expect(calls).toEqual(['open', 'open']);
  });

  it('waits for a name that is taken, until it is free or somebody stops it', async () => {
    openResult = problem(409, 'already_live');
    reconnector.start();
    await clock.advance(9500);
    expect(calls).toEqual(['open', 'open', 'open', 'open']);
    expect(reconnector.phase).toBe('occupied');
    reconnector.stop();
    await clock.advance(60_000);
    expect(calls.length).toBe(4);
  });

  it('makes a new session when its token is not right any more', async () => {
    openResult = problem(403, 'wrong_resume_token');
    reconnector.start();
    await settle();
    openResult = undefined;
    await clock.advance(1000);
    expect(calls).toEqual(['open', 'forget', 'open']);
  });

  it('does not repeat what cannot work', async () => {
    for (const [status, phase] of [
      [422, 'unsupported'],
      [400, 'refused'],
    ] as const) {
      calls = [];
      openResult = problem(status);
      reconnector.start();
      await clock.advance(60_000);
      expect(calls).toEqual(['open']);
      expect(reconnector.phase).toBe(phase);
    }
  });

  it('restarts ICE soon when the answer named servers that the offer could not use', async () => {
    learnedServers = true;
    reconnector.start();
    await clock.advance(2100);
    expect(calls).toEqual(['open', 'restart']);
  });

  it('says that a firewall may be in the way when nothing ever gets through', async () => {
    reconnector.start();
    await clock.advance(10_000);
    become('failed');
    await clock.advance(15_000);
    expect(said.join('\n')).toContain('A firewall may be blocking its UDP port.');
  });

  it('ignores the end of an attempt that was stopped', async () => {
    reconnector.start();
    reconnector.stop();
    await settle();
    expect(reconnector.phase).toBe('stopped');
  });
});
