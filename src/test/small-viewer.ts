// For tests and benchmarks: a viewer that costs little, on the product's own STUN and DTLS. It joins over WHEP, and leaves
// in each of the ways in which viewers leave. It must not know media: it reads none.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { DtlsCertificate } from '../media/transport/certificate.ts';
import { Dtls, isDtls } from '../media/transport/dtls.ts';
import { isStun } from '../media/transport/stun.ts';
import { CHROME_VIEWER, sdp } from './sample-offers.ts';
import { postOffer } from './session-requests.ts';
import { bindingRequest } from './transport-peers.ts';

/** `delete`: as Stop does. `close`: a page that is gone says so over DTLS. `vanish`: a network that is gone says nothing. */
export type Leave = 'delete' | 'close' | 'vanish';

const LOOPBACK = '127.0.0.1';
const CHECK_EVERY_MS = 100;
const CONNECT_TIMEOUT_MS = 15_000;

export class SmallViewer {
  readonly #socket: Socket;
  readonly #dtls: Dtls;
  readonly #location: string;

  private constructor(socket: Socket, dtls: Dtls, location: string) {
    this.#socket = socket;
    this.#dtls = dtls;
    this.#location = location;
  }

  /** Resolves when DTLS is done. Rejects when the server refuses, or is not heard in time. */
  static async join(endpoint: string, certificate: DtlsCertificate): Promise<SmallViewer> {
    const offer = CHROME_VIEWER.map((line) =>
      line.startsWith('a=fingerprint:') ? `a=fingerprint:sha-256 ${certificate.fingerprint}` : line,
    );
    const { status, code, answer, location } = await postOffer(endpoint, sdp(offer));
    if (status !== 201) throw new Error(`${endpoint}: ${status} ${code}`);
    const value = (pattern: RegExp): string => pattern.exec(answer)?.[1] ?? '';
    const port = Number(value(/^a=candidate:\S+ \d+ udp \d+ \S+ (\d+) /m));
    const check = bindingRequest({
      username: `${value(/^a=ice-ufrag:(\S+)/m)}:4ZcD`,
      password: value(/^a=ice-pwd:(\S+)/m),
      useCandidate: true,
    }).bytes;

    const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
    socket.on('error', () => {});
    // An address that needs no look-up is bound at once.
    const isListening = once(socket, 'listening');
    socket.bind(0, LOOPBACK);
    await isListening;
    const send = (datagram: Buffer): void => socket.send(datagram, port, LOOPBACK, () => {});
    let settled = (_error?: Error): void => {};
    const dtls = new Dtls({
      role: 'client',
      certificate,
      remoteFingerprints: [{ algorithm: 'sha-256', value: value(/^a=fingerprint:sha-256 (\S+)/m) }],
      send,
      onConnected: () => settled(),
      onData: () => {},
      onClosed: (_reason, detail) => settled(new Error(detail)),
    });
    let isChecked = false;
    socket.on('message', (datagram) => {
      if (isDtls(datagram)) dtls.receive(datagram);
      else if (isStun(datagram) && !isChecked) {
        isChecked = true;
        dtls.connect();
      }
    });
    const checks = setInterval(() => send(check), CHECK_EVERY_MS);
    const timeout = setTimeout(() => settled(new Error('not connected in time')), CONNECT_TIMEOUT_MS);
    send(check);
    try {
      await new Promise<void>((resolve, reject) => {
        settled = (error) => (error ? reject(error) : resolve());
      });
    } catch (error) {
      socket.close();
      throw error;
    } finally {
      clearInterval(checks);
      clearTimeout(timeout);
    }
    return new SmallViewer(socket, dtls, location);
  }

  async leave(how: Leave): Promise<void> {
    if (how === 'delete') {
      const response = await fetch(this.#location, { method: 'DELETE' });
      await response.arrayBuffer();
    }
    if (how === 'close') {
      this.#dtls.close();
      // What was just said must be out before the socket is gone.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#socket.close();
  }
}
