// What a handshake leaves behind, and the contract of both roles with dtls.ts. It must not know how a handshake goes.

import type { Fingerprint } from '../../sdp/offer.ts';
import type { DtlsCertificate } from '../certificate.ts';
import type { DtlsRecords } from '../dtls-records.ts';
import type { SrtpProfile } from '../srtp-keys.ts';

/** Master keys from the DTLS exporter. */
export interface ExportedKeys {
  readonly profile: SrtpProfile;
  readonly localKey: Buffer;
  readonly localSalt: Buffer;
  readonly remoteKey: Buffer;
  readonly remoteSalt: Buffer;
}

/** A peer that is proved. */
export interface Association {
  readonly records: DtlsRecords;
  /** Undefined when no SRTP was negotiated. */
  readonly srtpKeys: ExportedKeys | undefined;
  /** The end of the handshake is ours, and is said again when the peer repeats its own: what to send then. */
  readonly repeatEnd: (() => Buffer) | undefined;
}

export interface HandshakeOptions {
  readonly certificate: DtlsCertificate;
  readonly remoteFingerprints: readonly Fingerprint[];
  readonly send: (datagram: Buffer) => void;
  /** Told once, if ever. */
  readonly onDone: (association: Association) => void;
  /** A plain message was dropped, with why, for the log: it may be forged, or the peer may be wrong for good. */
  readonly onRefused: (detail: string) => void;
  /** Told once, if ever; with what is wrong, for the log. */
  readonly onFailed: (detail: string) => void;
}

export interface Handshake {
  /** Says hello, if that is this role's. */
  start(): void;
  /** A record of type handshake or ChangeCipherSpec, plain or encrypted. Never throws. */
  receive(record: Buffer): void;
  /** Sends nothing any more. */
  stop(): void;
}
