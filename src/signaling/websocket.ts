// The WebSocket endpoint /ws: takes connections, keeps them alive, and brings each event of the domain to those who want it.
// It must not know what is said in one conversation: websocket-connection.ts does.

import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { BroadcastEvent, BroadcastService } from '../broadcast/service.ts';
import type { Logger } from '../logger.ts';
import type { Access } from './access.ts';
import type { Interests } from './greeting.ts';
import { Groups } from './groups.ts';
import type { IceServer } from './ice-servers.ts';
import { dataFrame, serverMessage } from './messages.ts';
import { OUTBOX_LIMITS } from './outbox.ts';
import { type Topic, topicOf } from './people-messages.ts';
import { CLOSE, type ConnectionLimits, WebSocketConnection } from './websocket-connection.ts';

export interface WebSocketLimits extends ConnectionLimits {
  readonly messageBytes: number;
  readonly connectionsPerAddress: number;
  /** What a session is told goes to each of its sockets. A page has one. */
  readonly connectionsPerSession: number;
  readonly keepAliveMs: number;
  /** How long a client may take to answer a close. */
  readonly closeTimeoutMs: number;
}

export const WEBSOCKET_LIMITS: WebSocketLimits = {
  ...OUTBOX_LIMITS,
  helloTimeoutMs: 10_000,
  messagesPerSecond: 50,
  messageBurst: 100,
  hellosPerSecond: 1,
  helloBurst: 3,
  // 64 KiB in base64, with some JSON around it.
  messageBytes: 96 * 1024,
  // Many viewers may share one address behind a NAT.
  connectionsPerAddress: 500,
  connectionsPerSession: 8,
  keepAliveMs: 25_000,
  closeTimeoutMs: 1_000,
};

export interface WebSocketOptions {
  /** HTTP and HTTPS servers whose upgrades are handled. */
  readonly servers: readonly Server[];
  readonly service: BroadcastService;
  readonly access: Access;
  readonly iceServers: () => readonly IceServer[];
  readonly logger: Logger;
  /** Whom a connection counts for: the client's address, proxies considered; the socket's when not given. */
  readonly clientAddress?: (request: IncomingMessage) => string;
  readonly limits?: Partial<WebSocketLimits>;
  /** A viewer's page says how long its first picture took. */
  readonly onFirstPicture?: (sessionId: string, ms: number) => void;
  /** Unix ms. */
  readonly now?: () => number;
}

const PATH = '/ws';

/** Returns a handle whose `close` tells all clients that the server restarts; it resolves when they are gone. */
export function attachWebSocket(options: WebSocketOptions): { close(): Promise<void> } {
  return new WebSocketEndpoint(options);
}

class WebSocketEndpoint {
  readonly #options: WebSocketOptions;
  readonly #limits: WebSocketLimits;
  readonly #webSockets: WebSocketServer;
  readonly #connections = new Map<WebSocketConnection, Interests | undefined>();
  readonly #perAddress = new Map<string, number>();
  readonly #byBroadcast = new Groups<WebSocketConnection>();
  readonly #bySession = new Groups<WebSocketConnection>();
  readonly #dataByBroadcast = new Groups<WebSocketConnection>();
  readonly #byTopic = new Groups<WebSocketConnection>();
  readonly #keepAlive: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    this.#upgrade(request, socket, head);
  #isClosed = false;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#limits = { ...WEBSOCKET_LIMITS, ...options.limits };
    const serverOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.#limits.messageBytes,
      // Not in the type definitions of ws yet.
      closeTimeout: this.#limits.closeTimeoutMs,
    };
    this.#webSockets = new WebSocketServer(serverOptions);
    for (const server of options.servers) server.on('upgrade', this.#onUpgrade);
    this.#unsubscribe = options.service.subscribe(
      (event) => this.#deliver(event),
      (broadcast) => this.#byBroadcast.of(broadcast).size,
    );
    this.#keepAlive = setInterval(() => {
      for (const connection of this.#connections.keys()) connection.checkAlive();
    }, this.#limits.keepAliveMs);
    this.#keepAlive.unref();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#keepAlive);
    this.#unsubscribe();
    const closing = [...this.#connections.keys()].map((connection) => connection.closed);
    for (const connection of this.#connections.keys()) connection.close(CLOSE.restart, 'the server restarts');
    await Promise.all(closing);
    for (const server of this.#options.servers) server.off('upgrade', this.#onUpgrade);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A client that goes away during the handshake is no news.
    socket.on('error', () => socket.destroy());
    const address = this.#options.clientAddress?.(request) ?? request.socket.remoteAddress ?? '';
    const refusal = this.#refusalOf(request, address);
    if (refusal) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#accept(webSocket, request.socket, address);
    });
  }

  #refusalOf(request: IncomingMessage, address: string): string | undefined {
    if ((request.url ?? '').split('?')[0] !== PATH) return '404 Not Found';
    if (this.#isClosed || this.#options.service.isStopping) return '503 Service Unavailable';
    const count = this.#perAddress.get(address) ?? 0;
    return count >= this.#limits.connectionsPerAddress ? '429 Too Many Requests' : undefined;
  }

  #accept(webSocket: WebSocket, transport: Socket, address: string): void {
    const { service, access, iceServers, logger, now = Date.now, onFirstPicture = () => {} } = this.#options;
    // Errors are of the client (protocol, size); ws closes with the right code.
    webSocket.on('error', (error) => logger.debug({ err: error, address }, 'a WebSocket client broke the protocol'));
    const connection = new WebSocketConnection(webSocket, transport, {
      service,
      access,
      iceServers,
      logger,
      now,
      limits: this.#limits,
      onFirstPicture,
      subscribe: (who, interests) => this.#place(who, interests),
    });
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    this.#connections.set(connection, undefined);
    webSocket.on('close', () => {
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
      this.#place(connection, undefined);
      this.#connections.delete(connection);
    });
  }

  #place(connection: WebSocketConnection, interests: Interests | undefined): void {
    const before = this.#connections.get(connection);
    if (before) {
      this.#byBroadcast.remove(before.broadcast, connection);
      if (before.sessionId !== undefined) this.#bySession.remove(before.sessionId, connection);
      if (before.data) this.#dataByBroadcast.remove(before.broadcast, connection);
      for (const topic of before.topics) this.#byTopic.remove(topicKey(topic, before.broadcast), connection);
    }
    this.#connections.set(connection, interests);
    if (!interests) return;
    this.#byBroadcast.add(interests.broadcast, connection);
    if (interests.sessionId !== undefined) this.#tie(connection, interests.sessionId);
    if (interests.data) this.#dataByBroadcast.add(interests.broadcast, connection);
    for (const topic of interests.topics) this.#byTopic.add(topicKey(topic, interests.broadcast), connection);
  }

  /** The newest one speaks for the page of the moment; the one that is tied for longest gives way to one too many. */
  #tie(connection: WebSocketConnection, sessionId: string): void {
    for (const other of this.#bySession.of(sessionId)) other.succeeded();
    this.#bySession.add(sessionId, connection);
    const tied = this.#bySession.of(sessionId);
    const [oldest] = tied;
    if (!oldest || tied.size <= this.#limits.connectionsPerSession) return;
    this.#place(oldest, undefined);
    oldest.close(CLOSE.policy, 'too many sockets of this session');
  }

  /** Each event becomes bytes once, whatever the number of clients. */
  #deliver(event: BroadcastEvent): void {
    switch (event.type) {
      case 'broadcast':
        sendAll(this.#byBroadcast.of(event.broadcast.name), () => serverMessage.broadcast(event.broadcast));
        break;
      case 'session':
        sendAll(this.#bySession.of(event.session.id), () => serverMessage.session(event.session));
        if (event.session.state === 'ended') {
          for (const connection of [...this.#bySession.of(event.session.id)]) connection.sessionEnded();
        }
        break;
      case 'data-lost':
        sendAll(this.#bySession.of(event.sessionId), () => serverMessage.lost(event.label, event.messages));
        break;
      case 'reconnect':
        sendAll(this.#bySession.of(event.sessionId), () => serverMessage.reconnect(event.reason, event.afterMs));
        break;
      case 'data': {
        const readers = this.#dataByBroadcast.of(event.broadcast);
        if (readers.size === 0) break;
        const frame = dataFrame(event.message);
        for (const reader of readers) reader.sendData(event.message.label, frame);
        break;
      }
      default: {
        const told = topicOf(event, this.#options.service);
        if (told) sendAll(this.#byTopic.of(topicKey(told.topic, told.broadcast)), told.message);
      }
    }
  }
}

/** Names have no `/`. */
function topicKey(topic: Topic, broadcast: string): string {
  return `${topic}/${broadcast}`;
}

function sendAll(connections: ReadonlySet<WebSocketConnection>, message: () => string): void {
  if (connections.size === 0) return;
  const frame = Buffer.from(message());
  for (const connection of connections) connection.send(frame);
}
