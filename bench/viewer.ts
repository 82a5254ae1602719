// One viewer of the benchmark, over WHEP. It reads everything, or leaves it to the kernel, after the handshake, to drop and count.

import type { DtlsCertificate } from '../src/media/transport/certificate.ts';
import { parseRtp, rtpPayload } from '../src/rtp/packet.ts';
import { Arrivals } from './arrivals.ts';
import { type CountFilter, countRtp, deafen } from './counting-socket.ts';
import { PAYLOAD_TYPE, viewerOffer } from './offer.ts';
import { readStamp } from './pattern.ts';
import { Peer } from './peer.ts';
import { SctpSink } from './sctp-sink.ts';

export class Viewer {
  readonly arrivals = new Arrivals();
  #peer: Peer | undefined;
  #sctp: SctpSink | undefined;
  #reads = true;
  /** Reading viewers only. */
  rtcpPackets = 0;
  /** Checks that were sent since the server answered the first one. */
  checksSent = 0;

  private constructor() {}

  static async join(endpoint: string, certificate: DtlsCertificate): Promise<Viewer> {
    const viewer = new Viewer();
    viewer.#peer = await Peer.connect({
      endpoint,
      certificate,
      writeOffer: viewerOffer,
      onRtp: (packet) => viewer.#receiveRtp(packet),
      onRtcp: () => viewer.rtcpPackets++,
      onData: (packet) => viewer.#sctp?.receive(packet),
    });
    return viewer;
  }

  get reads(): boolean {
    return this.#reads;
  }

  get port(): number {
    return this.#peer?.port ?? 0;
  }

  get dataMessages(): number {
    return this.#sctp?.messages ?? 0;
  }

  /** Starts an SCTP association; resolves when it is up. */
  async openData(): Promise<void> {
    this.#sctp = new SctpSink((packet) => void this.#peer?.sendData(packet).catch(() => {}));
    await this.#sctp.connect();
  }

  /** From now on only the kernel counts, at `port`: RTP with a filter, everything without one. @throws when it cannot */
  stopReading(filter: CountFilter | undefined): void {
    const socket = this.#peer?.socket;
    if (!socket) return;
    if (filter) countRtp(socket, filter);
    else deafen(socket);
    this.#peer?.forgetKeys();
    this.#reads = false;
  }

  sendCheck(): void {
    this.checksSent++;
    this.#peer?.sendCheck();
  }

  close(): void {
    this.#sctp?.close();
    this.#peer?.close();
  }

  #receiveRtp(bytes: Buffer): void {
    const receivedAtNs = process.hrtime.bigint();
    const packet = parseRtp(bytes);
    const stamp = packet && readStamp(rtpPayload(packet));
    if (!packet || !stamp) return;
    const kind = packet.payloadType === PAYLOAD_TYPE.audio ? 'audio' : 'video';
    this.arrivals.add(kind, packet.sequence, stamp, receivedAtNs);
  }
}
