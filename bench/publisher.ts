// The publisher of the benchmark: the pattern over WHIP, with sender reports, and answers to NACK and PLI as a browser gives them.

import type { DtlsCertificate } from '../src/media/transport/certificate.ts';
import type { MediaKind } from '../src/rtp/codec.ts';
import { ntpFromUnixMs } from '../src/rtp/ntp.ts';
import { RTP_HEADER_LENGTH, writeRtpHeader } from '../src/rtp/packet.ts';
import { parseRtcp } from '../src/rtp/rtcp.ts';
import { writeSenderReport } from '../src/rtp/rtcp-writer.ts';
import { PAYLOAD_TYPE, PUBLISHER_SSRC, publisherOffer } from './offer.ts';
import { type PacedPacket, PacedPattern } from './paced-pattern.ts';
import { Peer } from './peer.ts';

/** Packets that can be sent again, per SSRC: some 3 s. */
const MAX_REMEMBERED = 512;
const REPORT_EVERY_MS = 1_000;

export class Publisher {
  #peer: Peer | undefined;
  readonly #pattern = new PacedPattern((packet) => this.#send(packet));
  /** SSRC and sequence number → the datagram as it was sent. */
  readonly #sent = new Map<string, Buffer>();
  readonly #octets: Record<MediaKind, number> = { video: 0, audio: 0 };
  #reports: NodeJS.Timeout | undefined;
  /** Packets that the server asked for again: its socket overflowed. */
  repeated = 0;

  private constructor() {}

  static async connect(endpoint: string, certificate: DtlsCertificate): Promise<Publisher> {
    const publisher = new Publisher();
    publisher.#peer = await Peer.connect({
      endpoint,
      certificate,
      writeOffer: publisherOffer,
      onRtcp: (packet) => publisher.#receiveRtcp(packet),
    });
    return publisher;
  }

  /** The packet number that comes next, by kind. */
  get nextNumbers(): Record<MediaKind, number> {
    return { video: this.#pattern.place('video').packets, audio: this.#pattern.place('audio').packets };
  }

  start(): void {
    this.#pattern.start();
    this.#reports = setInterval(() => this.#report(), REPORT_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#reports);
    this.#pattern.stop();
  }

  sendCheck(): void {
    this.#peer?.sendCheck();
  }

  close(): void {
    this.stop();
    this.#peer?.close();
  }

  #send({ kind, marker, sequence, timestamp, payload }: PacedPacket): void {
    const ssrc = PUBLISHER_SSRC[kind];
    const packet = Buffer.allocUnsafe(RTP_HEADER_LENGTH + payload.length);
    writeRtpHeader(packet, { payloadType: PAYLOAD_TYPE[kind], marker, sequence, timestamp, ssrc });
    packet.set(payload, RTP_HEADER_LENGTH);
    this.#octets[kind] += payload.length;
    const datagram = this.#peer?.sendRtp(packet);
    if (!datagram) return;
    this.#sent.set(`${ssrc}/${sequence}`, datagram);
    if (this.#sent.size <= 2 * MAX_REMEMBERED) return;
    for (const oldest of this.#sent.keys()) {
      this.#sent.delete(oldest);
      break;
    }
  }

  #receiveRtcp(bytes: Buffer): void {
    for (const packet of parseRtcp(bytes)) {
      if (packet.type === 'pli' || packet.type === 'fir') this.#pattern.wishKeyFrame();
      if (packet.type !== 'nack') continue;
      for (const sequence of packet.lost) {
        const datagram = this.#sent.get(`${packet.mediaSsrc}/${sequence}`);
        if (!datagram) continue;
        this.repeated++;
        this.#peer?.send(datagram);
      }
    }
  }

  #report(): void {
    for (const kind of ['video', 'audio'] as const) {
      const { timestamp, packets } = this.#pattern.place(kind);
      const report = writeSenderReport({
        ssrc: PUBLISHER_SSRC[kind],
        ntp: ntpFromUnixMs(Date.now()),
        rtpTimestamp: timestamp,
        packetCount: packets,
        octetCount: this.#octets[kind],
        cname: 'bench',
      });
      this.#peer?.sendRtcp(Buffer.from(report));
    }
  }
}
