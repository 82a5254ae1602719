// One Transport: ICE-lite, DTLS, SRTP and SCTP toward one peer, from the answer to its end.
// It moves packets between the UDP front and its owner; it must not know broadcasts, tracks or workers.

import type { Role, TransportEndReason } from '../../broadcast/ports.ts';
import { isRtcp } from '../../rtp/rtcp.ts';
import type { Fingerprint } from '../sdp/offer.ts';
import type { DtlsCertificate } from './certificate.ts';
import { type ChannelMessage, DataChannels } from './data-channels.ts';
import { Dtls, isDtls, type SrtpKeys } from './dtls.ts';
import { SrtpSession } from './srtp.ts';
import type { FrontClient, IceCredentials, RemoteAddress, UdpFront } from './udp-front.ts';

export interface TransportOptions {
  readonly id: string;
  readonly front: UdpFront;
  readonly credentials: IceCredentials;
  readonly certificate: DtlsCertificate;
  readonly dtlsRole: 'server' | 'client';
  readonly remoteFingerprints: readonly Fingerprint[];
  /** Undefined when no data section was negotiated. */
  readonly sctpPort: number | undefined;
  /** Audio or video was negotiated: then there must be keys for them. */
  readonly hasMedia: boolean;
  /** A publisher's silence is noticed sooner. */
  readonly role: Role;
  /** Unix ms that only go forward. */
  readonly now: () => number;
  /** Something threw that should not, and this transport was given up for it. */
  readonly onTrouble: (error: unknown) => void;
  readonly owner: TransportOwner;
}

/** What a transport tells the one who owns it. Buffers are the owner's to keep. */
export interface TransportOwner {
  /** Keys are there when media was negotiated. */
  onConnected(keys: SrtpKeys | undefined, remote: RemoteAddress): void;
  /** The peer is elsewhere now. Only once connected. */
  onMoved(remote: RemoteAddress): void;
  /** An authentic RTP packet, decrypted. */
  onRtp(packet: Buffer, nowMs: number): void;
  /** An authentic RTCP packet, decrypted. */
  onRtcp(packet: Buffer, nowMs: number): void;
  onDataReady(): void;
  onDataChannel(label: string): void;
  onDataMessage(message: ChannelMessage): void;
  onDataTooLarge(label: string): void;
  onDataLost(label: string, messages: number): void;
  /** Nothing authentic has come for so long. */
  onSilent(forMs: number): void;
  onActive(): void;
  /** The last call; not after the owner's own `close()`. */
  onClosed(reason: TransportEndReason, detail: string): void;
}

/** From the answer to a proved DTLS peer. */
export const SETUP_TIMEOUT_MS = 15_000;
/** Without anything authentic for so long a transport is given up. */
export const GONE_AFTER_MS = 30_000;
/**
 * Silence after which the owner is told: nothing authentic at all. Browsers send STUN every 2.5 to 6 s, so a viewer that
 * misses two is away. A publisher sends media too, but one that sends none for now (a microphone unplugged) is there all
 * the same: it has to miss one.
 */
const SILENT_AFTER_MS: Record<Role, number> = { viewer: 12_000, publisher: 7_000 };
/** The same for a publisher whose media came until the end: it crashed, or its network is gone, and viewers wait for word. */
const MEDIA_SILENT_AFTER_MS = 2_000;
/** Media was flowing if its last packet came so shortly before the last sign of life. Opus that pauses sends every 400 ms. */
const FLOWING_MS = 1_000;

export class Transport implements FrontClient {
  readonly id: string;
  readonly #options: TransportOptions;
  readonly #dtls: Dtls;
  readonly #createdAtMs: number;
  #data: DataChannels | undefined;
  #srtp: SrtpSession | undefined;
  #remote: RemoteAddress | undefined;
  #state: 'new' | 'checking' | 'connected' | 'closed' = 'new';
  #silent = false;
  /** Anything authentic. */
  #lastHeardMs: number;
  /** RTP of a publisher. */
  #lastMediaMs = Number.NEGATIVE_INFINITY;
  #firstHeardMs: number | undefined;

  constructor(options: TransportOptions) {
    const nowMs = options.now();
    this.id = options.id;
    this.#options = options;
    this.#createdAtMs = nowMs;
    this.#lastHeardMs = nowMs;
    this.#dtls = new Dtls({
      role: options.dtlsRole,
      certificate: options.certificate,
      remoteFingerprints: options.remoteFingerprints,
      send: (datagram) => this.#send(datagram),
      onConnected: (keys) => this.#connected(keys),
      onData: (packet) => {
        this.#heard(this.#options.now());
        this.#data?.receive(packet);
      },
      onClosed: (reason, detail) => this.#end(reason, detail),
    });
    options.front.register(this, options.credentials);
  }

  get isConnected(): boolean {
    return this.#state === 'connected';
  }

  /** When the first authentic STUN request came; undefined before. */
  get firstHeardMs(): number | undefined {
    return this.#firstHeardMs;
  }

  /** When anything authentic came last. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** True until the first authentic STUN request. */
  get isPending(): boolean {
    return this.#state === 'new';
  }

  get data(): DataChannels | undefined {
    return this.#data;
  }

  /** New credentials; the old ones work until the peer uses these (RFC 8445 §9, RFC 9725 §4.3.2). */
  restartIce(credentials: IceCredentials): void {
    if (this.#state !== 'closed') this.#options.front.register(this, credentials);
  }

  /** Encrypts and sends RTCP. Not for an owner that has given the keys to a fan-out engine: an index may be used once. */
  sendRtcp(packet: Buffer): void {
    if (this.#srtp) this.#send(this.#srtp.protectRtcp(packet));
  }

  /** Looks at the clock: setup deadline and silence. Called a few times a second. */
  tick(nowMs: number): void {
    if (this.#state === 'closed') return;
    if (this.#state !== 'connected') {
      if (nowMs - this.#createdAtMs > SETUP_TIMEOUT_MS) this.#end('setup-timeout', this.#setupDetail);
      return;
    }
    if (nowMs - this.#lastHeardMs > GONE_AFTER_MS) {
      this.#end('silent', `nothing for ${GONE_AFTER_MS} ms`);
    } else if (nowMs - this.#lastHeardMs > this.#silentAfterMs && !this.#silent) {
      this.#silent = true;
      this.#options.owner.onSilent(nowMs - this.#lastHeardMs);
    }
  }

  /** Tells the peer (SCTP abort, DTLS close_notify) and forgets everything. Idempotent; the owner gets no event. */
  close(): void {
    if (this.#state === 'closed') return;
    try {
      this.#data?.close();
      this.#dtls.close();
    } finally {
      this.#state = 'closed';
      this.#options.front.unregister(this);
    }
  }

  onTrouble(error: unknown): void {
    this.#options.onTrouble(error);
    if (this.#state === 'closed') return;
    try {
      this.close();
    } catch (another) {
      // What is broken may be what says goodbye.
      this.#options.onTrouble(another);
    }
    this.#options.owner.onClosed('failed', 'an error of ours');
  }

  get #silentAfterMs(): number {
    const wasFlowing = this.#lastHeardMs - this.#lastMediaMs <= FLOWING_MS;
    return wasFlowing ? MEDIA_SILENT_AFTER_MS : SILENT_AFTER_MS[this.#options.role];
  }

  get #setupDetail(): string {
    const { refused } = this.#dtls;
    return refused === undefined ? `still ${this.#state}` : `still ${this.#state}, last refused: ${refused}`;
  }

  onStun(selected: RemoteAddress): void {
    // Browsers nominate with every check, mostly where they are already.
    const isElsewhere = selected.address !== this.#remote?.address || selected.port !== this.#remote.port;
    const hasMoved = isElsewhere && this.#state === 'connected';
    this.#remote = selected;
    this.#heard(this.#options.now());
    if (hasMoved) this.#options.owner.onMoved(selected);
    if (this.#state === 'new') {
      this.#state = 'checking';
      this.#firstHeardMs = this.#lastHeardMs;
      this.#dtls.connect();
    }
  }

  onDatagram(datagram: Buffer): void {
    if (this.#state === 'closed' || datagram.length < 2) return;
    if (isDtls(datagram)) {
      this.#dtls.receive(datagram);
      return;
    }
    if (!this.#srtp || !isMedia(datagram)) return;
    const nowMs = this.#options.now();
    if (isRtcp(datagram)) {
      const packet = this.#srtp.unprotectRtcp(datagram);
      if (!packet) return;
      this.#heard(nowMs);
      this.#options.owner.onRtcp(packet, nowMs);
    } else {
      const packet = this.#srtp.unprotectRtp(datagram);
      if (!packet) return;
      this.#heard(nowMs);
      this.#lastMediaMs = nowMs;
      this.#options.owner.onRtp(packet, nowMs);
    }
  }

  #connected(keys: SrtpKeys | undefined): void {
    if (!keys && this.#options.hasMedia) {
      this.#end('failed', 'no SRTP profile in common');
      return;
    }
    const remote = this.#remote;
    // DTLS came from somewhere.
    if (!remote) return;
    if (keys) this.#srtp = new SrtpSession(keys);
    this.#state = 'connected';
    this.#lastHeardMs = this.#options.now();
    if (this.#options.sctpPort !== undefined) {
      const { owner } = this.#options;
      this.#data = new DataChannels({
        remotePort: this.#options.sctpPort,
        dtlsRole: this.#options.dtlsRole,
        send: (packet) => this.#dtls.send(packet),
        onReady: () => owner.onDataReady(),
        onChannel: (label) => owner.onDataChannel(label),
        onMessage: (message) => owner.onDataMessage(message),
        onTooLarge: (label) => owner.onDataTooLarge(label),
        onLost: (label, messages) => owner.onDataLost(label, messages),
        onFailed: (error) => this.onTrouble(error),
        // Peers end it only with the whole connection, and some say no more than that (libdatachannel).
        onClosed: () => this.#end('closed-by-peer', 'the SCTP association ended'),
      });
    }
    this.#options.owner.onConnected(keys, remote);
  }

  #heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
    if (!this.#silent) return;
    this.#silent = false;
    this.#options.owner.onActive();
  }

  #send(datagram: Buffer): void {
    if (this.#remote && this.#state !== 'closed') this.#options.front.send(datagram, this.#remote);
  }

  #end(reason: TransportEndReason, detail: string): void {
    if (this.#state === 'closed') return;
    this.close();
    this.#options.owner.onClosed(reason, detail);
  }
}

/** RTP and RTCP start with version 2 (RFC 7983 §7). */
function isMedia(datagram: Uint8Array): boolean {
  const first = datagram[0] ?? 0;
  return first >= 128 && first <= 191;
}
