// All that clients reach by TCP, as one: pages, API, WHIP, WHEP and the WebSocket, over HTTP and HTTPS.
// It must not know the media plane or the store.

import type { Config } from '../config.ts';
import type { JoinTimes } from '../join-times.ts';
import { iceServersAt } from '../signaling/ice-servers.ts';
import { attachWebSocket } from '../signaling/websocket.ts';
import { createHttpApp, type HttpApp, type HttpAppOptions } from './app.ts';
import { Rights } from './rights.ts';
import { HttpServers } from './server.ts';
import type { Certificate } from './tls.ts';

export interface WebServerOptions
  extends Pick<HttpAppOptions, 'service' | 'metrics' | 'logger' | 'isReady' | 'version'> {
  readonly config: Config;
  readonly joins: Pick<JoinTimes, 'now' | 'answered' | 'pictureShown'>;
  /** Of the HTTPS listener; undefined: there is none. */
  readonly certificate: Certificate | undefined;
  /** Unix ms. */
  readonly now: () => number;
}

export class WebServer {
  readonly #app: HttpApp;
  readonly #servers: HttpServers;
  readonly #webSocket: { close(): Promise<void> };

  constructor({ config, certificate, now, ...shared }: WebServerOptions) {
    const { service, logger, joins } = shared;
    const rights = new Rights(config);
    this.#app = createHttpApp({
      ...shared,
      config,
      rights,
      httpPort: () => this.#servers.ports.http,
      httpsPort: certificate && config.httpsPort,
      selfSigned: certificate !== undefined && certificate.source !== 'settings',
    });
    this.#servers = new HttpServers({
      handler: this.#app.app,
      host: config.host,
      port: config.port,
      https: certificate && { port: config.httpsPort, cert: certificate.cert, key: certificate.key },
    });
    this.#webSocket = attachWebSocket({
      servers: this.#servers.servers,
      service,
      access: rights,
      iceServers: () => iceServersAt(config, now()),
      logger,
      clientAddress: this.#app.clientAddress,
      onFirstPicture: (sessionId, ms) => joins.pictureShown(sessionId, ms),
    });
  }

  /** The real ports, once they are open. */
  get ports(): HttpServers['ports'] {
    return this.#servers.ports;
  }

  /** Opens all ports or none. Error: ListenError. */
  listen(): Promise<void> {
    return this.#servers.listen();
  }

  /** Who asks again comes over a new connection, and so perhaps to another server. WebSockets stay. */
  closeIdle(): void {
    this.#servers.closeIdle();
  }

  /** Tells the WebSockets that the server restarts, ends event streams, and lets running requests end for a while. Idempotent. */
  async close(): Promise<void> {
    await this.#webSocket.close();
    // Before the servers: event streams are requests that would not end by themselves.
    this.#app.close();
    await this.#servers.close();
  }
}
