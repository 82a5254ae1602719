// Tells the operator, once, that a reverse proxy is at work which the settings do not name. It must not know what depends on it.

import type { RequestHandler } from 'express';
import type { Logger } from '../../logger.ts';

/** For servers whose TRUST_PROXY is empty. */
export function proxyNotice(logger: Logger): RequestHandler {
  let isTold = false;
  return (request, _response, next) => {
    if (!isTold && request.headers['x-forwarded-for'] !== undefined) {
      isTold = true;
      logger.warn(
        { peer: request.socket.remoteAddress },
        'X-Forwarded-For is not believed: if this peer is your proxy, name it in TRUST_PROXY, or all its clients count as one',
      );
    }
    next();
  };
}
