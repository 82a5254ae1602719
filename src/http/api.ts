// The API for programs and pages: what is live, its settings, data messages. docs/protocol.md, "HTTP for programs".
// It must not know where answers come from: the service has them.

import express, { type Request, type RequestHandler, Router } from 'express';
import { type DataMessage, MAX_DATA_MESSAGE_BYTES } from '../broadcast/ports.ts';
import type { BroadcastService } from '../broadcast/service.ts';
import { FanlightError } from '../errors.ts';
import {
  broadcastJson,
  isOfChat,
  parseJson,
  parseWith,
  settingsChange,
  stateDocument,
  toSettings,
} from '../signaling/messages.ts';
import { answerOptions, refuseOthers } from '../signaling/methods.ts';
import { limitPerMinute } from './middleware/rate-limit.ts';
import type { Rights } from './rights.ts';

export interface ApiOptions {
  readonly service: BroadcastService;
  readonly rights: Rights;
  /** Of the HTTPS listener; undefined without one. */
  readonly httpsPort: number | undefined;
  /** Whether its certificate is one that we made. */
  readonly selfSigned: boolean;
  /** Of the HTTP listener, once it is open. */
  readonly httpPort: () => number | undefined;
  readonly version: string;
}

const MAX_SETTINGS_BYTES = 16 * 1024;
/** From one address: an answer may be larger than a megabyte, and who wants every change has the WebSocket. */
const STATES_PER_MINUTE = 120;
/** From one address: each asks every media worker about every viewer. */
const RECEPTIONS_PER_MINUTE = 60;
const BROADCAST_METHODS = 'OPTIONS, GET, HEAD, PATCH, DELETE';
const DEFAULT_LABEL = 'data';
const TEXT_TYPES = ['text/plain', 'application/json'];
const BINARY_TYPE = 'application/octet-stream';

export function createApi({ service, rights, httpPort, httpsPort, selfSigned, version }: ApiOptions): Router {
  const router = Router();
  const publisherOnly: RequestHandler = (request, _response, next) => {
    rights.authorize('publish', request.get('authorization'));
    next();
  };

  const claimOf = (request: Request) => {
    const authorization = request.get('authorization');
    return { keyHash: rights.authorize('publish', authorization), asAdmin: rights.isAdmin(authorization) };
  };

  const viewersOnly: RequestHandler = (request, _response, next) => {
    rights.authorize('view', request.get('authorization'));
    next();
  };

  router
    .route('/server')
    .options(answerOptions('OPTIONS, GET, HEAD'))
    .get((_request, response) => {
      const keys = { publish: !rights.isOpen('publish'), view: !rights.isOpen('view') };
      response.json({ httpPort: httpPort() ?? null, httpsPort: httpsPort ?? null, selfSigned, version, keys });
    })
    .all(refuseOthers('OPTIONS, GET, HEAD'));

  router
    .route('/broadcasts')
    .options(answerOptions('OPTIONS, GET, HEAD'))
    .get(viewersOnly, (request, response) => {
      const all = rights.isAdmin(request.get('authorization'));
      response.json({ broadcasts: service.list({ all }).map(broadcastJson) });
    })
    .all(refuseOthers('OPTIONS, GET, HEAD'));

  router
    .route('/broadcasts/:broadcast')
    .options(answerOptions(BROADCAST_METHODS))
    .get(
      viewersOnly,
      (request, response) => void response.json(broadcastJson(service.describe(request.params.broadcast))),
    )
    .patch(publisherOnly, requireType(['application/json']), bodyOfAtMost(MAX_SETTINGS_BYTES), (request, response) => {
      const change = parseWith(settingsChange.strict(), parseJson(utf8(bodyOf(request.body))));
      const { broadcast } = request.params;
      if (isOfChat(change) && !service.speaksForPublisher(broadcast, { sessionId: undefined, ...claimOf(request) })) {
        throw new FanlightError('already_live');
      }
      response.json(broadcastJson(service.updateSettings(broadcast, toSettings(change))));
    })
    .delete((request, response) => {
      service.endPublisher(request.params.broadcast, claimOf(request));
      response.json(broadcastJson(service.describe(request.params.broadcast)));
    })
    .all(refuseOthers(BROADCAST_METHODS));

  router
    .route('/broadcasts/:broadcast/viewers')
    .options(answerOptions('OPTIONS, GET, HEAD'))
    .get(publisherOnly, limitPerMinute({ perMinute: () => RECEPTIONS_PER_MINUTE }), async (request, response) => {
      response.json({ viewers: await service.receptions(request.params.broadcast) });
    })
    .all(refuseOthers('OPTIONS, GET, HEAD'));

  router
    .route('/broadcasts/:broadcast/data')
    .options(answerOptions('OPTIONS, POST'))
    .post(publisherOnly, requireType([...TEXT_TYPES, BINARY_TYPE]), messageBody(), (request, response) => {
      const { label = DEFAULT_LABEL } = request.query;
      if (typeof label !== 'string') throw new FanlightError('invalid_label', 'One label is enough.');
      const message = toMessage(label, contentType(request.get('content-type')), bodyOf(request.body));
      service.publishData(request.params.broadcast, message);
      response.status(202).end();
    })
    .all(refuseOthers('OPTIONS, POST'));

  router
    .route('/broadcasts/:broadcast/state')
    .options(answerOptions('OPTIONS, GET, HEAD'))
    .get(viewersOnly, limitPerMinute({ perMinute: () => STATES_PER_MINUTE }), (request, response) => {
      response.type('json').send(stateDocument(service.stateMessages(request.params.broadcast)));
    })
    .all(refuseOthers('OPTIONS, GET, HEAD'));

  return router;
}

/** The bytes as they came: JSON is checked, and sent on as it was written. Errors: malformed_json, malformed_request. */
function toMessage(label: string, type: string, payload: Buffer): DataMessage {
  if (type === BINARY_TYPE) return { label, binary: true, payload };
  const text = utf8(payload);
  if (type === 'application/json') parseJson(text);
  return { label, binary: false, payload };
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FanlightError('malformed_request', 'The text is not UTF-8.');
  }
}

/** Without a body the parser leaves something else. */
function bodyOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function contentType(header: string | undefined): string {
  return (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function requireType(allowed: readonly string[]): RequestHandler {
  return (request, _response, next) => {
    if (!allowed.includes(contentType(request.get('content-type')))) {
      throw new FanlightError('unsupported_content_type', `Send ${allowed.join(', ')}.`);
    }
    next();
  };
}

function bodyOfAtMost(limit: number): RequestHandler {
  return express.raw({ type: () => true, limit, inflate: false });
}

/** As any body, but a message that is too large has its own code. */
function messageBody(): RequestHandler {
  const read = bodyOfAtMost(MAX_DATA_MESSAGE_BYTES);
  return (request, response, next) => {
    read(request, response, (error?: unknown) => {
      const isTooLarge = error instanceof Error && 'type' in error && error.type === 'entity.too.large';
      next(isTooLarge ? new FanlightError('message_too_large') : error);
    });
  };
}
