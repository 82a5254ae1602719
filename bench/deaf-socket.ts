// Makes a UDP socket deaf: Node stops reading it, so that the kernel drops what arrives and counts it.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOPBACK = '127.0.0.1';
/** The kernel gives its minimum, 2 to 5 kB: room for a few small datagrams. */
const SMALLEST_BUFFER_BYTES = 1;
/** As many small datagrams as fill it for certain. */
const FILLERS = 12;
/** So many sockets are filled before the sender takes a breath. */
const FILLED_AT_ONCE = 64;

/** What of a socket's inner handle is needed: closing the reading side, or else epoll would report each datagram. */
interface SocketHandle {
  recvStop(): void;
}

/** @throws when this version of Node has no way to do it */
export function deafen(socket: Socket): void {
  handleOf(socket).recvStop();
  socket.setRecvBufferSize(SMALLEST_BUFFER_BYTES);
}

/** Fills the buffers of deaf sockets, so that from now on every datagram is dropped and counted, the first one too. */
export async function fillDeafSockets(ports: readonly number[]): Promise<void> {
  const filler = createSocket('udp4');
  const nothing = Buffer.alloc(1);
  for (let begin = 0; begin < ports.length; begin += FILLED_AT_ONCE) {
    for (const port of ports.slice(begin, begin + FILLED_AT_ONCE)) {
      for (let sent = 0; sent < FILLERS; sent++) filler.send(nothing, port, LOOPBACK);
    }
    await sleep(2);
  }
  await sleep(100);
  filler.close();
}

/** Opens deaf and full sockets on the loopback. */
export async function openDeafSockets(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const socket = createSocket('udp4');
    socket.bind(0, LOOPBACK);
    await once(socket, 'listening');
    deafen(socket);
    sockets.push(socket);
  }
  await fillDeafSockets(sockets.map((socket) => socket.address().port));
  return sockets;
}

/** Node keeps the handle behind a symbol of its own. */
function handleOf(socket: Socket): SocketHandle {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const state: unknown = Reflect.get(socket, symbol);
    if (typeof state !== 'object' || state === null || !('handle' in state)) continue;
    const { handle } = state;
    if (isSocketHandle(handle)) return handle;
  }
  throw new Error('this version of Node does not let a socket stop reading');
}

function isSocketHandle(handle: unknown): handle is SocketHandle {
  return typeof handle === 'object' && handle !== null && 'recvStop' in handle && typeof handle.recvStop === 'function';
}
