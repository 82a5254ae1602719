// The one place where errors become responses: problem documents (RFC 9457).
// It must not know routes.

import type { ErrorRequestHandler, Response } from 'express';
import { ERRORS, type ErrorCode, FanlightError } from '../errors.ts';
import type { Logger } from '../logger.ts';

/** RFC 6750 §3: what a 401 says about the key. */
const CHALLENGES: Partial<Record<ErrorCode, string>> = {
  missing_key: 'Bearer',
  wrong_key: 'Bearer error="invalid_token"',
};

/** Error types of express's body parsers and file server. */
const PARSER_ERRORS: Readonly<Record<string, ErrorCode>> = {
  'entity.too.large': 'body_too_large',
  'entity.parse.failed': 'malformed_json',
  'encoding.unsupported': 'unsupported_content_type',
  'charset.unsupported': 'unsupported_content_type',
};

export function problemHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    // Half an answer cannot be taken back: express ends the connection.
    if (response.headersSent) return next(error);
    const known = toFanlightError(error);
    if (!known) {
      logger.error({ err: error }, 'a request failed');
      response.err = error instanceof Error ? error : new Error(String(error));
    }
    sendProblem(response, known ?? new FanlightError('internal'));
  };
}

export function sendProblem(response: Response, error: FanlightError): void {
  const challenge = CHALLENGES[error.code];
  if (challenge) response.setHeader('WWW-Authenticate', challenge);
  // Who asks again may reach another server at this address, but not over this connection.
  if (error.code === 'shutting_down') response.setHeader('Connection', 'close');
  if (error.retryAfterSeconds !== undefined) response.setHeader('Retry-After', Math.ceil(error.retryAfterSeconds));
  response
    .status(error.status)
    .setHeader('Content-Type', 'application/problem+json')
    .setHeader('Cache-Control', 'no-store');
  response.end(
    JSON.stringify({
      type: `urn:fanlight:error:${error.code}`,
      title: ERRORS[error.code].title,
      status: error.status,
      ...(error.detail ? { detail: error.detail } : {}),
      code: error.code,
    }),
  );
}

/** Undefined: nobody's input caused it. */
function toFanlightError(error: unknown): FanlightError | undefined {
  if (error instanceof FanlightError) return error;
  if (!(error instanceof Error)) return undefined;
  const { type, status } = error as { type?: unknown; status?: unknown };
  const code = typeof type === 'string' ? PARSER_ERRORS[type] : undefined;
  if (code) return new FanlightError(code, undefined, { cause: error });
  if (status === 404 || status === 403) return new FanlightError('not_found', undefined, { cause: error });
  const isTheirs = typeof status === 'number' && status >= 400 && status < 500;
  return isTheirs ? new FanlightError('malformed_request', undefined, { cause: error }) : undefined;
}
