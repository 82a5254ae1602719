// WHIP and WHEP clients that we did not write, and ours as a library, in pages of another origin: what they send crosses
// CORS as a browser does it, and what arrives is looked at as decoded frames.

import { networkInterfaces } from 'node:os';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostAddresses } from '../../media/transport/candidates.ts';
import { eventually, startTestServer, type TestServer } from '../server.ts';
import { hasChromium, inState, launchChromium, People, seeFrames } from './browsers.ts';
import { type Clients, type OtherSite, startOtherSite, visit } from './other-site.ts';

const suite = hasChromium ? describe : describe.skipIf(true);
const KEYS = { PUBLISH_KEY: 'publish-secret', VIEW_KEY: 'view-secret' };
const PATIENT_MS = 40_000;
/** Of this machine, as others reach it. */
const [ADDRESS = '127.0.0.1'] = hostAddresses(networkInterfaces());

/** What a started client leaves in its page. */
interface Running {
  readonly clients: Clients;
  connection: RTCPeerConnection;
  restart: () => unknown;
  stop: () => Promise<void>;
  /** That the client opened by itself; undefined until then. */
  events: () => EventSource | undefined;
}

interface Start {
  readonly endpoint: string;
  readonly key?: string;
}

/** A page of the other site, and what its requests were answered: `POST 201`. */
interface Visitor {
  readonly page: Page;
  readonly answers: readonly string[];
}

async function publishWithEyevinn({ page }: Visitor, start: Start): Promise<void> {
  await page.evaluate(async ({ endpoint, key }) => {
    const running = globalThis as unknown as Running;
    const media = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180 }, audio: true });
    const client = new running.clients.eyevinn.WHIPClient({
      endpoint,
      opts: { iceServers: [], ...(key ? { authkey: key } : {}) },
    });
    running.stop = () => client.destroy();
    await client.ingest(media);
  }, start);
}

async function publishWithBinbat({ page }: Visitor, start: Start): Promise<void> {
  await page.evaluate(async ({ endpoint, key }) => {
    const running = globalThis as unknown as Running;
    const media = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180 }, audio: true });
    const client = new running.clients.binbat.WHIPClient();
    running.connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    for (const track of media.getTracks()) {
      running.connection.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    }
    running.restart = () => client.restart();
    running.stop = () => client.stop();
    await client.publish(running.connection, endpoint, key);
  }, start);
}

async function viewWithEyevinn({ page }: Visitor, start: Start): Promise<void> {
  await page.evaluate(async ({ endpoint, key }) => {
    const running = globalThis as unknown as Running;
    const video = document.querySelector('video') as HTMLVideoElement;
    const player = new running.clients.eyevinn.WebRTCPlayer({ video, type: 'whep', iceServers: [] });
    running.stop = () => player.unload();
    // The player sends the key as it is.
    await player.load(new URL(endpoint), key && `Bearer ${key}`);
  }, start);
}

async function viewWithBinbat({ page }: Visitor, start: Start): Promise<void> {
  await page.evaluate(async ({ endpoint, key }) => {
    const running = globalThis as unknown as Running;
    const video = document.querySelector('video') as HTMLVideoElement;
    const client = new running.clients.binbat.WHEPClient();
    running.connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    running.connection.addTransceiver('audio', { direction: 'recvonly' });
    running.connection.addTransceiver('video', { direction: 'recvonly' });
    running.connection.ontrack = ({ streams: [stream] }) => {
      if (stream) video.srcObject = stream;
    };
    running.restart = () => client.restart();
    running.stop = () => client.stop();
    running.events = () => (client as { eventSource?: EventSource }).eventSource;
    await client.view(running.connection, endpoint, key);
  }, start);
}

/** Ends the session as the client does it, and waits until the server has agreed to its DELETE. */
async function stop({ page, answers }: Visitor): Promise<void> {
  await page.evaluate(() => (globalThis as unknown as Running).stop());
  await eventually('the answer to DELETE', () => answers.includes('DELETE 200'));
}

/**
 * What the client's own EventSource hears from now on, as `viewercount {"viewercount":1}`. The client listens by `onmessage`,
 * which browsers call for no event that has a name: so the test listens itself.
 */
async function hearEvents({ page }: Visitor, names: readonly string[]): Promise<() => Promise<string[]>> {
  await page.waitForFunction(() => (globalThis as unknown as Running).events()?.readyState === EventSource.OPEN);
  await page.evaluate((wanted) => {
    const page = globalThis as unknown as Running & { heardEvents: string[] };
    page.heardEvents = [];
    for (const name of wanted) {
      page.events()?.addEventListener(name, ({ data }) => page.heardEvents.push(`${name} ${data}`));
    }
  }, names);
  return () => page.evaluate(() => (globalThis as unknown as { heardEvents: string[] }).heardEvents);
}

/** Restarts ICE, and waits until the connection runs with the new credentials on both sides. */
async function restart({ page }: Visitor): Promise<void> {
  const ufrags = () =>
    page.evaluate(async () => {
      const { connection } = globalThis as unknown as Running;
      const report: Map<string, { type: string; iceState?: string; iceLocalUsernameFragment?: string }> =
        (await connection.getStats()) as never;
      const transport = [...report.values()].find(({ type }) => type === 'transport');
      return {
        inUse: transport?.iceState === 'connected' ? transport.iceLocalUsernameFragment : undefined,
        remote: /a=ice-ufrag:(.*)/.exec(connection.currentRemoteDescription?.sdp ?? '')?.[1],
      };
    });
  const before = await eventually('the connection', async () => {
    const now = await ufrags();
    return now.inUse === undefined ? undefined : now;
  });
  await page.evaluate(() => (globalThis as unknown as Running).restart());
  await eventually('the connection after the restart', async () => {
    const now = await ufrags();
    return now.inUse && now.inUse !== before.inUse && now.remote !== before.remote;
  });
}

suite('clients of others on another origin, in Chromium', () => {
  let server: TestServer;
  let keyed: TestServer;
  let site: OtherSite;
  let browser: Browser;
  const people = new People();
  let broadcasts = 0;
  let name: string;

  const origin = (of: TestServer) => `http://${ADDRESS}:${of.fanlight.ports.http}`;
  const whip = (of = server) => `${origin(of)}/whip/${name}`;
  const whep = (of = server) => `${origin(of)}/whep/${name}`;

  /** Each page is another person's: its own window and memory. */
  async function newPage(): Promise<Page> {
    return people.newPage(browser);
  }

  async function newVisitor(): Promise<Visitor> {
    const page = await newPage();
    await visit(page, site);
    const answers: string[] = [];
    page.on('response', (response) => answers.push(`${response.request().method()} ${response.status()}`));
    return { page, answers };
  }

  async function openOurs(kind: 'publish' | 'join'): Promise<Page> {
    const page = await newPage();
    await page.goto(`http://localhost:${server.fanlight.ports.http}/${kind}/${name}`);
    return page;
  }

  async function stateOf(of = server): Promise<string> {
    const headers = { Authorization: `Bearer ${KEYS.VIEW_KEY}` };
    const response = await fetch(`${of.url}/api/broadcasts/${name}`, { headers });
    const { state } = (await response.json()) as { state: string };
    return state;
  }

  beforeAll(async () => {
    // The restart of @binbat/whip-whep can only take an answer with one candidate: it puts a comma between two.
    server = await startTestServer({ ANNOUNCED_ADDRESSES: ADDRESS });
    keyed = await startTestServer({ ...KEYS, ANNOUNCED_ADDRESSES: ADDRESS });
    site = await startOtherSite(origin(server));
    browser = await launchChromium();
  });
  beforeEach(() => {
    name = `client-${++broadcasts}`;
  });
  afterEach(async () => {
    await people.leave();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await keyed?.stop();
    await server?.stop();
  });

  it('@eyevinn/whip-web-client publishes to the join page, trickles by PATCH, and ends by DELETE', async () => {
    const viewer = await openOurs('join');
    const publisher = await newVisitor();
    await publishWithEyevinn(publisher, { endpoint: whip() });
    await seeFrames(viewer, '#video', 20);
    expect(publisher.answers).toContain('POST 201');
    await eventually('candidates by PATCH', () => publisher.answers.includes('PATCH 204'));
    expect(publisher.answers.filter((answer) => answer.startsWith('PATCH') && answer !== 'PATCH 204')).toEqual([]);
    await stop(publisher);
    await inState(viewer, 'ended');
    expect(await stateOf()).toBe('idle');
  });

  it('@eyevinn/webrtc-player and @binbat/whip-whep view what the publish page sends', async () => {
    const eyevinn = await newVisitor();
    const binbat = await newVisitor();
    // One comes before the publisher, one after.
    await viewWithEyevinn(eyevinn, { endpoint: whep() });
    const publisher = await openOurs('publish');
    await inState(publisher, 'preview');
    await publisher.click('#go-live');
    await inState(publisher, 'live');
    await viewWithBinbat(binbat, { endpoint: whep() });
    await seeFrames(eyevinn.page, '#video', 20);
    await seeFrames(binbat.page, '#video', 20);
    await eventually('the count', async () => (await publisher.textContent('#viewers')) === '2');

    await restart(binbat);
    await seeFrames(binbat.page, '#video', 20);
    expect(binbat.answers).toContain('PATCH 200');

    // The client asked for all events that the server's Link names.
    const heard = await hearEvents(binbat, ['viewercount', 'inactive']);
    await stop(eyevinn);
    await eventually('the count by an event', async () => (await heard()).includes('viewercount {"viewercount":1}'));
    await publisher.click('#stop');
    await eventually('the end by an event', async () => (await heard()).includes('inactive {}'));

    await stop(binbat);
    await eventually('nobody watches', async () => (await publisher.textContent('#viewers')) === '0');
  });

  it('@binbat/whip-whep publishes to clients of others and to the join page, also across its ICE restart', async () => {
    const publisher = await newVisitor();
    await publishWithBinbat(publisher, { endpoint: whip() });
    const ours = await openOurs('join');
    const theirs = await newVisitor();
    await viewWithEyevinn(theirs, { endpoint: whep() });
    await seeFrames(ours, '#video', 20);
    await seeFrames(theirs.page, '#video', 20);

    await restart(publisher);
    expect(publisher.answers).toContain('PATCH 200');
    await seeFrames(ours, '#video', 20);
    await seeFrames(theirs.page, '#video', 20);
    expect(await ours.getAttribute('body', 'data-state')).toBe('live');

    await stop(publisher);
    await inState(ours, 'ended');
    expect(await stateOf()).toBe('idle');
  });

  it('with keys: the right ones publish and view, a wrong one is refused in words that the page can read', {
    timeout: PATIENT_MS,
  }, async () => {
    const publisher = await newVisitor();
    await publishWithEyevinn(publisher, { endpoint: whip(keyed), key: KEYS.PUBLISH_KEY });
    const viewers = [await newVisitor(), await newVisitor()] as const;
    await viewWithEyevinn(viewers[0], { endpoint: whep(keyed), key: KEYS.VIEW_KEY });
    await viewWithBinbat(viewers[1], { endpoint: whep(keyed), key: KEYS.VIEW_KEY });
    for (const { page } of viewers) await seeFrames(page, '#video', 20);
    await eventually('candidates by PATCH', () => publisher.answers.includes('PATCH 204'));

    const refused = await newVisitor();
    const refusal = await refused.page.evaluate(async (endpoint) => {
      const { binbat } = (globalThis as unknown as Running).clients;
      const connection = new RTCPeerConnection();
      connection.addTransceiver('video', { direction: 'recvonly' });
      try {
        await new binbat.WHEPClient().view(connection, endpoint, 'not-the-key');
        return undefined;
      } catch (error) {
        const { response } = error as { response: Response };
        const { code } = (await response.json()) as { code: string };
        return { status: response.status, asks: response.headers.get('WWW-Authenticate'), code };
      }
    }, whep(keyed));
    expect(refusal).toEqual({ status: 401, asks: expect.stringMatching(/^Bearer/), code: 'wrong_key' });

    await stop(publisher);
    expect(await stateOf(keyed)).toBe('idle');
  });

  it('our own modules work from there: media, data, ICE restart, resuming, stop', { timeout: PATIENT_MS }, async () => {
    const publisher = await newVisitor();
    const viewer = await newVisitor();
    const session = await publisher.page.evaluate(
      async ({ endpoint, key }) => {
        const running = globalThis as unknown as Running & { resume: () => Promise<string | undefined> };
        const media = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180 }, audio: true });
        const [audio = null] = media.getAudioTracks();
        const [video = null] = media.getVideoTracks();
        const client = new running.clients.fanlight.WhipClient(endpoint, { token: key });
        const publish = () => client.publish({ audio, video, source: 'camera' }, { dataChannels: ['state'] });
        running.resume = async () => {
          running.connection = await publish();
          return client.sessionId;
        };
        running.restart = () => client.restartIce();
        running.stop = () => client.stop();
        running.connection = await publish();
        client.send('state', 'hello from afar');
        return client.sessionId;
      },
      { endpoint: whip(keyed), key: KEYS.PUBLISH_KEY },
    );
    await viewer.page.evaluate(
      async ({ endpoint, key }) => {
        const running = globalThis as unknown as Running & { heard: unknown[] };
        running.heard = [];
        const client = new running.clients.fanlight.WhepClient(endpoint, { token: key });
        client.on('channel', (channel) => {
          channel.onmessage = ({ data }) => running.heard.push(`${channel.label}: ${data}`);
        });
        client.on('connection', (connection) => {
          running.connection = connection;
        });
        running.restart = () => client.restartIce();
        running.stop = () => client.stop();
        const tracks = await client.view();
        (document.querySelector('video') as HTMLVideoElement).srcObject = new MediaStream(tracks);
      },
      { endpoint: whep(keyed), key: KEYS.VIEW_KEY },
    );
    await seeFrames(viewer.page, '#video', 20);
    await viewer.page.waitForFunction(() =>
      (globalThis as unknown as { heard: unknown[] }).heard.includes('state: hello from afar'),
    );
    await restart(viewer);
    await restart(publisher);
    await seeFrames(viewer.page, '#video', 20);

    const resumed = await publisher.page.evaluate(() =>
      (globalThis as unknown as { resume: () => Promise<string | undefined> }).resume(),
    );
    expect(resumed).toBe(session);
    await seeFrames(viewer.page, '#video', 20);
    for (const person of [viewer, publisher]) await stop(person);
    expect(await stateOf(keyed)).toBe('idle');
  });
});
