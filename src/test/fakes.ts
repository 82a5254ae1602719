// Stand-ins for the ports, for tests of any folder: time that moves by hand, and a media plane that only notes.
// They must not know the registry.

import type {
  Clock,
  DataMessage,
  IceDescription,
  MediaPort,
  OpenedTransport,
  OpenTransportRequest,
  TransportEvent,
  ViewerQuality,
} from '../broadcast/ports.ts';
import type { ErrorCode } from '../errors.ts';
import type { Codec, Track } from '../rtp/codec.ts';

interface Appointment {
  readonly atMs: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #nowMs: number;
  readonly #appointments = new Set<Appointment>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#appointments.size;
  }

  now(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const appointment = { atMs: this.#nowMs + delayMs, callback };
    this.#appointments.add(appointment);
    return () => this.#appointments.delete(appointment);
  }

  /** Moves time on and calls back what is due, each at its time. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#nextUntil(untilMs); next !== undefined; next = this.#nextUntil(untilMs)) {
      this.#appointments.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }

  #nextUntil(untilMs: number): Appointment | undefined {
    let next: Appointment | undefined;
    for (const appointment of this.#appointments) {
      if (appointment.atMs <= untilMs && (next === undefined || appointment.atMs < next.atMs)) next = appointment;
    }
    return next;
  }
}

/** An `openTransport` that waits for the test to answer it. */
export interface HeldOpen {
  readonly request: OpenTransportRequest;
  answer(): void;
  fail(error: Error): void;
}

export const VP8: Codec = { kind: 'video', name: 'VP8', clockRate: 90_000, parameters: {} };
export const AV1: Codec = { kind: 'video', name: 'AV1', clockRate: 90_000, parameters: {} };
export const OPUS: Codec = { kind: 'audio', name: 'opus', clockRate: 48_000, channels: 2, parameters: {} };

export function trackOf(codec: Codec): Track {
  return { kind: codec.kind, codec, layers: 1 };
}

export class FakeMedia implements MediaPort {
  /** Every command in order, in words: `open t1`, `close t1`, `send live chat hello`. */
  readonly commands: string[] = [];
  readonly requests: OpenTransportRequest[] = [];
  /** Transports that were answered and not closed since, by either side. */
  readonly openTransports = new Set<string>();
  readonly sent: {
    readonly broadcast: string;
    readonly message: DataMessage;
    readonly timedBy: string | undefined;
  }[] = [];
  readonly started: {
    readonly transportId: string;
    readonly labels: readonly string[];
    readonly snapshot: readonly DataMessage[];
  }[] = [];
  /** Broadcasts whose publisher is gone for good, each time. */
  readonly endedSources: string[] = [];
  /** Of all broadcasts, the newest last. */
  readonly begunSources: string[] = [];
  readonly openedLabels: { readonly broadcast: string; readonly label: string }[] = [];
  readonly refused: { readonly transportId: string; readonly label: string; readonly code: ErrorCode }[] = [];
  readonly held: HeldOpen[] = [];
  /** True: `openTransport` waits in `held`. */
  holding = false;
  /** Set: the next `openTransport` calls reject with it. */
  failure: Error | undefined;
  /** What publishers send and viewers can receive from now on. */
  tracks: readonly Track[] = [trackOf(VP8), trackOf(OPUS)];
  codecs: readonly Codec[] = [VP8, OPUS];
  /** What is known of how the viewers of each broadcast receive. */
  readonly qualities = new Map<string, readonly ViewerQuality[]>();
  #iceSessions = 0;
  #listener: ((event: TransportEvent) => void) | undefined;

  openTransport(request: OpenTransportRequest): Promise<OpenedTransport> {
    this.commands.push(`open ${request.transportId}`);
    this.requests.push(request);
    if (this.failure) return Promise.reject(this.failure);
    if (!this.holding) return Promise.resolve(this.#answerTo(request));
    return new Promise((resolve, reject) => {
      this.held.push({ request, answer: () => resolve(this.#answerTo(request)), fail: reject });
    });
  }

  restartIce(transportId: string): Promise<IceDescription> {
    this.commands.push(`restart ${transportId}`);
    this.#iceSessions += 1;
    const usernameFragment = `ice${this.#iceSessions}`;
    return Promise.resolve({ usernameFragment, password: 'password', candidates: [] });
  }

  closeTransport(transportId: string): void {
    this.commands.push(`close ${transportId}`);
    this.openTransports.delete(transportId);
  }

  endSource(broadcast: string): void {
    this.endedSources.push(broadcast);
  }

  beginSource(_broadcast: string, transportId: string): void {
    this.begunSources.push(transportId);
  }

  sendData(broadcast: string, message: DataMessage, timedBy?: string): void {
    this.commands.push(`send ${broadcast} ${message.label} ${Buffer.from(message.payload).toString()}`);
    this.sent.push({ broadcast, message, timedBy });
  }

  startData(transportId: string, labels: readonly string[], snapshot: readonly DataMessage[]): void {
    this.commands.push(`start ${transportId}`);
    this.started.push({ transportId, labels, snapshot });
  }

  openDataLabel(broadcast: string, label: string): void {
    this.commands.push(`label ${broadcast} ${label}`);
    this.openedLabels.push({ broadcast, label });
  }

  refuseData(transportId: string, label: string, code: ErrorCode): void {
    this.commands.push(`refuse ${label} ${code}`);
    this.refused.push({ transportId, label, code });
  }

  viewerQuality(broadcast: string): Promise<readonly ViewerQuality[]> {
    return Promise.resolve(this.qualities.get(broadcast) ?? []);
  }

  listen(listener: (event: TransportEvent) => void): void {
    this.#listener = listener;
  }

  emit(event: TransportEvent): void {
    if (event.type === 'closed') this.openTransports.delete(event.transportId);
    this.#listener?.(event);
  }

  /** Id of the transport that was asked for last. */
  get lastTransportId(): string {
    const request = this.requests.at(-1);
    if (!request) throw new Error('No transport was asked for');
    return request.transportId;
  }

  #answerTo(request: OpenTransportRequest): OpenedTransport {
    this.openTransports.add(request.transportId);
    this.#iceSessions += 1;
    return {
      answer: `answer to ${request.offer}`,
      iceTag: `ice${this.#iceSessions}`,
      tracks: request.role === 'publisher' ? this.tracks : [],
      codecs: request.role === 'viewer' ? this.codecs : [],
      worker: 0,
    };
  }
}

export function textMessage(label: string, text: string): DataMessage {
  return { label, binary: false, payload: new TextEncoder().encode(text) };
}
