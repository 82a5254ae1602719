// One DTLS association (RFC 5764 over RFC 6347): which records may matter when, from the first to close_notify.
// The handshakes are in dtls/. It must not know ICE, SRTP packets or SCTP.

import type { Fingerprint } from '../sdp/offer.ts';
import type { DtlsCertificate } from './certificate.ts';
import type { Association, ExportedKeys, Handshake } from './dtls/association.ts';
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  CLOSE_NOTIFY,
  contentType,
  epochOf,
  FATAL,
  HANDSHAKE,
  isFinishedMessage,
  recordEnd,
  WARNING,
} from './dtls/records.ts';
import { ServerHandshake } from './dtls/server-handshake.ts';
import { WeriftClientHandshake } from './dtls/werift-client.ts';

/** Master keys from the DTLS exporter. */
export type SrtpKeys = ExportedKeys;

export interface DtlsOptions {
  readonly role: 'server' | 'client';
  readonly certificate: DtlsCertificate;
  readonly remoteFingerprints: readonly Fingerprint[];
  readonly send: (datagram: Buffer) => void;
  /** The handshake is done and the peer proved. Without keys when the peer negotiated no SRTP. */
  readonly onConnected: (keys: SrtpKeys | undefined) => void;
  readonly onData: (message: Buffer) => void;
  /** The peer closed, or the handshake failed; called at most once, never after `close()`. */
  readonly onClosed: (reason: 'closed-by-peer' | 'failed', detail: string) => void;
}

/** A handshake is a few kB, and again when it is repeated; more is somebody who keeps us busy. Whole datagrams, whatever is in them. */
const MAX_HANDSHAKE_BYTES = 64 * 1024;

/** Datagrams with DTLS start with a byte of 20 to 63 (RFC 7983 §7). */
export function isDtls(datagram: Uint8Array): boolean {
  const first = datagram[0] ?? 0;
  return first >= 20 && first <= 63;
}

export class Dtls {
  readonly #options: DtlsOptions;
  /** Until the peer is proved: what a handshake needs is let go with it. */
  #handshake: Handshake | undefined;
  /** From then on. */
  #association: Association | undefined;
  #closed = false;
  #handshakeBytes = 0;
  #refused: string | undefined;

  constructor(options: DtlsOptions) {
    this.#options = options;
    const { certificate, remoteFingerprints, send } = options;
    const handshakeOptions = {
      certificate,
      remoteFingerprints,
      send,
      onDone: (association: Association) => this.#finish(association),
      onRefused: (detail: string) => {
        this.#refused = detail;
      },
      onFailed: (detail: string) => this.#fail('failed', detail),
    };
    this.#handshake =
      options.role === 'server' ? new ServerHandshake(handshakeOptions) : new WeriftClientHandshake(handshakeOptions);
  }

  /** Why the last plain message was dropped, for the log of a setup that came to nothing. */
  get refused(): string | undefined {
    return this.#refused;
  }

  /** Client role only: sends the first hello. The peer's address must be known. */
  connect(): void {
    this.#handshake?.start();
  }

  /** A datagram from an address that passed ICE. Never throws. */
  receive(datagram: Buffer): void {
    if (!this.#association && !this.#closed) {
      this.#handshakeBytes += datagram.length;
      if (this.#handshakeBytes > MAX_HANDSHAKE_BYTES) this.#fail('failed', 'handshake is too large');
    }
    let offset = 0;
    while (!this.#closed) {
      const end = recordEnd(datagram, offset);
      if (end === undefined) return;
      this.#receiveRecord(datagram.subarray(offset, end));
      offset = end;
    }
  }

  /** Sends application data (an SCTP packet). */
  send(message: Buffer): void {
    this.#sendRecord(APPLICATION_DATA, message);
  }

  /** Says close_notify to a connected peer and stops. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#sendRecord(ALERT, Buffer.from([WARNING, CLOSE_NOTIFY]));
    this.#stop();
  }

  #receiveRecord(record: Buffer): void {
    if (this.#association) this.#receiveConnected(record, this.#association);
    else this.#receiveHandshake(record);
  }

  /** Alerts are not for this phase: who can write one in plain text may be anybody. */
  #receiveHandshake(record: Buffer): void {
    const type = contentType(record);
    if (type === HANDSHAKE || type === CHANGE_CIPHER_SPEC) this.#handshake?.receive(record);
  }

  /** Nothing plain matters any more, and no new handshake. */
  #receiveConnected(record: Buffer, { records, repeatEnd }: Association): void {
    if (epochOf(record) === 0) return;
    switch (contentType(record)) {
      case APPLICATION_DATA: {
        const message = records.unprotect(record);
        if (message) this.#options.onData(message);
        return;
      }
      case ALERT: {
        const alert = records.unprotect(record);
        if (alert) this.#receiveAlert(alert);
        return;
      }
      case HANDSHAKE:
        // The peer repeats its Finished, since our answer to it was lost.
        if (repeatEnd && isFinishedMessage(records.unprotect(record))) this.#options.send(repeatEnd());
        return;
      default:
    }
  }

  #receiveAlert([level, description]: Buffer): void {
    if (level === FATAL || description === CLOSE_NOTIFY) this.#fail('closed-by-peer', `alert ${level}/${description}`);
  }

  #sendRecord(type: number, content: Buffer): void {
    if (this.#association) this.#options.send(this.#association.records.protect(type, content));
  }

  #finish(association: Association): void {
    if (this.#closed) return;
    this.#handshake = undefined;
    this.#association = association;
    this.#options.onConnected(association.srtpKeys);
  }

  #fail(reason: 'closed-by-peer' | 'failed', detail: string): void {
    if (this.#closed) return;
    this.#stop();
    this.#options.onClosed(reason, detail);
  }

  #stop(): void {
    this.#closed = true;
    this.#handshake?.stop();
    this.#handshake = undefined;
    this.#association = undefined;
  }
}
