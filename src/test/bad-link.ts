// For tests: a bad network in user space. A UDP link between clients and the server that loses, delays, reorders,
// repeats and narrows by a seed, each direction by itself and changeable while it runs. It must not know what it carries.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Page } from 'playwright-core';
import { type Conditions, seededRandom } from '../rtp/seeded-network.ts';

/** What one direction does to each datagram. `jitterMs` reorders whatever lies closer together than that. */
export interface LinkConditions extends Conditions {
  /** Added to each datagram. */
  readonly delayMs?: number;
  /** Rate of the bottleneck, IP and UDP headers included; unlimited without. */
  readonly bitsPerSecond?: number;
  /** How long a datagram may wait at the bottleneck before there is no room for it. */
  readonly queueMs?: number;
}

export const GOOD: LinkConditions = {};

/** IPv4 and UDP. */
const HEADER_BYTES = 28;
/** What a home router holds, roughly. */
const DEFAULT_QUEUE_MS = 200;
const LOOPBACK = '127.0.0.1';

export interface LinkCounters {
  readonly sent: number;
  readonly lost: number;
  readonly duplicated: number;
  /** No room at the bottleneck. */
  readonly overflowed: number;
  /** Arrived after one that was sent later. */
  readonly reordered: number;
}

/** One direction: when what is sent now arrives. Pure but for its counters; time is an argument. */
export class LinkDirection {
  conditions: LinkConditions = GOOD;
  readonly #random: () => number;
  readonly #counters = { sent: 0, lost: 0, duplicated: 0, overflowed: 0, reordered: 0 };
  /** When the bottleneck has sent all that waits. */
  #busyUntilMs = 0;
  #latestArrivalMs = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  get counters(): LinkCounters {
    return { ...this.#counters };
  }

  /** When a datagram arrives that is sent now: never, once, or twice. */
  arrivals(bytes: number, nowMs: number): number[] {
    const { loss = 0, duplication = 0, jitterMs = 0, delayMs = 0 } = this.conditions;
    this.#counters.sent++;
    const throughAtMs = this.#throughBottleneck(bytes, nowMs);
    if (throughAtMs === undefined) {
      this.#counters.overflowed++;
      return [];
    }
    const copies = [this.#random() >= loss, this.#random() < duplication];
    if (!copies[0]) this.#counters.lost++;
    if (copies[1]) this.#counters.duplicated++;
    const arrivals = copies.filter((isThere) => isThere).map(() => throughAtMs + delayMs + this.#random() * jitterMs);
    const [first] = arrivals;
    if (first !== undefined && first < this.#latestArrivalMs) this.#counters.reordered++;
    this.#latestArrivalMs = Math.max(this.#latestArrivalMs, ...arrivals);
    return arrivals;
  }

  /** Undefined when the queue is full. */
  #throughBottleneck(bytes: number, nowMs: number): number | undefined {
    const { bitsPerSecond, queueMs = DEFAULT_QUEUE_MS } = this.conditions;
    if (bitsPerSecond === undefined) {
      this.#busyUntilMs = nowMs;
      return nowMs;
    }
    if (this.#busyUntilMs - nowMs > queueMs) return undefined;
    this.#busyUntilMs = Math.max(nowMs, this.#busyUntilMs) + ((bytes + HEADER_BYTES) * 8000) / bitsPerSecond;
    return this.#busyUntilMs;
  }
}

/**
 * A door on a port of its own; each client address that knocks gets a socket of its own toward the server, so that the
 * server sees as many peers as there are.
 */
export class BadLink {
  readonly toServer: LinkDirection;
  readonly toClients: LinkDirection;
  readonly #door: Socket;
  readonly #serverPort: number;
  /** By client address and port. */
  readonly #upstream = new Map<string, Socket>();
  /** By arrival. */
  readonly #onTheWay: { readonly deliver: () => void; readonly atMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(door: Socket, serverPort: number, seed: number) {
    this.#door = door;
    this.#serverPort = serverPort;
    this.toServer = new LinkDirection(seed);
    this.toClients = new LinkDirection(seed + 1);
    door.on('message', (datagram, from) => {
      const upstream = this.#upstreamOf(from.address, from.port);
      this.#carry(this.toServer, datagram, () => upstream.send(datagram, serverPort, LOOPBACK, ignoreFailure));
    });
  }

  /** @param serverPort the media worker's UDP port on this host */
  static async open(serverPort: number, seed = 1): Promise<BadLink> {
    const door = createSocket('udp4');
    door.bind(0, '0.0.0.0');
    await once(door, 'listening');
    enlargeBuffers(door);
    return new BadLink(door, serverPort, seed);
  }

  get port(): number {
    return this.#door.address().port;
  }

  /** Both directions. */
  set conditions(conditions: LinkConditions) {
    this.toServer.conditions = conditions;
    this.toClients.conditions = conditions;
  }

  /** From now on this page finds the server's media port behind the link: whatever answer it applies says so. */
  async lead(page: Page): Promise<void> {
    await page.addInitScript(
      ({ serverPort, linkPort }) => {
        const pattern = new RegExp(`^(a=candidate:\\S+ \\d+ udp \\d+ \\S+) ${serverPort} `, 'gm');
        const { prototype } = RTCPeerConnection as unknown as {
          prototype: { setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> };
        };
        const apply = prototype.setRemoteDescription;
        prototype.setRemoteDescription = function ({ type, sdp = '' }) {
          return apply.call(this, { type, sdp: sdp.replace(pattern, `$1 ${linkPort} `) });
        };
      },
      { serverPort: this.#serverPort, linkPort: this.port },
    );
  }

  /** An answer for clients that are not pages, with the link's port in its candidates. */
  through(answer: string): string {
    return answer.replace(
      new RegExp(`^(a=candidate:\\S+ \\d+ udp \\d+ \\S+) ${this.#serverPort} `, 'gm'),
      `$1 ${this.port} `,
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#onTheWay.length = 0;
    for (const socket of [this.#door, ...this.#upstream.values()]) socket.close();
  }

  #upstreamOf(address: string, port: number): Socket {
    const key = `${address}|${port}`;
    const known = this.#upstream.get(key);
    if (known) return known;
    const socket = createSocket('udp4');
    this.#upstream.set(key, socket);
    socket.on('error', ignoreFailure);
    socket.bind(0, LOOPBACK, () => enlargeBuffers(socket));
    socket.on('message', (datagram) =>
      this.#carry(this.toClients, datagram, () => this.#door.send(datagram, port, address, ignoreFailure)),
    );
    return socket;
  }

  #carry(direction: LinkDirection, datagram: Buffer, deliver: () => void): void {
    const nowMs = performance.now();
    for (const atMs of direction.arrivals(datagram.length, nowMs)) {
      if (atMs <= nowMs) deliver();
      else this.#deliverLater(deliver, atMs);
    }
  }

  /** One queue and one timer: timers of their own would fire in another order than that of the arrivals. */
  #deliverLater(deliver: () => void, atMs: number): void {
    let place = this.#onTheWay.length;
    while (place > 0 && (this.#onTheWay[place - 1]?.atMs ?? 0) > atMs) place--;
    this.#onTheWay.splice(place, 0, { deliver, atMs });
    if (place === 0) this.#awaitNext();
  }

  #awaitNext(): void {
    clearTimeout(this.#timer);
    const [next] = this.#onTheWay;
    if (next) this.#timer = setTimeout(() => this.#deliverDue(), Math.max(0, next.atMs - performance.now()));
  }

  #deliverDue(): void {
    const nowMs = performance.now();
    const notDue = this.#onTheWay.findIndex(({ atMs }) => atMs > nowMs);
    const due = this.#onTheWay.splice(0, notDue < 0 ? this.#onTheWay.length : notDue);
    for (const { deliver } of due) deliver();
    this.#awaitNext();
  }
}

/** Bursts of key frames must not be lost here unless the conditions say so. */
function enlargeBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(1024 * 1024);
    socket.setSendBufferSize(1024 * 1024);
  } catch {
    // The default does for one picture.
  }
}

/** A side that has gone: a network says nothing either. */
function ignoreFailure(): void {}
