// What is said when a media worker's port cannot be had. It must not know threads or sockets.

/** The UDP port of a worker cannot be bound. */
export class UdpBindError extends Error {
  readonly port: number;
  readonly errno: string;

  constructor(port: number, errno: string) {
    const why = errno === 'EADDRINUSE' ? 'is taken by another program' : `cannot be opened (${errno})`;
    super(`UDP port ${port} ${why}. Worker k uses UDP_PORT + k: set UDP_PORT or MEDIA_WORKERS.`);
    this.name = 'UdpBindError';
    this.port = port;
    this.errno = errno;
  }
}
