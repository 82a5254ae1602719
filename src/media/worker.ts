// The thread of a media worker: binds its socket, ties commands and events to main, survives what a peer may cause.
// All work is in media-worker.ts.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { fineMonotonicClock } from '../monotonic-clock.ts';
import { type ChosenEngine, chooseEngine } from './fanout/choose-engine.ts';
import { CNAME } from './identifiers.ts';
import { MediaWorker } from './media-worker.ts';
import { UdpFront } from './transport/udp-front.ts';
import type { WorkerCommand, WorkerEvent, WorkerSettings } from './worker-protocol.ts';

const COUNTERS_EVERY_MS = 1_000;
const LAG_RESOLUTION_MS = 10;

const main = parentPort;
if (!main) throw new Error('worker.ts runs as a worker thread');
const settings = workerData as WorkerSettings;
const emit = (event: WorkerEvent): void => main.postMessage(event);

// werift starts promises that nobody awaits; a peer can make one fail, and that must not end the others' broadcast.
process.on('unhandledRejection', (reason) => {
  emit({ type: 'trouble', message: `unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}` });
});

let front: UdpFront | undefined;
try {
  front = await UdpFront.bind(settings.udpPort, settings.host);
} catch (error) {
  emit({ type: 'bind-failed', errno: (error as NodeJS.ErrnoException).code ?? String(error) });
}

let chosen: ChosenEngine | undefined;
try {
  chosen = front && chooseEngine(settings.fanout, front, CNAME);
} catch (error) {
  emit({ type: 'engine-failed', reason: error instanceof Error ? error.message : String(error) });
  await front?.close();
}

if (front && chosen) {
  const { engine, reason } = chosen;
  const worker = new MediaWorker({ settings, front, engine, emit, now: fineMonotonicClock(settings.clockOrigin) });
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  const reporter = setInterval(() => {
    const lagSeconds = Math.max(0, lag.percentile(99) / 1e9 - LAG_RESOLUTION_MS / 1e3);
    lag.reset();
    emit({
      type: 'counters',
      counters: { ...worker.counters(), eventLoopLagSeconds: Number.isFinite(lagSeconds) ? lagSeconds : 0 },
    });
  }, COUNTERS_EVERY_MS);
  main.on('message', (command: WorkerCommand) => {
    if (command.type !== 'stop') {
      worker.handle(command);
      return;
    }
    clearInterval(reporter);
    // Ends this thread only; werift's timers of handshakes under way would hold it for seconds.
    void worker.stop().then(() => process.exit());
  });
  emit({ type: 'ready', udpPort: front.port, fanout: reason });
}
