// Metrics: fixed names, and counters that only grow.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkerCounters } from './media/worker-protocol.ts';
import { Metrics } from './metrics.ts';

const NONE: WorkerCounters = {
  rtpPacketsReceived: 0,
  rtpPacketsSent: 0,
  rtpBytesSent: 0,
  rtpPacketsDropped: {},
  dataMessagesSent: 0,
  timedMessagesDropped: 0,
  sendLoad: 0,
  fanoutMembers: 0,
  eventLoopLagSeconds: 0,
};

describe('metrics', () => {
  let totals = { broadcasts: 0, viewers: 0 };
  let metrics: Metrics;

  beforeEach(() => {
    totals = { broadcasts: 0, viewers: 0 };
    metrics = new Metrics({ totals: () => totals });
  });
  afterEach(() => metrics.close());

  async function readSeries(series: string): Promise<number | undefined> {
    const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  }

  it.each([
    'fanlight_broadcasts',
    'fanlight_viewers',
    'fanlight_rtp_packets_received_total',
    'fanlight_rtp_packets_sent_total',
    'fanlight_rtp_bytes_sent_total',
    'fanlight_rtp_packets_dropped_total',
    'fanlight_data_messages_sent_total',
    'fanlight_timed_messages_dropped_total',
    'fanlight_join_seconds',
    'fanlight_event_loop_lag_seconds',
    'process_cpu_user_seconds_total',
  ])('have the name %s', async (name) => {
    expect(await metrics.text()).toContain(`# TYPE ${name} `);
  });

  it('ask the domain for its totals when they are read', async () => {
    totals = { broadcasts: 2, viewers: 40 };
    expect(await readSeries('fanlight_broadcasts')).toBe(2);
    expect(await readSeries('fanlight_viewers')).toBe(40);
  });

  it('add up the counts of all workers', async () => {
    metrics.workerCounters(0, { ...NONE, rtpPacketsSent: 10, rtpPacketsDropped: { replayed: 1 } });
    metrics.workerCounters(1, { ...NONE, rtpPacketsSent: 5, rtpPacketsDropped: { replayed: 2, unknown: 3 } });
    metrics.workerCounters(0, { ...NONE, rtpPacketsSent: 12, rtpPacketsDropped: { replayed: 1 } });
    expect(await readSeries('fanlight_rtp_packets_sent_total')).toBe(17);
    expect(await readSeries('fanlight_rtp_packets_dropped_total{reason="replayed"}')).toBe(3);
    expect(await readSeries('fanlight_rtp_packets_dropped_total{reason="unknown"}')).toBe(3);
  });

  it('go on growing when a worker starts at nothing again', async () => {
    metrics.workerCounters(0, { ...NONE, rtpBytesSent: 1000 });
    metrics.workerCounters(0, { ...NONE, rtpBytesSent: 100 });
    expect(await readSeries('fanlight_rtp_bytes_sent_total')).toBe(1100);
  });

  it('count all of a new worker that is ahead of the old one at its first report', async () => {
    metrics.workerCounters(0, { ...NONE, rtpBytesSent: 1000 });
    metrics.workerStarted(0);
    metrics.workerCounters(0, { ...NONE, rtpBytesSent: 1500 });
    expect(await readSeries('fanlight_rtp_bytes_sent_total')).toBe(2500);
  });

  it('tell the lag of each thread', async () => {
    metrics.workerCounters(1, { ...NONE, eventLoopLagSeconds: 0.25 });
    expect(await readSeries('fanlight_event_loop_lag_seconds{thread="worker-1"}')).toBe(0.25);
    expect(await readSeries('fanlight_event_loop_lag_seconds{thread="main"}')).toBeGreaterThanOrEqual(0);
  });

  it('sort joins into buckets by phase', async () => {
    metrics.observeJoin('request', 0.02);
    metrics.observeJoin('connect', 0.3);
    expect(await readSeries('fanlight_join_seconds_bucket{le="0.025",phase="request"}')).toBe(1);
    expect(await readSeries('fanlight_join_seconds_bucket{le="0.25",phase="connect"}')).toBe(0);
    expect(await readSeries('fanlight_join_seconds_count{phase="connect"}')).toBe(1);
  });
});
