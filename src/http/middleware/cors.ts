// Cross-origin access for what other sites' pages use: WHIP, WHEP, the API and our modules.
// It must not know who is asking: rights come from bearer keys, never from cookies, so every origin is welcome.

import type { RequestHandler } from 'express';

const METHODS = 'OPTIONS, GET, HEAD, POST, PATCH, DELETE';
// Access-Control-Allow-Methods is listed since @eyevinn/whip-web-client reads it to learn whether it may trickle.
const EXPOSED =
  'Location, ETag, Link, Accept-Post, Accept-Patch, Access-Control-Allow-Methods, WWW-Authenticate, Retry-After, Fanlight-Resume, Server-Timing';
const USUAL_HEADERS = 'Authorization, Content-Type, If-Match, Fanlight-Resume';
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+( *, *[\w!#$%&'*+.^`|~-]+)*$/;
const MAX_AGE_SECONDS = 86_400;

/** Sets the headers on every response, errors included. Answering OPTIONS stays with the routes. */
export const cors: RequestHandler = (request, response, next) => {
  response.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': EXPOSED,
    // Pages of other sites may read the network's and the server's part of a join (Resource Timing §4.5).
    'Timing-Allow-Origin': '*',
  });
  if (request.method === 'OPTIONS') {
    // Echoed, since clients ask for surprising ones: the same client sends ETag as a request header.
    const asked = request.get('access-control-request-headers') ?? '';
    response.set({
      'Access-Control-Allow-Methods': METHODS,
      'Access-Control-Allow-Headers': HEADER_NAMES.test(asked) ? asked : USUAL_HEADERS,
      'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
      Vary: 'Access-Control-Request-Headers',
    });
  }
  next();
};
