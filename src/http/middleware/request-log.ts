// One line in the log for each request that is done. What a line must not hold is the logger's business.

import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import type { Logger } from '../../logger.ts';

/** Asked all the time by machines and pages, and worth a look only when something is wrong. */
const QUIET = /^\/(static\/|healthz|readyz|metrics|favicon)/;

export function requestLog(logger: Logger): RequestHandler {
  return pinoHttp({
    logger,
    genReqId: () => randomUUID(),
    // The logger's own serializers see the request as it is.
    wrapSerializers: false,
    customLogLevel: (request, response) => {
      if (response.statusCode >= 500) return 'warn';
      return QUIET.test(request.url ?? '') ? 'debug' : 'info';
    },
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request failed',
  });
}
