// A WebSocket client for tests: remembers what it hears and waits for what it should.

import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';

export interface Heard {
  readonly type: string;
  readonly [field: string]: unknown;
}

export class SocketClient {
  readonly socket: WebSocket;
  readonly heard: Heard[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiting: (() => void)[] = [];

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, options);
    this.socket.on('message', (data) => {
      this.heard.push(JSON.parse(data.toString()));
      for (const check of this.#waiting) check();
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    // A refused handshake is seen by `opened`.
    this.socket.on('error', () => {});
  }

  async opened(): Promise<this> {
    await once(this.socket, 'open');
    return this;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Says hello and waits for the welcome. */
  async hello(fields: object = {}): Promise<Heard> {
    this.send({ type: 'hello', role: 'viewer', broadcast: 'live', ...fields });
    return this.next('welcome');
  }

  /** Takes the first message of this type out of what was heard, or waits for it. */
  next(type: string): Promise<Heard> {
    return new Promise((resolve) => {
      const check = () => {
        const index = this.heard.findIndex((message) => message.type === type);
        if (index < 0) return;
        this.#waiting = this.#waiting.filter((each) => each !== check);
        const [message] = this.heard.splice(index, 1);
        if (message) resolve(message);
      };
      this.#waiting.push(check);
      check();
    });
  }

  /** Everything that the server has sent so far has been heard. */
  async settled(): Promise<void> {
    const id = `settled-${Math.random()}`;
    this.send({ type: 'ping', id });
    while ((await this.next('pong')).id !== id);
  }
}
