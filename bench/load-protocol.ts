// What the orchestrator and the load process say to each other. Plain data: it crosses a process boundary.

import type { JoinCounts } from './fleet.ts';

export interface LoadTarget {
  /** Of the server, without a slash at its end. */
  readonly url: string;
  readonly serverPid: number;
  readonly serverCore: number | undefined;
  /** Who makes the media: our publisher over WHIP, or the server itself (`POST /start`, `POST /stop`). */
  readonly source: 'publisher' | 'server';
  /** One in so many viewers decrypts; the others only count. */
  readonly readOneIn: number;
  /** count-filter.c, compiled; without it the counting viewers' figures are estimates. */
  readonly filterAddon: string | undefined;
}

export type LoadCommand =
  | { readonly type: 'target'; readonly target: LoadTarget }
  /** Joins more viewers until there are so many. */
  | { readonly type: 'join'; readonly viewers: number; readonly withData: boolean }
  | { readonly type: 'publish' }
  | { readonly type: 'run'; readonly warmUpMs: number; readonly measureMs: number }
  | { readonly type: 'idle'; readonly measureMs: number }
  | { readonly type: 'data'; readonly messagesPerSecond: number; readonly bytes: number; readonly measureMs: number }
  /** Opens sockets that only count, for the bare loop. */
  | { readonly type: 'sinks'; readonly count: number; readonly filterAddon: string };

/** CPU of both sides during some time. */
export interface Spent {
  readonly seconds: number;
  readonly serverCpuMs: number;
  readonly loadCpuMs: number;
  /** Of the server's core, whoever used it; undefined when the server is on no core of its own. */
  readonly coreBusyMs: number | undefined;
  /** Of that, software interrupts. */
  readonly coreSoftInterruptMs: number | undefined;
}

export type JoinResult = Spent & JoinCounts;

export interface RunResult extends Spent {
  readonly viewers: number;
  readonly readers: number;
  /** RTP packets that arrived during the measured time, at all viewers together. */
  readonly delivered: number;
  readonly publishedPerSecond: number;
  /** False: `delivered` and `lost` are off by some packets per viewer, since no filter could be compiled. */
  readonly exact: boolean;
  /** Of the whole run, warm-up included: sent by the publisher and not seen by some viewer, summed over the viewers. */
  readonly lost: number;
  readonly lostOfReaders: number;
  readonly expected: number;
  readonly duplicates: number;
  readonly reordered: number;
  readonly misnumbered: number;
  /** Packets that the server asked the publisher for again. */
  readonly repeatedByPublisher: number;
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
}

export interface DataResult extends Spent {
  readonly viewers: number;
  readonly messagesSent: number;
  /** At all viewers together. */
  readonly delivered: number;
  readonly expected: number;
}

export interface LoadResults {
  readonly target: undefined;
  readonly join: JoinResult;
  readonly publish: undefined;
  readonly run: RunResult;
  readonly idle: Spent;
  readonly data: DataResult;
  readonly sinks: readonly number[];
}

export type LoadReply = { readonly result: unknown } | { readonly error: string };
