// Opens UDP sockets for media, and knows what Node does not say of them. It must not know what is sent.

import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';

/** Room for bursts of key frames to many viewers; the kernel gives at most net.core.{r,w}mem_max. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

/** What Node keeps of a socket, as far as we look at it. */
interface SocketState {
  readonly handle?: { readonly fd: number };
}

/**
 * Dual stack where the host has IPv6, else IPv4.
 * @param host empty for all interfaces
 * @throws the bind error (EADDRINUSE, EACCES, EADDRNOTAVAIL)
 */
export async function openUdpSocket(port: number, host: string): Promise<Socket> {
  if (host !== '') return bindSocket(isIPv4(host) ? 'udp4' : 'udp6', port, host);
  try {
    return await bindSocket('udp6', port, '::');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    return bindSocket('udp4', port, '0.0.0.0');
  }
}

/** Undefined where the system or Node does not tell. */
export function descriptorOf(socket: Socket): number | undefined {
  // Node has no public way to a socket's descriptor; udp-front.test.ts notices when this one goes.
  const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  const { handle } = (state ? (socket as unknown as Record<symbol, SocketState>)[state] : undefined) ?? {};
  return handle && handle.fd >= 0 ? handle.fd : undefined;
}

async function bindSocket(type: 'udp4' | 'udp6', port: number, address: string): Promise<Socket> {
  const socket = createSocket({ type, lookup: literalLookup });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.removeListener('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    socket.close();
    throw error;
  });
  enlargeBuffers(socket);
  return socket;
}

/** Addresses here are literals: answering them ourselves saves a look-up thread per datagram. */
function literalLookup(
  hostname: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, hostname, isIPv4(hostname) ? 4 : 6);
}

function enlargeBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    // The default is enough for a start.
  }
}
