// What main and media workers, and workers among themselves, say to each other. Types only; all of it is plain data
// that structured clone carries. Each port keeps its order.

import type { MessagePort } from 'node:worker_threads';
import type {
  DataMessage,
  IceDescription,
  OpenedTransport,
  OpenTransportRequest,
  TransportEvent,
  ViewerQuality,
} from '../broadcast/ports.ts';
import type { ErrorCode } from '../errors.ts';
import type { ClockOrigin } from '../monotonic-clock.ts';
import type { Codec, MediaKind } from '../rtp/codec.ts';
import type { GroupLimits } from '../rtp/group-of-pictures.ts';
import type { PassedExtensions } from '../rtp/header-extension.ts';
import type { FanoutChoice } from './fanout/engine.ts';
import type { DtlsCertificate } from './transport/certificate.ts';

/** `workerData` of a media worker. */
export interface WorkerSettings {
  readonly index: number;
  /** How many there are: they share the network. */
  readonly workers: number;
  readonly udpPort: number;
  readonly host: string;
  readonly certificate: DtlsCertificate;
  /** What the operator named as candidates, best first; may be empty. */
  readonly announcedAddresses: readonly string[];
  readonly hostAddresses: readonly string[];
  readonly maxPendingTransports: number;
  readonly fanout: FanoutChoice;
  /** How much of a broadcast's past is kept for those who join. */
  readonly startMemory: GroupLimits;
  /** All threads tell the same time. */
  readonly clockOrigin: ClockOrigin;
}

export type WorkerCommand =
  | { readonly type: 'open'; readonly request: number; readonly transport: OpenTransportRequest }
  | { readonly type: 'restart-ice'; readonly request: number; readonly transportId: string }
  | { readonly type: 'quality'; readonly request: number; readonly broadcast: string }
  | { readonly type: 'close'; readonly transportId: string }
  | {
      readonly type: 'data';
      readonly broadcast: string;
      readonly message: DataMessage;
      /** With a message that belongs to a video frame: the publisher's transport, whose numbers it has. */
      readonly timedBy?: string | undefined;
    }
  | { readonly type: 'open-label'; readonly broadcast: string; readonly label: string }
  | {
      readonly type: 'start-data';
      readonly transportId: string;
      readonly labels: readonly string[];
      readonly snapshot: readonly DataMessage[];
    }
  | { readonly type: 'refuse-data'; readonly transportId: string; readonly label: string; readonly code: ErrorCode }
  /** A line to another worker; replaces an older one. */
  | { readonly type: 'link'; readonly worker: number; readonly port: MessagePort }
  /** The worker that has the publisher of a broadcast; undefined when none has. */
  | { readonly type: 'source'; readonly broadcast: string; readonly worker: number | undefined }
  /** The publisher that a broadcast had is gone for good. */
  | { readonly type: 'end-source'; readonly broadcast: string }
  /** `sourceId`: the transport of the publisher that it has now. */
  | { readonly type: 'begin-source'; readonly broadcast: string; readonly sourceId: string }
  | { readonly type: 'stop' };

export interface WorkerFailure {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
}

/** Absolute values since the worker's start. */
export interface WorkerCounters {
  readonly rtpPacketsReceived: number;
  readonly rtpPacketsSent: number;
  readonly rtpBytesSent: number;
  readonly rtpPacketsDropped: Readonly<Record<string, number>>;
  readonly dataMessagesSent: number;
  /** Messages that belong to video frames which viewers do not get. */
  readonly timedMessagesDropped: number;
  /** Share of the thread's time that sending to viewers takes, 0 to 1. */
  readonly sendLoad: number;
  /** Viewers that the fan-out engine has keys for. */
  readonly fanoutMembers: number;
  /** How late the thread came to its work: 99th percentile since the last report. */
  readonly eventLoopLagSeconds: number;
}

export type Reply = Omit<OpenedTransport, 'worker'> | IceDescription | readonly ViewerQuality[];

export type WorkerEvent =
  /** `fanout` says which engine runs, and why. */
  | { readonly type: 'ready'; readonly udpPort: number; readonly fanout: string }
  /** The socket could not be bound; the worker ends. `errno` is the system's code, `EADDRINUSE` and so on. */
  | { readonly type: 'bind-failed'; readonly errno: string }
  /** The engine that the settings name cannot be had; the worker ends. */
  | { readonly type: 'engine-failed'; readonly reason: string }
  | {
      readonly type: 'reply';
      readonly request: number;
      readonly result?: Reply;
      readonly failure?: WorkerFailure;
    }
  | { readonly type: 'transport'; readonly event: TransportEvent; readonly detail?: string }
  | { readonly type: 'counters'; readonly counters: WorkerCounters }
  /** Something that should not happen and was survived. */
  | { readonly type: 'trouble'; readonly message: string };

/** What a publisher sends, parsed once for all: on its way to the viewers of each worker. */
export type SourceItem = SourcePacket | SourceReport | SourcePause;

export interface SourcePacket {
  readonly type: 'packet';
  readonly kind: MediaKind;
  /** The codec of the packet, by the publisher's payload type. */
  readonly codec: Codec;
  /** Tells the publisher's sources apart; sequence and timestamp go on within one. */
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  /** Without padding; empty for a packet of nothing else, which only fills its place in the numbers. */
  readonly payload: Uint8Array;
  /** A decoder that knows nothing yet can begin with this packet. */
  readonly startsDecoding: boolean;
  readonly extensions: PassedExtensions | undefined;
  readonly arrivedAtMs: number;
}

export interface SourceReport {
  readonly type: 'sender-report';
  readonly kind: MediaKind;
  readonly ssrc: number;
  readonly rtpTimestamp: number;
  /** Our clock at the moment that the RTP timestamp stands for, Unix ms. */
  readonly capturedAtMs: number;
}

/** The publisher is there and sends no video for now: who joins must not see what it showed before. */
export interface SourcePause {
  readonly type: 'pause';
  readonly kind: 'video';
}

/** What a publisher sent since its last key frame. */
export interface Past {
  readonly items: readonly (SourcePacket | SourceReport)[];
  /** Nobody can make it send a key frame before its time. */
  readonly isDeaf: boolean;
}

export type LinkMessage =
  | { readonly type: 'subscribe' | 'unsubscribe' | 'key-frame-wish'; readonly broadcast: string }
  | {
      readonly type: 'source';
      readonly broadcast: string;
      /** The publisher's transport: a new one continues the Timeline. */
      readonly sourceId: string;
      readonly items: readonly SourceItem[];
    }
  /** What was sent before the worker subscribed. */
  | ({ readonly type: 'past'; readonly broadcast: string; readonly sourceId: string } & Past);
