// For tests: the other side of a transport, built from what we did not write, with hands to misbehave.
// It must not be imported by the product.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { classes, Event, Message, methods, RTCSctpTransport } from 'werift';
import type { IceCredentials } from '../media/transport/udp-front.ts';

export interface RequestOptions {
  readonly username?: string;
  /** Undefined: no MESSAGE-INTEGRITY. */
  readonly password?: string | undefined;
  readonly useCandidate?: boolean;
  readonly role?: 'controlling' | 'controlled' | 'none';
  readonly priority?: boolean;
  readonly fingerprint?: boolean;
}

/** An ICE binding request as a browser sends it, or as the options spoil it. */
export function bindingRequest(options: RequestOptions): Message {
  const {
    username,
    password,
    useCandidate = false,
    role = 'controlling',
    priority = true,
    fingerprint = true,
  } = options;
  const request = new Message(methods.BINDING, classes.REQUEST);
  if (username !== undefined) request.setAttribute('USERNAME', username);
  if (priority) request.setAttribute('PRIORITY', 1_845_501_695);
  if (role !== 'none') request.setAttribute(role === 'controlling' ? 'ICE-CONTROLLING' : 'ICE-CONTROLLED', 123n);
  if (useCandidate) request.setAttribute('USE-CANDIDATE', null);
  if (password !== undefined) request.addMessageIntegrity(Buffer.from(password));
  return fingerprint ? request.addFingerprint() : request;
}

/** An honest request for these credentials. */
export function honestRequest({ usernameFragment, password }: IceCredentials, useCandidate = false): Buffer {
  return bindingRequest({ username: `${usernameFragment}:peer`, password, useCandidate }).bytes;
}

/** One socket on the loopback. */
export class LoopbackPeer {
  readonly socket: Socket;
  readonly received: Buffer[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (datagram) => this.received.push(datagram));
  }

  static async open(): Promise<LoopbackPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new LoopbackPeer(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  send(datagram: Uint8Array, port: number): void {
    this.socket.send(datagram, port, '127.0.0.1');
  }

  /** Sends and waits for the next datagram that comes back. */
  async ask(datagram: Uint8Array, port: number): Promise<Buffer> {
    const answer = once(this.socket, 'message');
    this.send(datagram, port);
    const [message] = (await answer) as [Buffer];
    return message;
  }

  close(): void {
    this.socket.close();
  }
}

/** Members of werift's SCTP that are private there and that a misbehaving peer needs. */
interface PeerInternals {
  handleData(packet: Buffer): Promise<void>;
  localTsn: number;
  localVerificationTag: number;
  remoteVerificationTag: number;
}

/** werift's SCTP as the side that starts the association, on a link that can be held. */
export class SctpPeer {
  readonly transport = new RTCSctpTransport(5000);
  readonly received: { streamId: number; ppid: number; payload: Buffer }[] = [];
  readonly #deliver: (packet: Buffer) => void;
  #held: Buffer[] | undefined;
  /** Sees each packet that this peer sends; false drops it. */
  outgoing: (packet: Buffer) => boolean = () => true;

  /** @param deliver takes what this peer sends */
  constructor(deliver: (packet: Buffer) => void) {
    this.#deliver = deliver;
    const dtls = {
      id: 'peer',
      onStateChange: new Event<[string]>(),
      iceTransport: { role: 'controlling' },
      dataReceiver: () => {},
      sendData: async (packet: Buffer) => {
        if (this.outgoing(packet)) setImmediate(() => deliver(packet));
      },
    };
    this.transport.setDtlsTransport(dtls as never);
    // werift's own data channels reject on what they do not know.
    this.transport.sctp.onReceive.allUnsubscribe();
    this.transport.sctp.onReceive.subscribe((streamId, ppid, payload) =>
      this.received.push({ streamId, ppid, payload }),
    );
  }

  get sctp(): RTCSctpTransport['sctp'] {
    return this.transport.sctp;
  }

  get internals(): PeerInternals {
    return this.transport.sctp as unknown as PeerInternals;
  }

  /** A packet for this peer. */
  readonly receive = async (packet: Buffer): Promise<void> => {
    if (this.#held) {
      this.#held.push(packet);
      return;
    }
    setImmediate(() => {
      this.internals.handleData(packet).catch(() => {});
    });
  };

  /** From now on this peer reads nothing. */
  hold(): void {
    this.#held = [];
  }

  get heldPackets(): number {
    return this.#held?.length ?? 0;
  }

  release(): void {
    const packets = this.#held ?? [];
    this.#held = undefined;
    for (const packet of packets) void this.receive(packet);
  }

  async connect(): Promise<void> {
    const connected = this.sctp.stateChanged.connected.asPromise();
    await this.transport.start(5000);
    await connected;
  }

  /** Hands what arrives to werift's data channels too. */
  useDataChannels(): void {
    const channels = this.transport as unknown as {
      datachannelReceive(streamId: number, ppid: number, payload: Buffer): Promise<void>;
    };
    this.sctp.onReceive.subscribe((streamId, ppid, payload) => {
      void channels.datachannelReceive(streamId, ppid, payload);
    });
  }

  /** Sends a message past werift's data channels. */
  message(streamId: number, ppid: number, payload: Buffer): void {
    this.sctp.send(streamId, ppid, payload, { ordered: true }).catch(() => {});
  }

  /** DATA_CHANNEL_OPEN (RFC 8832 §5.1). */
  openChannel(streamId: number, label: string): void {
    this.message(streamId, 50, channelOpen(label));
  }

  /** Delivers a packet of these chunks at once, with right tag and checksum. */
  raw(...chunks: Buffer[]): void {
    this.#deliver(sctpPacket(this.internals.remoteVerificationTag, ...chunks));
  }

  /** Aborts the association and stops werift's timers. */
  async stop(): Promise<void> {
    await this.transport.stop();
  }
}

export function channelOpen(label: string): Buffer {
  const name = Buffer.from(label);
  const open = Buffer.alloc(12 + name.length);
  open.writeUInt8(3, 0);
  open.writeUInt16BE(name.length, 8);
  name.copy(open, 12);
  return open;
}

export interface DataChunkOptions {
  readonly tsn: number;
  readonly streamId: number;
  readonly sequence?: number;
  readonly ppid?: number;
  /** 1 last fragment, 2 first fragment, 4 unordered. */
  readonly flags?: number;
}

export function dataChunk(options: DataChunkOptions, payload: Buffer): Buffer {
  const body = Buffer.alloc(12);
  body.writeUInt32BE(options.tsn >>> 0, 0);
  body.writeUInt16BE(options.streamId, 4);
  body.writeUInt16BE(options.sequence ?? 0, 6);
  body.writeUInt32BE(options.ppid ?? 53, 8);
  return sctpChunk(0, options.flags ?? 3, Buffer.concat([body, payload]));
}

export function sctpChunk(type: number, flags: number, body: Buffer): Buffer {
  const chunk = Buffer.alloc(4 + body.length + ((4 - (body.length % 4)) % 4));
  chunk.writeUInt8(type, 0);
  chunk.writeUInt8(flags, 1);
  chunk.writeUInt16BE(4 + body.length, 2);
  body.copy(chunk, 4);
  return chunk;
}

export function sctpPacket(verificationTag: number, ...chunks: Buffer[]): Buffer {
  const packet = Buffer.concat([Buffer.alloc(12), ...chunks]);
  packet.writeUInt16BE(5000, 0);
  packet.writeUInt16BE(5000, 2);
  packet.writeUInt32BE(verificationTag >>> 0, 4);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

/** RFC 9260, appendix A. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
