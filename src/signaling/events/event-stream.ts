// One listener of a session's events: what it asked for, its open connection, and how much may wait for it.
// It must not know addresses, rights or other listeners.

import type { ServerResponse } from 'node:http';
import type { LayerView } from '../../broadcast/ports.ts';
import type { BroadcastView } from '../../broadcast/service.ts';
import { BroadcastNews, type EventName, type SessionNews } from './broadcast-news.ts';

/** Some hundred events: who reads so slowly is better off with a new connection, which begins with what holds then. */
const MAX_WAITING_BYTES = 64 * 1024;
/** How soon a browser connects again. */
const RETRY_MS = 1_000;

/** An open connection. */
interface Connection {
  readonly number: number;
  readonly response: ServerResponse;
  /** Where a player that shall come back sends its new offer. */
  readonly endpoint: string;
}

export class EventStream {
  readonly #wanted: ReadonlySet<EventName>;
  readonly #news = new BroadcastNews();
  #connection: Connection | undefined;
  #connections = 0;
  #reconnect: NodeJS.Timeout | undefined;
  /** It was time to come back while nobody listened. */
  #owesReconnect = false;

  constructor(wanted: Iterable<EventName>) {
    this.#wanted = new Set(wanted);
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * Whether a connection with this `Last-Event-ID` was replaced by a newer one, which is open. If it came in, too, the two
   * would push each other out for ever.
   */
  isReplaced(lastEventId: string | undefined): boolean {
    const number = Number(lastEventId);
    return lastEventId !== undefined && this.#connection !== undefined && number < this.#connection.number;
  }

  /** Begins to tell: all that holds now. The connection before ends. */
  open(
    response: ServerResponse,
    endpoint: string,
    holds: {
      readonly view: BroadcastView;
      readonly layers: readonly LayerView[];
      readonly videoMid: string | undefined;
    },
  ): void {
    this.#connection?.response.end();
    this.#connections += 1;
    const connection = { number: this.#connections, response, endpoint };
    this.#connection = connection;
    response.on('close', () => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    this.#write(`retry: ${RETRY_MS}\nid: ${connection.number}\n\n`);
    this.#tell(this.#news.begin(holds.view, holds.layers, holds.videoMid));
    if (this.#owesReconnect) this.#tellReconnect();
  }

  /** The broadcast changed. */
  changed(view: BroadcastView): void {
    if (this.#connection) this.#tell(this.#news.changes(view));
  }

  /** The publisher's layers did. */
  layersChanged(layers: readonly LayerView[], videoMid: string | undefined): void {
    if (this.#connection) this.#tell(this.#news.layers(layers, videoMid));
  }

  /** The player shall come back, after so long. */
  reconnectIn(afterMs: number): void {
    clearTimeout(this.#reconnect);
    this.#reconnect = setTimeout(() => this.#tellReconnect(), afterMs);
    this.#reconnect.unref();
  }

  /** It has come back. */
  reconnected(): void {
    clearTimeout(this.#reconnect);
    this.#reconnect = undefined;
    this.#owesReconnect = false;
  }

  /** A comment: proxies end connections on which nothing comes. */
  keepAlive(): void {
    this.#write(':\n\n');
  }

  /** @param isLastCall what waits to be told is told now */
  end(isLastCall: boolean): void {
    if (isLastCall && this.#reconnect) this.#tellReconnect();
    this.reconnected();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.response.end();
  }

  #tellReconnect(): void {
    clearTimeout(this.#reconnect);
    this.#reconnect = undefined;
    this.#owesReconnect = this.#connection === undefined;
    if (this.#connection) this.#tell([{ name: 'reconnect', data: { url: this.#connection.endpoint } }]);
  }

  #tell(news: readonly SessionNews[]): void {
    for (const { name, data } of news) {
      // In one line, as the draft wants it: JSON has no line breaks of its own.
      if (this.#wanted.has(name)) this.#write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  }

  #write(text: string): void {
    const response = this.#connection?.response;
    if (!response) return;
    if (response.writableLength > MAX_WAITING_BYTES) {
      this.#connection = undefined;
      response.destroy();
    } else response.write(text);
  }
}
