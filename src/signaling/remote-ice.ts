// What one session's client said about its ICE, whose turn it is to change it, and how often that may be.
// It tells trickle from restart by comparing credentials (RFC 9725 §4.3.3), never by headers.

import { TokenBucket } from '../broadcast/token-bucket.ts';
import { FanlightError } from '../errors.ts';
import { type IceCredentials, isSameIce } from './sdp-fragment.ts';

/** `current`: trickle. `past`: a fragment that was overtaken by a restart. `new`: an ICE restart. */
export type Generation = 'current' | 'past' | 'new';

const PAST_GENERATIONS = 8;
/** Some clients send each candidate in a request of its own. */
const REQUESTS = { perSecond: 10, burst: 100 };
/** Each gives new credentials to the transport, and an answer with all candidates. */
const RESTARTS = { perSecond: 0.5, burst: 10 };

export class RemoteIce {
  /** An offer may have one pair for each media section. */
  #current: readonly IceCredentials[] = [];
  #past: readonly IceCredentials[] = [];
  #lastTurn: Promise<unknown> = Promise.resolve();
  readonly #requests = new TokenBucket(REQUESTS.perSecond, REQUESTS.burst);
  readonly #restarts = new TokenBucket(RESTARTS.perSecond, RESTARTS.burst);

  generationOf(credentials: IceCredentials): Generation {
    const isThis = (known: IceCredentials) => isSameIce(known, credentials);
    if (this.#current.some(isThis)) return 'current';
    return this.#past.some(isThis) ? 'past' : 'new';
  }

  /** By an ICE restart or a new offer. */
  renewed(credentials: readonly IceCredentials[]): void {
    this.#past = [...this.#current, ...this.#past].slice(0, PAST_GENERATIONS);
    this.#current = credentials;
  }

  /** Takes note of a request of any kind. Error: too_many_requests. */
  countRequest(nowMs: number): void {
    count(this.#requests, REQUESTS.perSecond, nowMs);
  }

  /** Error: too_many_requests. */
  countRestart(nowMs: number): void {
    count(this.#restarts, RESTARTS.perSecond, nowMs);
  }

  /** Runs one change after the other: PATCH requests of a session may overlap. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(change);
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }
}

function count(bucket: TokenBucket, perSecond: number, nowMs: number): void {
  if (bucket.take(nowMs)) return;
  throw new FanlightError('too_many_requests', undefined, { retryAfterSeconds: Math.ceil(1 / perSecond) });
}
