// One real client of the server on a UDP socket of its own: offer over HTTP, ICE as the controlling side, DTLS, SRTP.
// It must not know what is sent or counted: its owner gets decrypted packets.

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import type { DtlsCertificate } from '../src/media/transport/certificate.ts';
import { Dtls, isDtls } from '../src/media/transport/dtls.ts';
import { SrtpSession } from '../src/media/transport/srtp.ts';
import { bindingResponse, integrityKey, isStun, readBindingRequest } from '../src/media/transport/stun.ts';
import { isRtcp } from '../src/rtp/rtcp.ts';
import { bindingRequest } from '../src/test/transport-peers.ts';
import { type Answer, type LocalDescription, parseAnswer } from './offer.ts';

export interface PeerOptions {
  /** WHIP or WHEP. */
  readonly endpoint: string;
  readonly certificate: DtlsCertificate;
  readonly writeOffer: (local: LocalDescription) => string;
  readonly onRtp?: (packet: Buffer) => void;
  readonly onRtcp?: (packet: Buffer) => void;
  readonly onData?: (packet: Buffer) => void;
}

const LOOPBACK = '127.0.0.1';
/** RFC 8445 §14.3 allows checks every 50 ms; a lost one must not cost a whole second. */
const FIRST_CHECKS_EVERY_MS = 100;
const CONNECT_TIMEOUT_MS = 20_000;
/** net.core.rmem_max of common kernels; a peer that reads must never be the one who loses. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const STUN_SUCCESS = 0x0101;

export class Peer {
  readonly #options: PeerOptions;
  readonly #socket: Socket;
  readonly #local: LocalDescription;
  #remote: Answer | undefined;
  #check: Buffer | undefined;
  #dtls: Dtls | undefined;
  #srtp: SrtpSession | undefined;
  #onChecked: () => void = () => {};
  #closed = false;
  /** Answers to our checks that we read. */
  stunAnswers = 0;

  private constructor(options: PeerOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.#local = {
      usernameFragment: randomBytes(4).toString('hex'),
      password: randomBytes(16).toString('hex'),
      fingerprint: options.certificate.fingerprint,
    };
    socket.on('message', (datagram) => this.#receive(datagram));
    // ICMP: the server is gone, which the next step notices.
    socket.on('error', () => {});
  }

  /** Resolves when DTLS is done. Rejects when the server refuses or is not heard in time. */
  static async connect(options: PeerOptions): Promise<Peer> {
    // The address is a literal: looking it up ourselves saves a detour per datagram.
    const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
    await new Promise<void>((resolve) => socket.bind(0, LOOPBACK, resolve));
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    const peer = new Peer(options, socket);
    try {
      await peer.#connect();
      return peer;
    } catch (error) {
      peer.close();
      throw error;
    }
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get socket(): Socket {
    return this.#socket;
  }

  sendRtp(packet: Buffer): Buffer | undefined {
    const datagram = this.#srtp?.protectRtp(packet);
    if (datagram) this.send(datagram);
    return datagram;
  }

  sendRtcp(packet: Buffer): void {
    if (this.#srtp) this.send(this.#srtp.protectRtcp(packet));
  }

  sendData(packet: Buffer): Promise<void> {
    return this.#dtls?.send(packet) ?? Promise.resolve();
  }

  /** A datagram as it is. */
  send(datagram: Buffer): void {
    if (!this.#closed && this.#remote) this.#socket.send(datagram, this.#remote.port, LOOPBACK);
  }

  /** One consent check (RFC 7675): the same bytes each time, as in a retransmission, so that the load costs little. */
  sendCheck(): void {
    if (this.#check) this.send(this.#check);
  }

  /** Lets go of handshake and keys: this peer will read nothing more. */
  forgetKeys(): void {
    this.#dtls = undefined;
    this.#srtp = undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#dtls?.close();
    this.#closed = true;
    this.#socket.close();
  }

  async #connect(): Promise<void> {
    const answer = await this.#negotiate();
    this.#remote = answer;
    const username = `${answer.usernameFragment}:${this.#local.usernameFragment}`;
    this.#check = bindingRequest({ username, password: answer.password, useCandidate: true }).bytes;
    await new Promise<void>((resolve, reject) => {
      const timeout = setTimeout(() => reject(new Error('not connected in time')), CONNECT_TIMEOUT_MS);
      const checks = setInterval(() => this.sendCheck(), FIRST_CHECKS_EVERY_MS);
      const settle = (error?: Error): void => {
        clearTimeout(timeout);
        clearInterval(checks);
        if (error) reject(error);
        else resolve();
      };
      this.#dtls = new Dtls({
        role: answer.setup === 'active' ? 'server' : 'client',
        certificate: this.#options.certificate,
        remoteFingerprints: [answer.fingerprint],
        send: (datagram) => this.send(datagram),
        onConnected: (keys) => {
          if (keys) this.#srtp = new SrtpSession(keys);
          settle(keys ? undefined : new Error('no SRTP keys'));
        },
        onData: (packet) => this.#options.onData?.(packet),
        onClosed: (_reason, detail) => settle(new Error(`DTLS: ${detail}`)),
      });
      this.#onChecked = () => {
        this.#onChecked = () => {};
        clearInterval(checks);
        this.#dtls?.connect();
      };
      this.sendCheck();
    });
  }

  async #negotiate(): Promise<Answer> {
    const response = await fetch(this.#options.endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: this.#options.writeOffer(this.#local),
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${this.#options.endpoint}: ${response.status} ${text}`);
    return parseAnswer(text);
  }

  #receive(datagram: Buffer): void {
    if (isStun(datagram)) this.#receiveStun(datagram);
    else if (isDtls(datagram)) this.#dtls?.receive(datagram);
    else if (isRtcp(datagram)) {
      const packet = this.#srtp?.unprotectRtcp(datagram);
      if (packet) this.#options.onRtcp?.(packet);
    } else {
      const packet = this.#srtp?.unprotectRtp(datagram);
      if (packet) this.#options.onRtp?.(packet);
    }
  }

  /** An ICE-lite server only answers; werift's full agent checks us too and wants its answer. */
  #receiveStun(datagram: Buffer): void {
    if (datagram.readUInt16BE(0) === STUN_SUCCESS) {
      this.stunAnswers++;
      this.#onChecked();
      return;
    }
    const request = readBindingRequest(datagram);
    if (!request || !this.#remote) return;
    this.send(bindingResponse(request, LOOPBACK, this.#remote.port, integrityKey(this.#local.password)));
  }
}
