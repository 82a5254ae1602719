// What a page's client does when answers come late, in halves, or not at all. Browser and server are stand-ins.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { settle } from '../src/test/page-clock.ts';
import { type Asked, brokenBody, created, FakePeerConnection, fetchInto, problem } from '../src/test/page-fakes.ts';
import { SessionClient } from './session-client.js';

describe('the client of a session', () => {
  let asked: Asked[];
  let client: SessionClient;

  beforeEach(() => {
    asked = [];
    FakePeerConnection.made = [];
    vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
    vi.stubGlobal('document', { baseURI: 'http://fanlight.test/publish' });
    vi.stubGlobal('fetch', fetchInto(asked));
    client = new SessionClient('/whip/live');
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const latest = (): Asked => asked.at(-1) as Asked;
  const methods = () => asked.map(({ method, path }) => `${method} ${path}`);

  /** Resolves, once it is over, with `open` or the code of what went wrong. */
  function open(): Promise<string> {
    return client
      .open(() => {})
      .then(
        () => 'open',
        ({ code }) => code,
      );
  }

  async function opened(session = 'one'): Promise<void> {
    const opening = open();
    await settle();
    await latest().answer(created(session));
    expect(await opening).toBe('open');
  }

  it('goes on later with a session whose answer broke off, as after any broken network', async () => {
    const opening = open();
    await settle();
    await latest().answer(created('one', brokenBody()));
    expect(await opening).toBe('network');
    expect(client.peerConnection).toBeUndefined();
    const again = open();
    await settle();
    expect(latest().resume).toBe('one.token');
    await latest().answer(created('one'));
    expect(await again).toBe('open');
  });

  it('keeps the connection in use when the answer for another one breaks off', async () => {
    await opened();
    const before = client.peerConnection;
    const opening = open();
    await settle();
    await latest().answer(created('one', brokenBody()));
    expect(await opening).toBe('network');
    expect(client.peerConnection).toBe(before);
  });

  describe('when an answer comes after', () => {
    it('it was closed, ends the session that the answer made', async () => {
      const opening = open();
      await settle();
      client.close();
      await latest().answer(created('one'));
      expect(latest()).toMatchObject({ method: 'DELETE', path: '/whip/live/one' });
      await latest().answer(new Response());
      expect(await opening).toBe('overtaken');
      expect(FakePeerConnection.made.every(({ connectionState }) => connectionState === 'closed')).toBe(true);
    });

    it('its session was ended, ends the new one that the answer made instead', async () => {
      await opened('one');
      const opening = open();
      await settle();
      client.close();
      await latest().answer(created('two'));
      expect(latest()).toMatchObject({ method: 'DELETE', path: '/whip/live/two' });
      await latest().answer(new Response());
      expect(await opening).toBe('overtaken');
    });

    it('another tab took the session over, leaves the session to that tab', async () => {
      await opened('one');
      const opening = open();
      await settle();
      client.forget();
      client.close();
      await latest().answer(created('one'));
      expect(await opening).toBe('overtaken');
      expect(methods()).toEqual(['POST /whip/live', 'POST /whip/live']);
    });

    it('a newer one, ends nothing of the newer', async () => {
      const first = open();
      await settle();
      const [firstAsked] = asked;
      await opened('two');
      await firstAsked?.answer(created('one'));
      expect(latest()).toMatchObject({ method: 'DELETE', path: '/whip/live/one' });
      await latest().answer(new Response());
      expect(await first).toBe('overtaken');
      expect(client.sessionId).toBe('two');
    });
  });

  describe('told to stop', () => {
    it('ends also the session of a page before this one', async () => {
      client.resume = 'one.token';
      const stopped = client.stop();
      await settle();
      expect(latest()).toMatchObject({ method: 'DELETE', path: '/whip/live/one' });
      await latest().answer(new Response());
      await stopped;
    });

    it('tells a server that does not answer again, and says that', async () => {
      vi.useFakeTimers();
      const said: unknown[] = [];
      client.on('untold', (isUntold) => said.push(isUntold));
      client.resume = 'one.token';
      const stopped = client.stop({ patienceMs: 60_000 });
      await settle();
      await latest().answer(new TypeError('gone'));
      expect(said).toEqual([true]);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(methods()).toEqual(['DELETE /whip/live/one', 'DELETE /whip/live/one']);
      await latest().answer(problem(404, 'unknown_session'));
      await stopped;
      expect(said).toEqual([true, false]);
    });

    it('gives that up when its patience is over, or when it is opened again', async () => {
      vi.useFakeTimers();
      for (const ends of ['patience', 'opened'] as const) {
        client.resume = 'one.token';
        const stopped = client.stop({ patienceMs: ends === 'patience' ? 1_000 : 60_000 }).then(
          () => 'told',
          ({ code }) => code,
        );
        await settle();
        await latest().answer(new TypeError('gone'));
        await vi.advanceTimersByTimeAsync(2_000);
        const second = latest();
        const opening = ends === 'opened' ? open() : undefined;
        await settle();
        await second.answer(new TypeError('gone'));
        expect(await stopped).toBe('network');
        await latest().answer(created('two'));
        await opening;
      }
    });
  });

  it('knows whether its session is still there; a server that does not answer may have it', async () => {
    const isKnown = async (answer: Response | TypeError) => {
      const known = client.isKnown();
      await settle();
      await latest().answer(answer);
      return known;
    };
    expect(await client.isKnown()).toBe(false);
    client.resume = 'one.token';
    expect(await isKnown(new Response(null, { status: 204 }))).toBe(true);
    expect(await isKnown(problem(404, 'unknown_session'))).toBe(false);
    expect(await isKnown(new Response('', { status: 404 }))).toBe(true);
    expect(await isKnown(new TypeError('gone'))).toBe(true);
  });

  it('gives up an ICE restart that hangs when it is asked for another one', async () => {
    await opened();
    const code = (restart: Promise<unknown>) =>
      restart.then(
        () => 'done',
        ({ code }) => code,
      );
    const restart = () => code(client.restartIce());
    const first = restart();
    for (let turn = 0; turn < 10; turn++) await settle();
    expect(latest()).toMatchObject({ method: 'PATCH' });
    const [second, third] = [restart(), restart()];
    expect(await first).toBe('network');
    expect(await second).toBe('overtaken');
    for (let turn = 0; turn < 10; turn++) await settle();
    expect(methods()).toEqual(['POST /whip/live', 'PATCH /whip/live/one', 'PATCH /whip/live/one']);
    await latest().answer(new Response('a=ice-ufrag:new\r\na=ice-pwd:new\r\n'));
    expect(await third).toBe('done');
  });
});
