// The one UDP socket of a media worker and its door: which datagram belongs to which transport.
// STUN must be authentic before anything is believed; everything else must come from an address that passed it.
// It must not know DTLS, SRTP or what a transport does with a datagram.

import type { Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { bindingResponse, integrityKey, isAuthentic, isStun, localFragmentOf, readBindingRequest } from './stun.ts';
import { descriptorOf, openUdpSocket } from './udp-socket.ts';

/** One side of an ICE session: the peer must know the password to use the fragment. */
export interface IceCredentials {
  readonly usernameFragment: string;
  readonly password: string;
}

export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

/** A transport as the door sees it. */
export interface FrontClient {
  /** A datagram that is not STUN, from an address that proved itself. The buffer is the client's to keep. */
  onDatagram(datagram: Buffer): void;
  /** An authentic STUN request came. `selected` is where to send from now on (it may not have changed). */
  onStun(selected: RemoteAddress): void;
  /** One of the above threw. */
  onTrouble(error: unknown): void;
}

/** What the door knows of one client. */
interface Registration {
  readonly client: FrontClient;
  /** Fragment → password. Two during an ICE restart: the old one lives until the new one is used. */
  readonly passwords: Map<string, string>;
  /** The fragment by which the peer last nominated, or first came. */
  usedFragment: string | undefined;
  /** Address → when it last proved itself, in ms. */
  readonly addresses: Map<string, number>;
  selected: RemoteAddress | undefined;
}

/** A peer has a handful of paths; more is somebody who replays (W13 of the peer survey). */
const MAX_ADDRESSES_PER_CLIENT = 16;

/**
 * An address that proved itself for one transport so lately is not another's, whoever asks: a password proves who asks, not
 * from where. Browsers check every 2.5 to 6 s; a page that resumes on the port of a transport that fell silent asks for longer.
 */
export const ADDRESS_HELD_MS = 10_000;

export type DropReason = 'taken-address' | 'unknown-address' | 'unknown-username' | 'bad-integrity' | 'malformed-stun';

export class UdpFront {
  readonly #socket: Socket;
  readonly #now: () => number;
  readonly #byFragment = new Map<string, Registration>();
  readonly #byAddress = new Map<string, Registration>();
  readonly #registrations = new Map<FrontClient, Registration>();
  readonly #dropped: Record<DropReason, number> = {
    'taken-address': 0,
    'unknown-address': 0,
    'unknown-username': 0,
    'bad-integrity': 0,
    'malformed-stun': 0,
  };
  #sendFailures = 0;
  #closed = false;

  private constructor(socket: Socket, now: () => number) {
    this.#socket = socket;
    this.#now = now;
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    // ICMP errors and the like: a peer that is gone is noticed by its silence.
    socket.on('error', () => {
      this.#sendFailures++;
    });
  }

  /**
   * Binds the socket: dual stack where the host has IPv6, else IPv4.
   * @param host empty for all interfaces
   * @param now ms that only go forward
   * @throws the bind error (EADDRINUSE, EACCES, EADDRNOTAVAIL)
   */
  static async bind(port: number, host = '', now = () => performance.now()): Promise<UdpFront> {
    return new UdpFront(await openUdpSocket(port, host), now);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Whether IPv6 candidates make sense. */
  get hasIpv6(): boolean {
    return this.#socket.address().family === 'IPv6';
  }

  /** The socket's, for who sends past us; undefined where the system or Node does not tell. */
  get fileDescriptor(): number | undefined {
    return descriptorOf(this.#socket);
  }

  /** Bytes that wait in Node because the kernel had no room. */
  get queuedBytes(): number {
    return this.#closed ? 0 : this.#socket.getSendQueueSize();
  }

  /** Datagrams refused at the door since the start, by reason. */
  get dropped(): Readonly<Record<DropReason, number>> {
    return this.#dropped;
  }

  get sendFailures(): number {
    return this.#sendFailures;
  }

  /** Clients and addresses now held: they must return to 0 when everybody has left. */
  get size(): { readonly clients: number; readonly fragments: number; readonly addresses: number } {
    return { clients: this.#registrations.size, fragments: this.#byFragment.size, addresses: this.#byAddress.size };
  }

  /** Lets a client in by these credentials. Again for the same client: an ICE restart, the old ones stay for now. */
  register(client: FrontClient, { usernameFragment, password }: IceCredentials): void {
    if (this.#byFragment.has(usernameFragment)) throw new Error('ICE username fragment is taken');
    const registration = this.#registrations.get(client) ?? {
      client,
      passwords: new Map<string, string>(),
      usedFragment: undefined,
      addresses: new Map<string, number>(),
      selected: undefined,
    };
    // Those of a restart that the peer never used: there are at most two at a time.
    for (const unused of registration.passwords.keys()) {
      if (registration.usedFragment !== undefined && unused !== registration.usedFragment) {
        this.#forgetFragment(registration, unused);
      }
    }
    registration.passwords.set(usernameFragment, password);
    this.#registrations.set(client, registration);
    this.#byFragment.set(usernameFragment, registration);
  }

  /** Forgets the client, its credentials and its addresses. */
  unregister(client: FrontClient): void {
    const registration = this.#registrations.get(client);
    if (!registration) return;
    this.#registrations.delete(client);
    for (const fragment of registration.passwords.keys()) this.#byFragment.delete(fragment);
    this.#forgetAddresses(registration);
  }

  send(datagram: Uint8Array, to: RemoteAddress): void {
    if (this.#closed) return;
    if (to.port === 0) {
      // A raw socket can send from port 0; for dgram, answering there is an exception.
      this.#sendFailures++;
      return;
    }
    this.#socket.send(datagram, to.port, to.address, this.#countFailure);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  readonly #countFailure = (error: Error | null): void => {
    if (error) this.#sendFailures++;
  };

  #receive(datagram: Buffer, from: RemoteAddress): void {
    if (isStun(datagram)) {
      this.#receiveStun(datagram, from);
      return;
    }
    const registration = this.#byAddress.get(addressKey(from));
    if (!registration) {
      this.#dropped['unknown-address']++;
      return;
    }
    guard(registration.client, (client) => client.onDatagram(datagram));
  }

  #receiveStun(datagram: Buffer, from: RemoteAddress): void {
    // The name is found by hand: whoever does not know one costs no parsing.
    const fragment = localFragmentOf(datagram);
    if (fragment === undefined) {
      this.#dropped['malformed-stun']++;
      return;
    }
    const registration = this.#byFragment.get(fragment);
    const password = registration?.passwords.get(fragment);
    if (!registration || password === undefined) {
      this.#dropped['unknown-username']++;
      return;
    }
    const request = readBindingRequest(datagram);
    if (!request) {
      this.#dropped['malformed-stun']++;
      return;
    }
    const key = integrityKey(password);
    if (!isAuthentic(request, key)) {
      this.#dropped['bad-integrity']++;
      return;
    }
    // Unanswered, so that the check fails, and comes again.
    if (this.#isTaken(addressKey(from), registration)) {
      this.#dropped['taken-address']++;
      return;
    }
    this.send(bindingResponse(request, unmapped(from.address), from.port, key), from);
    if (request.hasRoleConflict) return;
    // Until the peer nominates by the new credentials, media stays on the old path (RFC 8445 §9).
    if (request.useCandidate) this.#retireOlderCredentials(registration, fragment);
    registration.usedFragment ??= fragment;
    this.#admit(registration, from);
    // The controlling peer moves us by USE-CANDIDATE from another address: a phone that changed networks.
    if (request.useCandidate || !registration.selected) {
      registration.selected = { address: from.address, port: from.port };
    }
    const { client, selected } = registration;
    guard(client, () => client.onStun(selected));
  }

  /** The peer nominates by the newest credentials: those before the ICE restart are worth nothing from now on. */
  #retireOlderCredentials(registration: Registration, used: string): void {
    if (registration.passwords.size < 2 || [...registration.passwords.keys()].at(-1) !== used) return;
    for (const fragment of registration.passwords.keys()) {
      if (fragment !== used) this.#forgetFragment(registration, fragment);
    }
    registration.usedFragment = used;
    this.#forgetAddresses(registration);
    registration.selected = undefined;
  }

  #forgetFragment(registration: Registration, fragment: string): void {
    registration.passwords.delete(fragment);
    this.#byFragment.delete(fragment);
  }

  /** Whether another transport heard from this address lately. */
  #isTaken(key: string, registration: Registration): boolean {
    const owner = this.#byAddress.get(key);
    if (!owner || owner === registration) return false;
    const heardAtMs = owner.addresses.get(key) ?? Number.NEGATIVE_INFINITY;
    return this.#now() - heardAtMs < ADDRESS_HELD_MS;
  }

  /** An address that is nobody's, its own already, or of a transport that fell silent there (a page resumed on the same port). */
  #admit(registration: Registration, from: RemoteAddress): void {
    const key = addressKey(from);
    const previous = this.#byAddress.get(key);
    if (previous !== registration) {
      previous?.addresses.delete(key);
      if (registration.addresses.size >= MAX_ADDRESSES_PER_CLIENT) this.#evictOldest(registration);
      this.#byAddress.set(key, registration);
    }
    registration.addresses.set(key, this.#now());
  }

  /** The one that came first, but not the one in use. */
  #evictOldest(registration: Registration): void {
    const used = registration.selected && addressKey(registration.selected);
    for (const key of registration.addresses.keys()) {
      if (key === used) continue;
      this.#forgetAddress(registration, key);
      return;
    }
  }

  #forgetAddresses(registration: Registration): void {
    for (const key of registration.addresses.keys()) this.#forgetAddress(registration, key);
  }

  /** Never another's. */
  #forgetAddress(registration: Registration, key: string): void {
    registration.addresses.delete(key);
    if (this.#byAddress.get(key) === registration) this.#byAddress.delete(key);
  }
}

/** What one peer sets off must not end the thread, and all others with it. */
function guard(client: FrontClient, work: (client: FrontClient) => void): void {
  try {
    work(client);
  } catch (error) {
    client.onTrouble(error);
  }
}

function addressKey({ address, port }: RemoteAddress): string {
  return `${address}|${port}`;
}

/** A dual-stack socket shows IPv4 peers as `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}
