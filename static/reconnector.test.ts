// The reconnector's decisions, with a clock that stands still until the test moves it.

import { beforeEach, describe, expect, it } from 'vitest';
import { PageClock, settle } from '../src/test/page-clock.ts';
import { ProblemError } from './problem.js';
import { Reconnector } from './reconnector.js';

function problem(status: number, code = `http_${status}`, retryAfterSeconds?: number): ProblemError {
  return new ProblemError({ code, title: code, status, ...(retryAfterSeconds ? { retryAfterSeconds } : {}) });
}

const NETWORK = problem(0, 'network');

describe('Reconnector', () => {
  let clock: PageClock;
  let calls: string[];
  let openResult: ProblemError | undefined;
  let restartResult: ProblemError | undefined;
  let state: RTCPeerConnectionState;
  let learnedServers: boolean;
  let hangs: boolean;
  let isAlive: boolean;
  let isCarried: boolean;
  let words: string;
  let said: string[];
  let reconnector: Reconnector;

  beforeEach(() => {
    clock = new PageClock();
    calls = [];
    openResult = restartResult = undefined;
    state = 'new';
    learnedServers = hangs = false;
    isAlive = true;
    isCarried = false;
    words = '';
    said = [];
    const act = (name: string, failure: () => ProblemError | undefined) => async () => {
      calls.push(name);
      const error = failure();
      if (error) throw error;
      if (hangs) await new Promise(() => {});
    };
    reconnector = new Reconnector(
      {
        open: act('open', () => openResult),
        restartIce: act('restart', () => restartResult),
        forget: () => calls.push('forget'),
        connectionState: () => state,
        isCarried: () => isCarried,
        hasPulse: async () => isAlive,
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

  describe('when the network changes while something is under way', () => {
    beforeEach(async () => {
      await connect();
      hangs = true;
    });

    it('begins again: what is under way left by the old path', async () => {
      reconnector.networkChanged();
      await clock.advance(1_000);
      reconnector.networkChanged();
      expect(calls).toEqual(['restart', 'restart']);
      hangs = false;
      become('failed');
      await clock.advance(1_000);
      expect(reconnector.phase).toBe('connecting');
      reconnector.networkChanged();
      expect(calls).toEqual(['restart', 'restart', 'open', 'restart']);
    });

    it('offers again, once there was a session to go on with', async () => {
      become('failed');
      await clock.advance(1_000);
      reconnector.networkChanged();
      expect(calls).toEqual(['open', 'open']);
      calls = [];
      reconnector.start();
      await clock.advance(1_000);
      reconnector.networkChanged();
      // The server may have made a session of which nothing is known here, and which has the name.
      expect(calls).toEqual(['open']);
    });

    it('begins once for what is told twice', async () => {
      reconnector.networkChanged();
      await clock.advance(900);
      reconnector.networkChanged();
      expect(calls).toEqual(['restart']);
    });
  });

  it('resumes when the server says that a connected session is away, or does not know it', async () => {
    await connect();
    await clock.advance(20_000);
    reconnector.sessionChanged({ state: 'away', endReason: null });
    await clock.advance(299);
    expect(calls).toEqual([]);
    await clock.advance(1);
    expect(calls).toEqual(['open']);
    become('connected');
    await clock.advance(20_000);
    reconnector.sessionChanged(null);
    await clock.advance(0);
    expect(calls).toEqual(['open', 'open']);
  });

  it('keeps a connection that the server missed for a moment only', async () => {
    await connect();
    reconnector.sessionChanged({ state: 'away', endReason: null });
    reconnector.sessionChanged({ state: 'connected', endReason: null });
    await clock.advance(60_000);
    expect(calls).toEqual([]);
    expect(reconnector.phase).toBe('connected');
  });

  it.each([
    ['unsteady', () => become('disconnected')],
    ['restarting', () => reconnector.networkChanged()],
    ['moving', () => reconnector.move(10_000)],
  ] as const)('resumes when it is %s and the server has lost the session', async (phase, lead) => {
    await connect();
    restartResult = NETWORK;
    lead();
    expect(reconnector.phase).toBe(phase);
    calls = [];
    reconnector.sessionChanged(null);
    await clock.advance(0);
    expect(calls).toEqual(['open']);
  });

  describe('when the server answers again', () => {
    async function waitForServer(error = NETWORK): Promise<void> {
      await connect();
      openResult = error;
      become('failed');
      await clock.advance(12_000);
      expect(reconnector.phase).toBe('waiting');
      calls = [];
      openResult = undefined;
    }

    it.each([
      ['did not answer', NETWORK],
      ['was stopping', problem(503, 'shutting_down', 30)],
      ['was missing behind a proxy', problem(502, 'http_502')],
    ])('does not wait any longer for one that %s', async (_title, error) => {
      await waitForServer(error);
      reconnector.serverAnswers();
      await clock.advance(0);
      expect(calls).toEqual(['open']);
    });

    it('waits on when it was refused for another reason', async () => {
      await waitForServer(problem(503, 'viewer_limit', 30));
      reconnector.serverAnswers();
      await clock.advance(10_000);
      expect(calls).toEqual([]);
    });

    it('tries again soon when a request was under way that met the old one', async () => {
      await waitForServer();
      openResult = NETWORK;
      reconnector.networkChanged();
      reconnector.serverAnswers();
      openResult = undefined;
      await clock.advance(0);
      expect(calls).toEqual(['open', 'open']);
      expect(reconnector.phase).toBe('connecting');
    });

    it('asks once, however often it is told', async () => {
      await waitForServer();
      reconnector.serverAnswers();
      reconnector.serverAnswers();
      reconnector.sessionChanged({ state: 'away', endReason: null });
      await clock.advance(0);
      expect(calls).toEqual(['open']);
    });
  });

  describe('asked to move', () => {
    it('opens another connection after that time, and the one in use goes on', async () => {
      await connect();
      isCarried = true;
      reconnector.move(500);
      expect(reconnector.phase).toBe('moving');
      expect(words).toBe('');
      await clock.advance(499);
      expect(calls).toEqual([]);
      await clock.advance(1);
      expect(calls).toEqual(['open']);
      become('connected');
      expect(reconnector.phase).toBe('connected');
    });

    it('keeps what works while nobody else answers, and looks again calmly', async () => {
      await connect();
      said = [];
      openResult = problem(503, 'shutting_down', 2);
      reconnector.move(200);
      await clock.advance(3_500);
      expect(calls).toEqual(['open', 'open', 'open', 'open']);
      expect(said.join('')).toBe('');
      openResult = undefined;
      await clock.advance(1_000);
      become('connected');
      await clock.advance(60_000);
      expect(calls).toHaveLength(5);
    });

    it.each([422, 409, 401])(
      'keeps what works when another one is refused with %i, and does not ask again',
      async (status) => {
        await connect();
        openResult = problem(status, 'a-code-of-ours');
        reconnector.move(0);
        await clock.advance(60_000);
        expect(calls).toEqual(['open']);
        expect(reconnector.phase).toBe('connected');
      },
    );

    it('resumes when what it had breaks meanwhile', async () => {
      await connect();
      reconnector.move(5_000);
      become('failed');
      expect(calls).toEqual(['open']);
    });

    it('moves all the same when what it had was in trouble for a moment', async () => {
      await connect();
      reconnector.move(2_000);
      await clock.advance(500);
      become('disconnected');
      await clock.advance(500);
      become('connected');
      await clock.advance(999);
      expect(calls).toEqual([]);
      await clock.advance(1);
      expect(calls).toEqual(['open']);
      become('connected');
      await clock.advance(60_000);
      expect(calls).toEqual(['open']);
    });

    it('does not move again when it had to resume meanwhile', async () => {
      await connect();
      reconnector.move(5_000);
      become('failed');
      await settle();
      become('connected');
      await clock.advance(60_000);
      expect(calls).toEqual(['open']);
    });

    it('does nothing where there is no connection', async () => {
      openResult = NETWORK;
      reconnector.start();
      await settle();
      const { phase } = reconnector;
      reconnector.move(0);
      expect(reconnector.phase).toBe(phase);
    });
  });

  describe('after a sleep', () => {
    it('looks for a new path when nothing arrives any more', async () => {
      await connect();
      isAlive = false;
      reconnector.woke();
      await settle();
      expect(calls).toEqual(['restart']);
    });

    it('leaves alone what still lives', async () => {
      await connect();
      reconnector.woke();
      await clock.advance(60_000);
      expect(calls).toEqual([]);
    });

    it('does not wait for the timer that it slept through', async () => {
      await connect();
      openResult = NETWORK;
      become('failed');
      await clock.advance(5_000);
      calls = [];
      reconnector.woke();
      expect(calls).toEqual(['open']);
    });
  });

  it('tries a taken name at once when it is free', async () => {
    openResult = problem(409, 'already_live');
    reconnector.start();
    await settle();
    openResult = undefined;
    reconnector.nameIsFree();
    // Its own offer changes the broadcast, too.
    reconnector.nameIsFree();
    expect(calls).toEqual(['open', 'open']);
    await settle();
    reconnector.nameIsFree();
    expect(calls).toHaveLength(2);
  });

  it.each(['server-stopping', 'grace-over'])('resumes what ended by %s', async (endReason) => {
    await connect();
    await clock.advance(20_000);
    openResult = problem(503, 'shutting_down', 2);
    reconnector.sessionChanged({ state: 'ended', endReason });
    await clock.advance(0);
    expect(calls).toEqual(['open']);
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

  it('waits for a name that is taken, ever more calmly, until somebody stops it', async () => {
    openResult = problem(409, 'already_live');
    reconnector.start();
    const times: number[] = [];
    for (let seen = 1; clock.now() < 100_000; await clock.advance(500)) {
      if (calls.length > seen) times.push(clock.now());
      seen = calls.length;
    }
    expect(times).toEqual([3_000, 8_000, 18_000, 38_000, 68_000, 98_000]);
    expect(reconnector.phase).toBe('occupied');
    reconnector.stop();
    calls = [];
    await clock.advance(60_000);
    expect(calls).toEqual([]);
  });

  it('asks for a taken name again soon when it was free for a moment', async () => {
    openResult = problem(409, 'already_live');
    reconnector.start();
    await clock.advance(40_000);
    calls = [];
    reconnector.nameIsFree();
    await clock.advance(3_000);
    expect(calls).toEqual(['open', 'open']);
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
      openResult = problem(status, 'a-code-of-ours');
      reconnector.start();
      await clock.advance(60_000);
      expect(calls).toEqual(['open']);
      expect(reconnector.phase).toBe(phase);
    }
  });

  it('repeats what somebody else refused: a proxy whose server is being replaced', async () => {
    openResult = problem(404);
    reconnector.start();
    await settle();
    expect(reconnector.phase).toBe('waiting');
    openResult = undefined;
    await clock.advance(1_000);
    expect(calls).toEqual(['open', 'open']);
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
