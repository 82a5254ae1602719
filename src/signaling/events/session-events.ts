// WHEP's extension for server-sent events (draft-ietf-wish-whep, urn:ietf:params:whep:ext:core:server-sent-events): under a
// session, resources that tell what happens to its broadcast. They end with the session.
// It must not know keys, SDP beyond the mid of its video, or what makes events happen.

import { randomBytes } from 'node:crypto';
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { BroadcastEvent, BroadcastService, SessionEndReason, SessionView } from '../../broadcast/service.ts';
import { FanlightError } from '../../errors.ts';
import { Groups } from '../groups.ts';
import { parseJson, parseWith } from '../messages.ts';
import { answerOptions, refuseOthers } from '../methods.ts';
import { requireContentType, textReader } from '../request-body.ts';
import { EVENT_NAMES, videoMidIn } from './broadcast-news.ts';
import { EventStream } from './event-stream.ts';

export interface SessionEventsOptions {
  /** Where the router is mounted. */
  readonly path: string;
  readonly service: Pick<BroadcastService, 'subscribe' | 'describe' | 'layers'>;
  /** The session at a request's address. Error: unknown_session. */
  readonly find: (params: SessionAddress) => SessionView;
  /** Errors: missing_key, wrong_key. */
  readonly authorize: (authorization: string | undefined) => void;
  /** Takes note of a request about the session. Error: too_many_requests. */
  readonly countRequest: (sessionId: string) => void;
  readonly keepAliveMs?: number;
}

type SessionAddress = { broadcast: string; session: string };
type StreamAddress = SessionAddress & { events: string };

interface Listened {
  readonly id: string;
  readonly broadcast: string;
  videoMid: string | undefined;
  readonly streams: Map<string, EventStream>;
}

const EXTENSION = 'urn:ietf:params:whep:ext:core:server-sent-events';
const REQUEST_TYPE = 'application/json';
const STREAM_TYPE = 'text/event-stream';
const MAX_REQUEST_BYTES = 4 * 1024;
const STREAMS_PER_SESSION = 4;
/** Shorter than the 30 to 60 s after which usual proxies give a silent connection up. */
const KEEP_ALIVE_MS = 15_000;
/** 128 bits: browsers send no key with an EventSource, so the address is the capability. */
const ID_BYTES = 16;
const ENDPOINT_METHODS = 'OPTIONS, POST';
const STREAM_METHODS = 'OPTIONS, GET, HEAD, DELETE';

const wantedEvents = z
  .array(z.enum(EVENT_NAMES))
  .min(1)
  .max(4 * EVENT_NAMES.length);

export class SessionEvents {
  readonly router = Router();
  readonly #options: SessionEventsOptions;
  readonly #sessions = new Map<string, Listened>();
  readonly #byBroadcast = new Groups<Listened>();
  readonly #readRequest = textReader(MAX_REQUEST_BYTES);
  readonly #keepAlive: NodeJS.Timeout;
  readonly #unsubscribe: () => void;

  constructor(options: SessionEventsOptions) {
    this.#options = options;
    this.#unsubscribe = options.service.subscribe(
      (event) => this.#heard(event),
      (broadcast) => this.#streamsOf(broadcast),
    );
    this.#keepAlive = setInterval(() => this.#keepAllAlive(), options.keepAliveMs ?? KEEP_ALIVE_MS);
    this.#keepAlive.unref();
    this.router
      .route('/:broadcast/:session/events')
      .options(answerOptions(ENDPOINT_METHODS, { 'Accept-Post': REQUEST_TYPE }))
      .post((request, response) => this.#create(request, response))
      .all(refuseOthers(ENDPOINT_METHODS));
    this.router
      .route('/:broadcast/:session/events/:events')
      .options(answerOptions(STREAM_METHODS))
      .head((request, response) => {
        this.#findStream(request.params);
        response.setHeader('Content-Type', STREAM_TYPE).end();
      })
      .get((request, response) => this.#listen(request, response))
      .delete((request, response) => this.#delete(request, response))
      .all(refuseOthers(STREAM_METHODS));
  }

  /** The value of a `Link` header that tells of the extension. */
  link(sessionPath: string): string {
    return `<${sessionPath}/events>; rel="${EXTENSION}"; events="${EVENT_NAMES.join(',')}"`;
  }

  /** The session's offer was answered: its mids are those of this answer from now on. */
  answered(session: SessionView, answer: string): void {
    const listened = this.#listenedOf(session);
    listened.videoMid = videoMidIn(answer);
    for (const stream of listened.streams.values()) stream.reconnected();
  }

  /** Ends all of them. */
  close(): void {
    this.#unsubscribe();
    clearInterval(this.#keepAlive);
    for (const { id } of [...this.#sessions.values()]) this.#forget(id, 'server-stopping');
  }

  async #create(request: Request<SessionAddress>, response: Response): Promise<void> {
    this.#options.authorize(request.get('authorization'));
    this.#options.countRequest(this.#options.find(request.params).id);
    requireContentType(request, REQUEST_TYPE);
    const wanted = parseWith(wantedEvents, parseJson(await this.#readRequest(request, response)));
    // It may have ended while the body came.
    const listened = this.#listenedOf(this.#options.find(request.params));
    this.#makeRoom(listened);
    const id = randomBytes(ID_BYTES).toString('base64url');
    listened.streams.set(id, new EventStream(wanted));
    this.#byBroadcast.add(listened.broadcast, listened);
    const location = `${this.#options.path}/${listened.broadcast}/${listened.id}/events/${id}`;
    response.status(201).setHeader('Location', location).setHeader('Cache-Control', 'no-store').end();
  }

  #listen(request: Request<StreamAddress>, response: Response): void {
    const { stream, listened } = this.#findStream(request.params);
    this.#options.countRequest(listened.id);
    // An EventSource that is told so does not come again.
    if (stream.isReplaced(request.get('last-event-id'))) return void response.status(204).end();
    response.status(200).setHeader('Content-Type', STREAM_TYPE).setHeader('Cache-Control', 'no-store, no-transform');
    // nginx would hold events back until its buffer is full.
    response.setHeader('X-Accel-Buffering', 'no').flushHeaders();
    // Whole, since a page resolves what is in an event against its own address. As the client reached us.
    const endpoint = `${request.protocol}://${request.host}${this.#options.path}/${listened.broadcast}`;
    const { service } = this.#options;
    const { broadcast, videoMid } = listened;
    stream.open(response, endpoint, { view: service.describe(broadcast), layers: service.layers(broadcast), videoMid });
  }

  #delete(request: Request<StreamAddress>, response: Response): void {
    this.#options.authorize(request.get('authorization'));
    const { stream, listened } = this.#findStream(request.params);
    listened.streams.delete(request.params.events);
    if (listened.streams.size === 0) this.#byBroadcast.remove(listened.broadcast, listened);
    stream.end(false);
    response.status(200).end();
  }

  /** One that nobody listens to gives way, the oldest first. Error: too_many_requests. */
  #makeRoom({ streams }: Listened): void {
    if (streams.size < STREAMS_PER_SESSION) return;
    const idle = [...streams].find(([, stream]) => !stream.isOpen);
    if (!idle) {
      throw new FanlightError('too_many_requests', `A session listens to at most ${STREAMS_PER_SESSION} at a time.`);
    }
    streams.delete(idle[0]);
    idle[1].end(false);
  }

  /** After a restart of the server its answer is not known, until it resumes. */
  #listenedOf({ id, broadcast }: SessionView): Listened {
    const listened = this.#sessions.get(id) ?? { id, broadcast, videoMid: undefined, streams: new Map() };
    this.#sessions.set(id, listened);
    return listened;
  }

  /** Error: unknown_session, not_found. */
  #findStream(params: StreamAddress): { readonly stream: EventStream; readonly listened: Listened } {
    const listened = this.#sessions.get(this.#options.find(params).id);
    const stream = listened?.streams.get(params.events);
    if (!listened || !stream) throw new FanlightError('not_found', 'These events were deleted, or never asked for.');
    return { stream, listened };
  }

  #heard(event: BroadcastEvent): void {
    switch (event.type) {
      case 'broadcast':
        for (const { streams } of this.#byBroadcast.of(event.broadcast.name)) {
          for (const stream of streams.values()) stream.changed(event.broadcast);
        }
        break;
      case 'layers':
        for (const { streams, videoMid } of this.#byBroadcast.of(event.broadcast)) {
          for (const stream of streams.values()) stream.layersChanged(event.layers, videoMid);
        }
        break;
      case 'reconnect':
        for (const stream of this.#sessions.get(event.sessionId)?.streams.values() ?? []) {
          stream.reconnectIn(event.afterMs);
        }
        break;
      case 'session':
        if (event.session.state === 'ended') this.#forget(event.session.id, event.session.endReason);
    }
  }

  #streamsOf(broadcast: string): number {
    let count = 0;
    for (const { streams } of this.#byBroadcast.of(broadcast)) count += streams.size;
    return count;
  }

  #forget(sessionId: string, reason: SessionEndReason | undefined): void {
    const listened = this.#sessions.get(sessionId);
    if (!listened) return;
    this.#sessions.delete(sessionId);
    this.#byBroadcast.remove(listened.broadcast, listened);
    // Who was to come back some time from now hears of it while there is a line to hear it on.
    for (const stream of listened.streams.values()) stream.end(reason === 'server-stopping');
  }

  #keepAllAlive(): void {
    for (const { streams } of this.#sessions.values()) for (const stream of streams.values()) stream.keepAlive();
  }
}
