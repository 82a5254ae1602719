// Makes the kernel count what arrives at a UDP socket instead of handing it over: with a filter for RTP where one could be
// compiled, else by a buffer that is full and that nobody reads.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOPBACK = '127.0.0.1';
/** The kernel gives its minimum, 2 to 5 kB: room for a few small datagrams. */
const SMALLEST_BUFFER_BYTES = 1;
/** As many small datagrams as fill it for certain. */
const FILLERS = 12;
/** So many sockets are filled before the sender takes a breath. */
const FILLED_AT_ONCE = 64;

/** What of a socket's inner handle is needed: its descriptor, and closing the reading side, or else epoll would report each datagram. */
interface SocketHandle {
  readonly fd: number;
  recvStop(): void;
}

export interface CountFilter {
  /** RTP at this socket is dropped and counted from now on. @returns whether the kernel took it */
  attach(descriptor: number): boolean;
}

/** @param addon count-filter.c, compiled */
export function loadCountFilter(addon: string): CountFilter {
  return createRequire(import.meta.url)(addon) as CountFilter;
}

/** RTP is counted by the kernel; all else is read as before. @throws when the kernel refuses */
export function countRtp(socket: Socket, filter: CountFilter): void {
  if (!filter.attach(handleOf(socket).fd)) throw new Error('the kernel refused the filter');
}

/** Nothing is read any more; what does not fit is counted. @throws when this version of Node has no way to do it */
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

/** Opens sockets on the loopback that only count. */
export async function openCountingSockets(count: number, filter: CountFilter): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const socket = createSocket('udp4');
    socket.bind(0, LOOPBACK);
    await once(socket, 'listening');
    countRtp(socket, filter);
    sockets.push(socket);
  }
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
  throw new Error('this version of Node hides the handles of its sockets');
}

function isSocketHandle(handle: unknown): handle is SocketHandle {
  if (typeof handle !== 'object' || handle === null || !('recvStop' in handle) || !('fd' in handle)) return false;
  return typeof handle.recvStop === 'function' && typeof handle.fd === 'number';
}
