// How a resource answers OPTIONS, and methods that it does not have. It must not know CORS; a middleware adds that.

import type { RequestHandler } from 'express';
import { FanlightError } from '../errors.ts';

/** 200 without a body (RFC 9725 §4.2). `methods` is the Allow header; `accepts` are more headers. */
export function answerOptions(methods: string, accepts: Readonly<Record<string, string>> = {}): RequestHandler {
  return (_request, response) => {
    response.set({ Allow: methods, ...accepts });
    response.status(200).end();
  };
}

/** RFC 9110 §15.5.6: a 405 says what is allowed. */
export function refuseOthers(methods: string): RequestHandler {
  return (request, response) => {
    response.setHeader('Allow', methods);
    throw new FanlightError('method_not_allowed', `Allowed are ${methods}; not ${request.method}.`);
  };
}
