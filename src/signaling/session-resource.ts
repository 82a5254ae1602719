// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) as HTTP resources: an endpoint for each broadcast, and under it one for each session.
// It must not know keys, pages or what is in an SDP beyond ICE credentials; errors go to the one error mapper of the app.

import { type Request, type Response, Router } from 'express';
import type { Role } from '../broadcast/ports.ts';
import type { BroadcastService, OpenedSession, SessionView } from '../broadcast/service.ts';
import { FanlightError } from '../errors.ts';
import type { Access } from './access.ts';
import { formatEntityTag, type IfMatch, isMatch, parseIfMatch } from './entity-tag.ts';
import { SessionEvents } from './events/session-events.ts';
import { type IceServer, iceServerLinks } from './ice-servers.ts';
import { answerOptions, refuseOthers } from './methods.ts';
import { RemoteIce } from './remote-ice.ts';
import { requireContentType, textReader } from './request-body.ts';
import { formatResume, parseResume } from './resume-token.ts';
import { credentialsInOffer, formatFragment, parseFragment, type SdpFragment } from './sdp-fragment.ts';
import { ServerTiming } from './server-timing.ts';

export interface SessionResourceOptions {
  readonly role: Role;
  /** Where the router is mounted: `/whip` or `/whep`. */
  readonly path: string;
  readonly service: BroadcastService;
  readonly access: Access;
  /** Insist on If-Match and on the bearer token at sessions, where real clients forget them. */
  readonly strict: boolean;
  readonly iceServers: () => readonly IceServer[];
  /** Addresses by which this client reached us, best first. */
  readonly addressHints: (request: Request) => readonly string[];
  /** Unix ms with fractions, that only go forward. */
  readonly now: () => number;
  /** Told of each answered offer just before its answer leaves: nothing of the connection can have happened yet. */
  readonly onAnswered?: (opened: OpenedSession, moments: AnswerMoments) => void;
}

/** Unix ms, on the clock of the resource. */
export interface AnswerMoments {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

export interface SessionResource {
  readonly router: Router;
  /** Stops listening to the service. */
  close(): void;
}

const OFFER_TYPE = 'application/sdp';
const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';
const MAX_OFFER_BYTES = 64 * 1024;
const MAX_FRAGMENT_BYTES = 16 * 1024;
const ENDPOINT_METHODS = 'OPTIONS, GET, HEAD, POST';
const SESSION_METHODS = 'OPTIONS, GET, HEAD, PATCH, DELETE';
const RESUME_EXTENSION = 'urn:fanlight:ext:resume';

type Endpoint = { broadcast: string };
type Session = { broadcast: string; session: string };

export function createSessionResource(options: SessionResourceOptions): SessionResource {
  return new WebRtcSessionResource(options);
}

class WebRtcSessionResource implements SessionResource {
  readonly router = Router();
  readonly #options: SessionResourceOptions;
  readonly #right: 'publish' | 'view';
  readonly #remoteIce = new Map<string, RemoteIce>();
  readonly #readOffer = textReader(MAX_OFFER_BYTES);
  readonly #readFragment = textReader(MAX_FRAGMENT_BYTES);
  readonly #unsubscribe: () => void;
  /** WHEP only. */
  readonly #events: SessionEvents | undefined;

  constructor(options: SessionResourceOptions) {
    this.#options = options;
    this.#right = options.role === 'publisher' ? 'publish' : 'view';
    this.#unsubscribe = options.service.subscribe((event) => {
      if (event.type === 'session' && event.session.state === 'ended') this.#remoteIce.delete(event.session.id);
    });
    this.router
      .route('/:broadcast')
      .options(answerOptions(ENDPOINT_METHODS, { 'Accept-Post': OFFER_TYPE }))
      .head((_request, response) => this.#discover(response))
      .get((_request, response) => void response.status(204).end())
      .post((request, response) => this.#post(request, response))
      .all(refuseOthers(ENDPOINT_METHODS));
    this.router
      .route('/:broadcast/:session')
      .options(answerOptions(SESSION_METHODS, { 'Accept-Patch': FRAGMENT_TYPE }))
      .get((request, response) => {
        this.#find(request.params);
        response.status(204).end();
      })
      .patch((request, response) => this.#patch(request, response))
      .delete((request, response) => this.#delete(request, response))
      .all(refuseOthers(SESSION_METHODS));
    this.#events = options.role === 'viewer' ? this.#createEvents() : undefined;
    if (this.#events) this.router.use(this.#events.router);
  }

  close(): void {
    this.#unsubscribe();
    this.#events?.close();
  }

  #createEvents(): SessionEvents {
    const { path, service } = this.#options;
    return new SessionEvents({
      path,
      service,
      find: (params) => this.#find(params),
      authorize: (authorization) => this.#authorizeAtSession(authorization),
      countRequest: (id) => this.#remoteIceOf(id).countRequest(this.#options.now()),
    });
  }

  /** A WHEP player discovers by HEAD that there is something to play (draft-ietf-wish-whep §4.2). */
  #discover(response: Response): void {
    if (this.#options.role === 'publisher') return void response.status(204).end();
    response.status(200).setHeader('Content-Type', OFFER_TYPE).end();
  }

  async #post(request: Request<Endpoint>, response: Response): Promise<void> {
    const { service, access, role, addressHints, now, onAnswered } = this.#options;
    const timing = new ServerTiming(now);
    const authorization = request.get('authorization');
    const claim = { keyHash: access.authorize(this.#right, authorization), asAdmin: access.isAdmin(authorization) };
    requireContentType(request, OFFER_TYPE);
    const resume = parseResume(request.get('fanlight-resume'));
    const offer = await this.#readOffer(request, response);
    if (offer.trim() === '') throw new FanlightError('malformed_sdp', 'The body is empty.');
    timing.lap('read');
    const { broadcast } = request.params;
    const opened = await service.open({
      role,
      broadcast,
      offer,
      ...claim,
      resume,
      addressHints: addressHints(request),
    });
    const { id } = opened.session;
    if (service.session(id)) {
      this.#remoteIceOf(id).renewed(credentialsInOffer(offer));
      this.#events?.answered(opened.session, opened.answer);
    }
    timing.lap('worker');
    onAnswered?.(opened, { askedAtMs: timing.startedAtMs, answeredAtMs: timing.lapAtMs });
    this.#answer(response, opened, timing);
  }

  #answer(response: Response, { session, resumeToken, answer }: OpenedSession, timing: ServerTiming): void {
    const location = `${this.#options.path}/${session.broadcast}/${session.id}`;
    response
      .status(201)
      // Relative, so that it is right behind any proxy.
      .setHeader('Location', location)
      .setHeader('ETag', formatEntityTag(session.iceTag))
      .setHeader('Content-Type', OFFER_TYPE)
      .setHeader('Cache-Control', 'no-store')
      .setHeader('Link', [
        ...iceServerLinks(this.#options.iceServers()),
        `<${location}>; rel="${RESUME_EXTENSION}"`,
        ...(this.#events ? [this.#events.link(location)] : []),
      ])
      .setHeader('Fanlight-Resume', formatResume({ sessionId: session.id, token: resumeToken }))
      .setHeader('Server-Timing', timing.header)
      .end(answer);
  }

  async #patch(request: Request<Session>, response: Response): Promise<void> {
    this.#authorizeAtSession(request.get('authorization'));
    const { id } = this.#find(request.params);
    this.#remoteIceOf(id).countRequest(this.#options.now());
    requireContentType(request, FRAGMENT_TYPE);
    const condition = parseIfMatch(request.get('if-match'));
    if (condition.type === 'none' && this.#options.strict) throw new FanlightError('if_match_required');
    const fragment = parseFragment(await this.#readFragment(request, response));
    // It may have ended while the body came, and what is remembered of it now would stay for ever.
    this.#find(request.params);
    const remote = this.#remoteIceOf(id);
    await remote.inTurn(() => this.#apply(request.params, remote, fragment, condition, response));
  }

  async #apply(
    params: Session,
    remote: RemoteIce,
    fragment: SdpFragment,
    condition: IfMatch,
    response: Response,
  ): Promise<void> {
    const { service } = this.#options;
    // Looked at again: the request before this one may have changed it.
    const { id, iceTag } = this.#find(params);
    if (!isMatch(condition, iceTag)) throw new FanlightError('entity_tag_mismatch');
    // Candidates are not needed, since we are ICE-lite; those of a past generation are discarded (RFC 8840 §4.4).
    if (remote.generationOf(fragment) !== 'new') return void response.status(204).end();
    remote.countRestart(this.#options.now());
    const description = await service.restartIce(id);
    remote.renewed([fragment]);
    response
      .status(200)
      .setHeader('ETag', formatEntityTag(description.usernameFragment))
      .setHeader('Content-Type', FRAGMENT_TYPE)
      .end(formatFragment(description, fragment.mid ?? '0'));
  }

  #delete(request: Request<Session>, response: Response): void {
    this.#authorizeAtSession(request.get('authorization'));
    // If-Match is ignored here (RFC 9725 §4.3.1).
    const { id } = this.#find(request.params);
    this.#options.service.end(id);
    response.status(200).end();
  }

  /** The address is the capability; a bearer token that comes along must be right all the same. */
  #authorizeAtSession(authorization: string | undefined): void {
    const { access, strict } = this.#options;
    if (strict) access.authorize(this.#right, authorization);
    else access.authorizeIfGiven(this.#right, authorization);
  }

  /** Of a session that is there. After a restart of the server we know no credentials of it: what comes then is taken as new. */
  #remoteIceOf(id: string): RemoteIce {
    const remote = this.#remoteIce.get(id) ?? new RemoteIce();
    this.#remoteIce.set(id, remote);
    return remote;
  }

  #find({ broadcast, session: id }: Session): SessionView {
    const session = this.#options.service.session(id);
    const isHere = session?.role === this.#options.role && session.broadcast === broadcast;
    if (!session || !isHere || session.state === 'ended') throw new FanlightError('unknown_session');
    return session;
  }
}
