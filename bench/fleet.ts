// All viewers of the load: joins them, keeps their consent checks going, and counts what arrived at them together.
// It must not know the publisher or what is measured.

import type { DtlsCertificate } from '../src/media/transport/certificate.ts';
import { type CountFilter, fillDeafSockets } from './counting-socket.ts';
import { kernelDrops } from './kernel-drops.ts';
import { Viewer } from './viewer.ts';

/** RFC 7675 §5.1: consent checks every 4 to 6 s; Chromium's and Firefox's connections are checked each 2.5 s. */
const CHECK_EVERY_MS = 2_500;
const CHECK_SLOTS = 100;
const JOINS_AT_ONCE = 16;
const MAX_ATTEMPTS = 3;
/** Sums over all viewers since they joined. Only differences mean something. */
export interface Tally {
  /** RTP packets at the counting viewers. Without a filter: datagrams less the answers to their checks and the reports. */
  readonly counted: number;
  /** RTP packets at the reading viewers. */
  readonly read: number;
}

export interface JoinOptions {
  /** The same for all viewers: making one costs more than a handshake. */
  readonly certificate: DtlsCertificate;
  readonly readOneIn: number;
  /** With an SCTP association; then everybody reads. */
  readonly withData: boolean;
}

export interface JoinCounts {
  readonly joined: number;
  /** Attempts that were made again: werift's DTLS client does not survive every retransmission, and a browser would try again too. */
  readonly retried: number;
  readonly failed: number;
  readonly firstError: string | undefined;
}

export class Fleet {
  readonly #viewers: Viewer[] = [];
  readonly #filter: CountFilter | undefined;
  #checks: NodeJS.Timeout | undefined;
  #slot = 0;

  /** @param filter without one the reports among the counted datagrams are estimated by those that the reading viewers got */
  constructor(filter: CountFilter | undefined) {
    this.#filter = filter;
  }

  get size(): number {
    return this.#viewers.length;
  }

  get readers(): Viewer[] {
    return this.#viewers.filter(({ reads }) => reads);
  }

  get dataMessages(): number {
    return this.#viewers.reduce((sum, { dataMessages }) => sum + dataMessages, 0);
  }

  /** Joins until there are `target` viewers. Never rejects: failures are counted. */
  async join(endpoint: string, target: number, options: JoinOptions): Promise<JoinCounts> {
    this.#checks ??= setInterval(() => this.#sendChecks(), CHECK_EVERY_MS / CHECK_SLOTS);
    let next = this.#viewers.length;
    let joined = 0;
    let retried = 0;
    let failed = 0;
    let firstError: string | undefined;
    const joinSome = async (): Promise<void> => {
      while (next < target) {
        const place = next++;
        for (let attempt = 1; ; attempt++) {
          try {
            const viewer = await Viewer.join(endpoint, options.certificate);
            if (options.withData) await viewer.openData();
            else if (place % options.readOneIn !== 0) viewer.stopReading(this.#filter);
            this.#viewers.push(viewer);
            joined++;
            break;
          } catch (error) {
            firstError ??= String(error);
            if (attempt < MAX_ATTEMPTS) retried++;
            else {
              failed++;
              break;
            }
          }
        }
      }
    };
    await Promise.all(Array.from({ length: JOINS_AT_ONCE }, joinSome));
    return { joined, retried, failed, firstError };
  }

  /** To be called after joining, while no media flows: from then on each datagram counts. */
  async fillBuffers(): Promise<void> {
    if (this.#filter) return;
    await fillDeafSockets(this.#viewers.filter(({ reads }) => !reads).map(({ port }) => port));
  }

  /** What arrived until now, read in one go. */
  tally(): Tally {
    const drops = kernelDrops();
    const { readers } = this;
    const reports = readers.length > 0 ? Math.round(this.#reports() / readers.length) : 0;
    let counted = 0;
    for (const { reads, port, checksSent } of this.#viewers) {
      if (!reads) counted += (drops.get(port) ?? 0) - (this.#filter ? 0 : checksSent + reports);
    }
    return { counted, read: readers.reduce((sum, { arrivals }) => sum + arrivals.packets, 0) };
  }

  close(): void {
    clearInterval(this.#checks);
    for (const viewer of this.#viewers) viewer.close();
    this.#viewers.length = 0;
  }

  #reports(): number {
    return this.readers.reduce((sum, { rtcpPackets }) => sum + rtcpPackets, 0);
  }

  #sendChecks(): void {
    this.#slot = (this.#slot + 1) % CHECK_SLOTS;
    for (let place = this.#slot; place < this.#viewers.length; place += CHECK_SLOTS) this.#viewers[place]?.sendCheck();
  }
}
