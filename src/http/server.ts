// The listening sockets for HTTP and HTTPS: opening them with errors that say what to do, and closing them in order.
// It must not know what is served.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface HttpServersOptions {
  readonly handler: RequestListener;
  /** Empty: all interfaces, IPv4 and IPv6. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly https?: { readonly port: number; readonly cert: string; readonly key: string } | undefined;
}

/** A port that cannot be had. The message says which, and which setting changes it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const TIMEOUTS = {
  // Bodies are small: who takes longer holds a connection for nothing.
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // Longer than the 60 s for which usual reverse proxies keep a connection.
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
};
const CLOSE_GRACE_MS = 2_000;

interface Listener {
  readonly server: Server;
  readonly port: number;
  readonly setting: 'PORT' | 'HTTPS_PORT';
}

export class HttpServers {
  readonly #listeners: readonly Listener[];
  readonly #host: string;
  readonly #sockets = new Set<Socket>();

  constructor({ handler, host, port, https }: HttpServersOptions) {
    // Some HTTP clients (Java's, curl --http2) ask every server for h2c: they get a plain answer instead of an upgrade.
    const options = {
      ...TIMEOUTS,
      shouldUpgradeCallback: ({ headers }: { headers: { upgrade?: string | undefined } }) =>
        headers.upgrade?.toLowerCase() === 'websocket',
    };
    this.#host = host;
    const plain: Listener = { server: createServer(options, handler), port, setting: 'PORT' };
    this.#listeners = https
      ? [
          plain,
          {
            server: createSecureServer({ ...options, cert: https.cert, key: https.key }, handler),
            port: https.port,
            setting: 'HTTPS_PORT',
          },
        ]
      : [plain];
    for (const { server } of this.#listeners) {
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      });
    }
  }

  /** HTTP, then HTTPS if there is one. */
  get servers(): readonly Server[] {
    return this.#listeners.map(({ server }) => server);
  }

  /** The real ports, once they are open. */
  get ports(): { readonly http: number | undefined; readonly https: number | undefined } {
    const [http, https] = this.servers.map((server) => (server.address() as AddressInfo | null)?.port);
    return { http, https };
  }

  /** Opens all ports or none. Error: ListenError. */
  async listen(): Promise<void> {
    try {
      for (const listener of this.#listeners) await this.#open(listener);
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  /** Ends the connections that wait for a next request: it may go to another server at this address. */
  closeIdle(): void {
    for (const server of this.servers) server.closeIdleConnections();
  }

  /** Takes no new connections, lets running requests end for a while, then ends what is left. Idempotent. */
  async close(graceMs = CLOSE_GRACE_MS): Promise<void> {
    const open = this.servers.filter((server) => server.listening);
    const closed = open.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  #open({ server, port, setting }: Listener): Promise<void> {
    const host = this.#host;
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException) => reject(listenError(error, { host, port, setting }));
      server.once('error', fail);
      // Without a host Node takes `::`, which has IPv4 too, and 0.0.0.0 where there is no IPv6.
      server.listen({ port, ...(host ? { host } : {}) }, () => {
        server.off('error', fail);
        resolve();
      });
    });
  }
}

function listenError(error: NodeJS.ErrnoException, at: { host: string; port: number; setting: string }): Error {
  const { host, port, setting } = at;
  switch (error.code) {
    case 'EADDRINUSE':
      return new ListenError(`Port ${port} is taken by another program. Choose another one with ${setting}.`, {
        cause: error,
      });
    case 'EACCES':
      return new ListenError(`Port ${port} may not be opened by this user. Choose one above 1023 with ${setting}.`, {
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ListenError(`${host} is no address of this machine. Change HOST, or leave it empty for all.`, {
        cause: error,
      });
    default:
      return new ListenError(`Port ${port} (${setting}) cannot be opened: ${error.message}`, { cause: error });
  }
}
