import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { classes, parseMessage } from 'werift';
import { randomBytes, seededRandom } from '../../rtp/seeded-network.ts';
import { bindingRequest, honestRequest, LoopbackPeer } from '../../test/transport-peers.ts';
import { ADDRESS_HELD_MS, type DropReason, type FrontClient, type RemoteAddress, UdpFront } from './udp-front.ts';

const CREDENTIALS = { usernameFragment: 'ours', password: 'a-password-of-24-letters' };
const USERNAME = 'ours:peer';
const DTLS = Buffer.from([22, 0xfe, 0xfd, 1, 2, 3]);
const RTP = Buffer.from([0x80, 96, 0, 1, 2, 3]);

class RecordingClient implements FrontClient {
  readonly datagrams: Buffer[] = [];
  readonly selected: RemoteAddress[] = [];
  readonly troubles: unknown[] = [];

  onDatagram(datagram: Buffer): void {
    this.datagrams.push(datagram);
  }

  onStun(selected: RemoteAddress): void {
    this.selected.push(selected);
  }

  onTrouble(error: unknown): void {
    this.troubles.push(error);
  }

  get port(): number | undefined {
    return this.selected.at(-1)?.port;
  }
}

let front: UdpFront;
let nowMs = 0;
let client: RecordingClient;
const peers: LoopbackPeer[] = [];

async function openPeer(): Promise<LoopbackPeer> {
  const peer = await LoopbackPeer.open();
  peers.push(peer);
  return peer;
}

beforeEach(async () => {
  nowMs = 1000;
  front = await UdpFront.bind(0, '127.0.0.1', () => nowMs);
  client = new RecordingClient();
  front.register(client, CREDENTIALS);
});

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.close();
  await front.close();
});

const droppedTotal = () => Object.values(front.dropped).reduce((sum, count) => sum + count, 0);
/** Everything is in order on the loopback: when this many were dropped, all before it were handled. */
const dropped = (count: number) => vi.waitFor(() => expect(droppedTotal()).toBe(count), { interval: 2, timeout: 5000 });

describe('an authentic request', () => {
  it('is answered with the address that it came from, and the answer proves itself', async () => {
    const peer = await openPeer();
    const answer = await peer.ask(honestRequest(CREDENTIALS), front.port);
    const message = parseMessage(answer, Buffer.from(CREDENTIALS.password));
    expect(message?.messageClass).toBe(classes.RESPONSE);
    expect(message?.getAttributeValue('XOR-MAPPED-ADDRESS')).toEqual(['127.0.0.1', peer.port]);
    expect(message?.attributesKeys).toContain('FINGERPRINT');
    expect(client.port).toBe(peer.port);
  });

  it('shows an IPv4 peer its IPv4 address on a dual-stack socket', async () => {
    const dual = await UdpFront.bind(0);
    dual.register(client, CREDENTIALS);
    const peer = await openPeer();
    const message = parseMessage(await peer.ask(honestRequest(CREDENTIALS), dual.port));
    expect(message?.getAttributeValue('XOR-MAPPED-ADDRESS')).toEqual(['127.0.0.1', peer.port]);
    await dual.close();
  });

  it('may lack PRIORITY and ICE-CONTROLLING, as those of FFmpeg 8 do', async () => {
    const peer = await openPeer();
    const { password } = CREDENTIALS;
    const request = bindingRequest({
      username: USERNAME,
      password,
      useCandidate: true,
      role: 'none',
      priority: false,
    });
    const answer = await peer.ask(request.bytes, front.port);
    expect(parseMessage(answer, Buffer.from(password))?.messageClass).toBe(classes.RESPONSE);
    expect(client.port).toBe(peer.port);
  });

  it('that claims to be controlled gets 487, and moves nothing', async () => {
    const peer = await openPeer();
    const { password } = CREDENTIALS;
    const request = bindingRequest({ username: USERNAME, password, useCandidate: true, role: 'controlled' });
    const message = parseMessage(await peer.ask(request.bytes, front.port), Buffer.from(password));
    expect(message?.messageClass).toBe(classes.ERROR);
    expect(message?.getAttributeValue('ERROR-CODE')).toEqual([487, 'Role Conflict']);
    expect(client.selected).toEqual([]);
    expect(front.size.addresses).toBe(0);
  });
});

describe('what is not authentic', () => {
  const cases: [string, () => Buffer, DropReason][] = [
    ['no MESSAGE-INTEGRITY', () => bindingRequest({ username: USERNAME, useCandidate: true }).bytes, 'bad-integrity'],
    [
      'a wrong password',
      () => bindingRequest({ username: USERNAME, password: 'wrong', useCandidate: true }).bytes,
      'bad-integrity',
    ],
    [
      'an unknown fragment',
      () => bindingRequest({ username: 'theirs:peer', password: CREDENTIALS.password }).bytes,
      'unknown-username',
    ],
    ['no USERNAME', () => bindingRequest({ password: CREDENTIALS.password }).bytes, 'malformed-stun'],
    ['a USERNAME without colon', () => bindingRequest({ username: 'ours', password: 'x' }).bytes, 'malformed-stun'],
    [
      'USE-CANDIDATE appended behind FINGERPRINT',
      () => {
        const request = bindingRequest({ username: USERNAME, password: CREDENTIALS.password });
        return request.setAttribute('USE-CANDIDATE', null).bytes;
      },
      'bad-integrity',
    ],
    [
      'USE-CANDIDATE appended behind MESSAGE-INTEGRITY',
      () => {
        const request = bindingRequest({ username: USERNAME, password: CREDENTIALS.password, fingerprint: false });
        return request.setAttribute('USE-CANDIDATE', null).bytes;
      },
      'bad-integrity',
    ],
    [
      'a changed byte under the integrity',
      () => {
        const { bytes } = bindingRequest({ username: USERNAME, password: CREDENTIALS.password });
        bytes[9] = (bytes[9] ?? 0) ^ 1;
        return bytes;
      },
      'malformed-stun',
    ],
  ];

  it.each(cases)('%s: not believed, not answered, counted', async (_name, build, reason) => {
    const honest = await openPeer();
    await honest.ask(honestRequest(CREDENTIALS, true), front.port);
    const spoofer = await openPeer();
    spoofer.send(build(), front.port);
    spoofer.send(RTP, front.port);
    await dropped(2);
    expect(front.dropped[reason]).toBe(1);
    expect(front.dropped['unknown-address']).toBe(1);
    expect(client.selected).toHaveLength(1);
    expect(client.port).toBe(honest.port);
    expect(spoofer.received).toEqual([]);
    expect(front.size.addresses).toBe(1);
  });

  it('DTLS and RTP from an address that proved nothing never reach the client', async () => {
    const stranger = await openPeer();
    stranger.send(DTLS, front.port);
    stranger.send(RTP, front.port);
    stranger.send(Buffer.alloc(0), front.port);
    await dropped(3);
    expect(front.dropped['unknown-address']).toBe(3);
    expect(client.datagrams).toEqual([]);
  });

  it('a thousand random datagrams do nothing', async () => {
    const random = seededRandom(7);
    const stranger = await openPeer();
    for (let sent = 0; sent < 1000; ) {
      for (let burst = 0; burst < 50; burst++, sent++) {
        const datagram = Buffer.from(randomBytes(random, 120));
        // Every third looks like STUN.
        if (sent % 3 === 0 && datagram.length >= 20) {
          datagram.writeUInt16BE(1, 0);
          datagram.writeUInt16BE(datagram.length - 20, 2);
          datagram.writeUInt32BE(0x2112_a442, 4);
        }
        stranger.send(datagram, front.port);
      }
      await dropped(sent);
    }
    expect(client.datagrams).toEqual([]);
    expect(client.selected).toEqual([]);
    expect(stranger.received).toEqual([]);
    expect(front.size).toEqual({ clients: 1, fragments: 1, addresses: 0 });
    const peer = await openPeer();
    await peer.ask(honestRequest(CREDENTIALS), front.port);
    expect(client.port).toBe(peer.port);
  });
});

describe('addresses', () => {
  it('a proved address may send, whatever it sends', async () => {
    const peer = await openPeer();
    await peer.ask(honestRequest(CREDENTIALS), front.port);
    peer.send(DTLS, front.port);
    peer.send(RTP, front.port);
    await vi.waitFor(() => expect(client.datagrams).toEqual([DTLS, RTP]), { interval: 2, timeout: 5000 });
  });

  it('USE-CANDIDATE from a new address moves the transport; a request without it does not', async () => {
    const [before, after] = [await openPeer(), await openPeer()];
    await before.ask(honestRequest(CREDENTIALS, true), front.port);
    await after.ask(honestRequest(CREDENTIALS), front.port);
    expect(client.port).toBe(before.port);
    await after.ask(honestRequest(CREDENTIALS, true), front.port);
    expect(client.port).toBe(after.port);
    await before.ask(honestRequest(CREDENTIALS), front.port);
    expect(client.port).toBe(after.port);
  });

  it('a client holds at most 16, and keeps the one that it uses', async () => {
    const selected = await openPeer();
    await selected.ask(honestRequest(CREDENTIALS, true), front.port);
    for (let count = 0; count < 20; count++) await (await openPeer()).ask(honestRequest(CREDENTIALS), front.port);
    expect(front.size.addresses).toBe(16);
    expect(client.port).toBe(selected.port);
    selected.send(RTP, front.port);
    await vi.waitFor(() => expect(client.datagrams).toEqual([RTP]), { interval: 2, timeout: 5000 });
  });

  const OTHER = { usernameFragment: 'second', password: 'another-password-of-them' };

  // The newest owned it at once before. But a source address can be forged, so that anybody with an answer of their own
  // could have cut off a viewer whose address they know.
  it('an address that was heard from lately is not moved by whoever has another password', async () => {
    const second = new RecordingClient();
    front.register(second, OTHER);
    const peer = await openPeer();
    await peer.ask(honestRequest(CREDENTIALS, true), front.port);
    for (let check = 0; check < 3; check++) {
      nowMs += ADDRESS_HELD_MS - 1;
      peer.received.length = 0;
      peer.send(honestRequest(OTHER, true), front.port);
      await dropped(check + 1);
      await peer.ask(honestRequest(CREDENTIALS), front.port);
      // The answer to the honest one only.
      expect(peer.received).toHaveLength(1);
    }
    peer.send(RTP, front.port);
    await vi.waitFor(() => expect(client.datagrams).toEqual([RTP]), { interval: 2, timeout: 5000 });
    expect(front.dropped['taken-address']).toBe(3);
    expect(second.selected).toEqual([]);
    expect(second.datagrams).toEqual([]);
  });

  it('a page that resumes from the same port is let in at once when its old transport closed', async () => {
    const second = new RecordingClient();
    front.register(second, OTHER);
    const peer = await openPeer();
    await peer.ask(honestRequest(CREDENTIALS, true), front.port);
    front.unregister(client);
    await peer.ask(honestRequest(OTHER, true), front.port);
    peer.send(RTP, front.port);
    await vi.waitFor(() => expect(second.datagrams).toEqual([RTP]), { interval: 2, timeout: 5000 });
    expect(second.port).toBe(peer.port);
  });

  it('an address that a client let go is let go for it alone', async () => {
    const second = new RecordingClient();
    front.register(second, OTHER);
    const moved = await openPeer();
    await moved.ask(honestRequest(CREDENTIALS), front.port);
    await (await openPeer()).ask(honestRequest(CREDENTIALS, true), front.port);
    nowMs += ADDRESS_HELD_MS;
    await moved.ask(honestRequest(OTHER, true), front.port);
    // Fills the first client's list over and over.
    for (let count = 0; count < 20; count++) await (await openPeer()).ask(honestRequest(CREDENTIALS), front.port);
    expect(front.size.addresses).toBe(17);
    moved.send(RTP, front.port);
    await vi.waitFor(() => expect(second.datagrams).toEqual([RTP]), { interval: 2, timeout: 5000 });
  });

  it('an address that proves itself for another transport moves there when the old one fell silent', async () => {
    const second = new RecordingClient();
    front.register(second, OTHER);
    const peer = await openPeer();
    await peer.ask(honestRequest(CREDENTIALS, true), front.port);
    nowMs += ADDRESS_HELD_MS;
    await peer.ask(honestRequest(OTHER, true), front.port);
    peer.send(RTP, front.port);
    await vi.waitFor(() => expect(second.datagrams).toEqual([RTP]), { interval: 2, timeout: 5000 });
    expect(client.datagrams).toEqual([]);
    front.unregister(client);
    peer.send(DTLS, front.port);
    await vi.waitFor(() => expect(second.datagrams).toEqual([RTP, DTLS]), { interval: 2, timeout: 5000 });
    expect(front.size).toEqual({ clients: 1, fragments: 1, addresses: 1 });
  });

  it('a peer at port 0 cannot be answered, which ends nothing', () => {
    front.send(RTP, { address: '127.0.0.1', port: 0 });
    expect(front.sendFailures).toBe(1);
  });
});

describe('credentials', () => {
  const RESTARTED = { usernameFragment: 'restarted', password: 'the-password-after-restart' };

  it('of before an ICE restart work until those after it nominate, and are dead from then on', async () => {
    const peer = await openPeer();
    await peer.ask(honestRequest(CREDENTIALS, true), front.port);
    front.register(client, RESTARTED);
    expect(front.size.fragments).toBe(2);
    await peer.ask(honestRequest(CREDENTIALS, true), front.port);
    expect(client.selected).toHaveLength(2);

    const moved = await openPeer();
    await moved.ask(honestRequest(RESTARTED), front.port);
    expect(client.port).toBe(peer.port);
    expect(front.size.fragments).toBe(2);
    await moved.ask(honestRequest(RESTARTED, true), front.port);
    expect(client.port).toBe(moved.port);
    expect(front.size).toEqual({ clients: 1, fragments: 1, addresses: 1 });
    peer.send(honestRequest(CREDENTIALS, true), front.port);
    peer.send(RTP, front.port);
    await dropped(2);
    expect(front.dropped['unknown-username']).toBe(1);
    expect(front.dropped['unknown-address']).toBe(1);
    expect(client.port).toBe(moved.port);
  });

  it('of restarts that the peer never used do not pile up', async () => {
    const peer = await openPeer();
    await peer.ask(honestRequest(CREDENTIALS, true), front.port);
    for (let count = 0; count < 20; count++) {
      front.register(client, { usernameFragment: `restart ${count}`, password: 'the-password-after-restart' });
    }
    expect(front.size.fragments).toBe(2);
    await peer.ask(honestRequest(CREDENTIALS), front.port);
    expect(client.port).toBe(peer.port);
  });

  it('that are taken cannot be registered again', () => {
    expect(() => front.register(new RecordingClient(), CREDENTIALS)).toThrow('taken');
    expect(front.size.clients).toBe(1);
  });

  it('and addresses are all forgotten with the client', async () => {
    const peer = await openPeer();
    await peer.ask(honestRequest(CREDENTIALS, true), front.port);
    front.register(client, RESTARTED);
    front.unregister(client);
    expect(front.size).toEqual({ clients: 0, fragments: 0, addresses: 0 });
    peer.send(honestRequest(CREDENTIALS), front.port);
    peer.send(RTP, front.port);
    await dropped(2);
    expect(client.selected).toHaveLength(1);
    front.unregister(client);
  });
});

describe('the socket', () => {
  it('cannot have a port that is taken, and says so', async () => {
    await expect(UdpFront.bind(front.port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('sends nothing after close, and closes once', async () => {
    const other = await UdpFront.bind(0, '127.0.0.1');
    await other.close();
    await other.close();
    other.send(RTP, { address: '127.0.0.1', port: front.port });
    expect(other.sendFailures).toBe(0);
  });
});

it('survives what a client throws, and tells it', async () => {
  const error = new Error('a bug');
  const throwing = Object.assign(new RecordingClient(), {
    onStun: () => {
      throw error;
    },
    onDatagram: () => {
      throw error;
    },
  });
  const credentials = { usernameFragment: 'throwing', password: CREDENTIALS.password };
  front.register(throwing, credentials);
  const peer = await openPeer();
  await peer.ask(honestRequest(credentials), front.port);
  peer.send(DTLS, front.port);
  await vi.waitFor(() => expect(throwing.troubles).toEqual([error, error]), { interval: 2, timeout: 5000 });
});
