// The whole HTTP side on real sockets, over a registry with fake media. For tests only.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Limits } from '../broadcast/limits.ts';
import { type Config, parseConfig } from '../config.ts';
import { createHttpApp } from '../http/app.ts';
import type { Readiness } from '../http/health.ts';
import { Rights } from '../http/rights.ts';
import { HttpServers } from '../http/server.ts';
import { JoinTimes } from '../join-times.ts';
import { createLogger } from '../logger.ts';
import { Metrics } from '../metrics.ts';
import { iceServersAt } from '../signaling/ice-servers.ts';
import { attachWebSocket, type WebSocketLimits } from '../signaling/websocket.ts';
import { Stage } from './stage.ts';

export interface RunningAppOptions {
  readonly env?: Record<string, string>;
  readonly limits?: Partial<Limits>;
  readonly webSocketLimits?: Partial<WebSocketLimits>;
  readonly templatesDir?: string;
  readonly staticDir?: string;
}

export class RunningApp {
  readonly stage: Stage;
  readonly logLines: string[] = [];
  readiness: Readiness = { ready: true, reasons: [] };
  readonly #servers: HttpServers;
  readonly #closers: (() => void | Promise<void>)[];

  private constructor(config: Config, options: RunningAppOptions) {
    const stage = new Stage(options.limits);
    this.stage = stage;
    const logger = createLogger({ level: 'trace', destination: { write: (line) => void this.logLines.push(line) } });
    const metrics = new Metrics({ totals: () => stage.registry.totals() });
    const joins = new JoinTimes({ service: stage.registry, metrics, now: () => stage.clock.now() });
    const rights = new Rights(config);
    const http = createHttpApp({
      config,
      service: stage.registry,
      metrics,
      joins,
      logger,
      rights,
      isReady: () => this.readiness,
      httpPort: () => this.#servers.ports.http,
      httpsPort: config.httpsPort || undefined,
      selfSigned: true,
      version: '1.2.3',
      ...options,
    });
    this.#servers = new HttpServers({ handler: http.app, host: '127.0.0.1', port: 0 });
    const webSocket = attachWebSocket({
      servers: this.#servers.servers,
      service: stage.registry,
      access: rights,
      iceServers: () => iceServersAt(config, Date.now()),
      logger,
      clientAddress: http.clientAddress,
      onFirstPicture: (sessionId, ms) => joins.pictureShown(sessionId, ms),
      ...(options.webSocketLimits ? { limits: options.webSocketLimits } : {}),
    });
    this.#closers = [
      () => webSocket.close(),
      () => http.close(),
      () => this.#servers.close(100),
      () => metrics.close(),
    ];
  }

  static async start(options: RunningAppOptions = {}): Promise<RunningApp> {
    const running = new RunningApp(parseConfig(options.env ?? {}), options);
    await running.#servers.listen();
    return running;
  }

  get port(): number {
    return this.#servers.ports.http ?? 0;
  }

  get webSocketUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, init);
  }

  /** Bytes as they are, for what fetch would not send; answers with everything until the server closes. */
  async raw(request: string): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.write(request);
    await once(socket, 'close');
    return answer;
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }
}

export const OFFER_TYPE = 'application/sdp';
export const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';

const OFFER_PASSWORD = 'asd88fgpdd777uzjYhagZg';

/** Just enough SDP for what HTTP looks at. */
export function offerWith(usernameFragment = 'EsAw', password = OFFER_PASSWORD): string {
  return `v=0\r\na=ice-ufrag:${usernameFragment}\r\na=ice-pwd:${password}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n`;
}

/** A fragment with one candidate; the same credentials as `offerWith()` when nothing is given. */
export function fragmentWith(usernameFragment = 'EsAw', password = OFFER_PASSWORD): string {
  return `a=ice-ufrag:${usernameFragment}\r\na=ice-pwd:${password}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n`;
}
