// What a slow reader loses, step by step, on a socket that only counts.

import { beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { Outbox } from './outbox.ts';

class CountingSocket {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: string[] = [];
  terminated = false;

  send(message: string | Buffer): void {
    this.sent.push(message.toString());
  }

  terminate(): void {
    this.terminated = true;
  }
}

let socket: CountingSocket;
let outbox: Outbox;

beforeEach(() => {
  socket = new CountingSocket();
  outbox = new Outbox(socket as unknown as WebSocket, { slowBytes: 100, terminateBytes: 400 });
});

function sendData(label: string, ...texts: string[]): void {
  for (const text of texts) outbox.sendData(label, Buffer.from(text));
}

const lost = (label: string, messages: number) => `{"type":"lost","label":"${label}","messages":${messages}}`;

describe('the outbox', () => {
  it('sends data while little waits', () => {
    socket.bufferedAmount = 100;
    sendData('chat', 'a', 'b');
    expect(socket.sent).toEqual(['a', 'b']);
  });

  it('loses data from then on until all is read, so that the order stays', () => {
    socket.bufferedAmount = 101;
    sendData('chat', 'a', 'b');
    socket.bufferedAmount = 50;
    sendData('chat', 'c');
    expect(socket.sent).toEqual([]);
    outbox.drained();
    sendData('chat', 'd');
    expect(socket.sent).toEqual([lost('chat', 3), 'd']);
  });

  it('keeps the newest of each state label, and does not count it as lost', () => {
    socket.bufferedAmount = 101;
    sendData('state', 'a');
    sendData('state/x', 'b', 'c');
    sendData('statement', 'd');
    socket.bufferedAmount = 0;
    outbox.drained();
    expect(socket.sent).toEqual([lost('state/x', 1), lost('statement', 1), 'a', 'c']);
  });

  it('tells once', () => {
    socket.bufferedAmount = 101;
    sendData('chat', 'a');
    socket.bufferedAmount = 0;
    outbox.drained();
    outbox.drained();
    expect(socket.sent).toEqual([lost('chat', 1)]);
  });

  it('sends what is not data at any time, until far too much waits', () => {
    socket.bufferedAmount = 400;
    outbox.send('news');
    expect(socket.sent).toEqual(['news']);
    socket.bufferedAmount = 401;
    outbox.send('more');
    expect(socket).toMatchObject({ sent: ['news'], terminated: true });
  });

  it('sends nothing to a socket that is closing', () => {
    socket.readyState = 2;
    outbox.send('news');
    sendData('chat', 'a');
    expect(socket.sent).toEqual([]);
  });
});
