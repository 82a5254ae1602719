// The metrics that operators rely on, under fixed names, in Prometheus text.
// It must not know where numbers come from: workers report absolute counts, the domain is asked by a callback.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { JoinPhase } from './join-times.ts';
import type { WorkerCounters } from './media/worker-protocol.ts';

export interface MetricsOptions {
  readonly totals: () => { readonly broadcasts: number; readonly viewers: number };
}

/** Joins on a good network take 0.05 to 0.3 s; above 10 s nobody waits. */
const JOIN_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10];
const LAG_RESOLUTION_MS = 10;

export class Metrics {
  readonly #registry = new Registry();
  readonly #mainLoopDelay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  /** Last absolute count by worker and counter. */
  readonly #lastCounts = new Map<number, Map<string, number>>();
  readonly #rtpPacketsReceived: Counter;
  readonly #rtpPacketsSent: Counter;
  readonly #rtpBytesSent: Counter;
  readonly #rtpPacketsDropped: Counter<'reason'>;
  readonly #dataMessagesSent: Counter;
  readonly #timedMessagesDropped: Counter;
  readonly #joinSeconds: Histogram<'phase'>;
  readonly #eventLoopLagSeconds: Gauge<'thread'>;
  readonly #sendLoad: Gauge<'thread'>;
  readonly #fanoutMembers: Gauge<'thread'>;

  constructor({ totals }: MetricsOptions) {
    const registers = [this.#registry];
    const counter = (name: string, help: string) => new Counter({ name: `fanlight_${name}`, help, registers });
    this.#rtpPacketsReceived = counter('rtp_packets_received_total', 'RTP packets that came from publishers.');
    this.#rtpPacketsSent = counter('rtp_packets_sent_total', 'RTP packets that went to viewers.');
    this.#rtpBytesSent = counter('rtp_bytes_sent_total', 'Bytes of RTP packets that went to viewers.');
    this.#dataMessagesSent = counter('data_messages_sent_total', 'Data messages that went to viewers.');
    this.#timedMessagesDropped = counter(
      'timed_messages_dropped_total',
      'Data messages of video frames that viewers did not get.',
    );
    this.#rtpPacketsDropped = new Counter({
      name: 'fanlight_rtp_packets_dropped_total',
      help: 'RTP packets that were not forwarded, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#joinSeconds = new Histogram({
      name: 'fanlight_join_seconds',
      help:
        'How long joining took, by phase: request, ice, dtls (connect is the three together), then packet and key-frame ' +
        "(until the first one leaves), picture (a page's click until its first frame). publish-…: the same of publishers.",
      labelNames: ['phase'],
      buckets: JOIN_BUCKETS_SECONDS,
      registers,
    });
    this.#gauge('fanlight_broadcasts', 'Broadcasts that are not idle.', () => totals().broadcasts);
    this.#gauge('fanlight_viewers', 'Viewers that are connecting or connected.', () => totals().viewers);
    this.#eventLoopLagSeconds = this.#lagGauge();
    this.#sendLoad = this.#workerGauge(
      'fanlight_send_load',
      "Share of a media worker's time that sending to viewers takes, 0 to 1.",
    );
    this.#fanoutMembers = this.#workerGauge(
      'fanlight_fanout_members',
      "Viewers that a media worker's fan-out engine holds keys for.",
    );
    this.#mainLoopDelay.enable();
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Takes a worker's counts since it began. Counts that went back mean that it was started anew. */
  workerCounters(worker: number, counters: WorkerCounters): void {
    const last = this.#lastCounts.get(worker) ?? new Map<string, number>();
    this.#lastCounts.set(worker, last);
    const grown = (name: string, count: number) => {
      const before = last.get(name) ?? 0;
      last.set(name, count);
      return count < before ? count : count - before;
    };
    this.#rtpPacketsReceived.inc(grown('received', counters.rtpPacketsReceived));
    this.#rtpPacketsSent.inc(grown('sent', counters.rtpPacketsSent));
    this.#rtpBytesSent.inc(grown('bytes', counters.rtpBytesSent));
    this.#dataMessagesSent.inc(grown('data', counters.dataMessagesSent));
    this.#timedMessagesDropped.inc(grown('timed dropped', counters.timedMessagesDropped));
    for (const [reason, count] of Object.entries(counters.rtpPacketsDropped)) {
      this.#rtpPacketsDropped.inc({ reason }, grown(`dropped ${reason}`, count));
    }
    const thread = `worker-${worker}`;
    this.#eventLoopLagSeconds.set({ thread }, counters.eventLoopLagSeconds);
    this.#sendLoad.set({ thread }, counters.sendLoad);
    this.#fanoutMembers.set({ thread }, counters.fanoutMembers);
  }

  /** Call it when a worker starts anew: a new one that is soon ahead of the old one's counts would go unnoticed. */
  workerStarted(worker: number): void {
    this.#lastCounts.delete(worker);
  }

  observeJoin(phase: JoinPhase, seconds: number): void {
    this.#joinSeconds.observe({ phase }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#mainLoopDelay.disable();
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  #workerGauge(name: string, help: string): Gauge<'thread'> {
    return new Gauge({ name, help, labelNames: ['thread'], registers: [this.#registry] });
  }

  #lagGauge(): Gauge<'thread'> {
    const delay = this.#mainLoopDelay;
    return new Gauge({
      name: 'fanlight_event_loop_lag_seconds',
      help: 'How late a thread comes to its work: 99th percentile since the last look.',
      labelNames: ['thread'],
      registers: [this.#registry],
      collect() {
        // The histogram holds the whole time between two ticks, so the tick itself is taken off.
        const lagSeconds = delay.count > 0 ? delay.percentile(99) / 1e9 - LAG_RESOLUTION_MS / 1000 : 0;
        this.set({ thread: 'main' }, Math.max(0, lagSeconds));
        delay.reset();
      },
    });
  }
}
