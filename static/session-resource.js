// A WHIP or WHEP session on the server, over HTTP: POST an offer, PATCH an ICE restart, DELETE; and by what it is resumed.
// It must not know peer connections.

import { ProblemError, request, textOf } from './problem.js';
import { isPassing } from './reconnector-rules.js';

const REQUEST_TIMEOUT_MS = 10_000;
const TELL_AGAIN_MS = 2000;

export class SessionResource {
  #endpoint;
  /** @type {URL | undefined} */
  #url;
  /** @type {string | undefined} `<session>.<token>`: a secret */
  resume;
  /** @type {string | undefined} bearer token */
  token;

  /**
   * @param {string | URL} endpoint WHIP or WHEP endpoint, relative to the page
   * @param {{ resume?: string | undefined, token?: string | undefined }} options
   */
  constructor(endpoint, { resume, token }) {
    this.#endpoint = new URL(endpoint, document.baseURI);
    this.resume = resume;
    this.token = token;
  }

  /** The session's; undefined when there is none to speak of. */
  get id() {
    return idOf(this.resume);
  }

  /** An offer was answered for this session, by this page. */
  get isOpen() {
    return this.#url !== undefined;
  }

  forget() {
    this.resume = undefined;
    this.#url = undefined;
  }

  /**
   * Asks for a session, or for another connection of the one that there is. Then `remember` or `abandon` the answer.
   * @param {string} offer
   * @throws {ProblemError}
   */
  post(offer) {
    return request(this.#endpoint, {
      method: 'POST',
      headers: this.#headers({
        'Content-Type': 'application/sdp',
        ...(this.resume ? { 'Fanlight-Resume': this.resume } : {}),
      }),
      body: offer,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
  }

  /** @param {Response} response to `post` */
  remember(response) {
    const location = response.headers.get('Location');
    if (location) this.#url = new URL(location, this.#endpoint);
    this.resume = response.headers.get('Fanlight-Resume') ?? undefined;
  }

  /**
   * Nobody waits for this answer any more. The session that it made is nobody's and ends; one that goes on is that of
   * whoever has it now, another window perhaps.
   * @param {Response} response to `post`
   * @param {string | undefined} goesOn the session that the offer asked to go on with
   */
  async abandon(response, goesOn) {
    const location = response.headers.get('Location');
    const made = idOf(response.headers.get('Fanlight-Resume') ?? undefined);
    if (location && made !== goesOn && made !== this.id) await this.#delete(new URL(location, this.#endpoint));
  }

  /**
   * @param {string} fragment
   * @param {AbortSignal} signal
   * @returns {Promise<string>} the server's fragment
   * @throws {ProblemError}
   */
  async patch(fragment, signal) {
    const response = await request(this.#address() ?? this.#endpoint, {
      method: 'PATCH',
      headers: this.#headers({ 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '"*"' }),
      body: fragment,
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    });
    return textOf(response);
  }

  /** False when the server says that there is no such session any more, or there never was one. */
  async isKnown() {
    const url = this.#address();
    if (!url) return false;
    try {
      await request(url, { headers: this.#headers({}), signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
      return true;
    } catch (error) {
      return !(error instanceof ProblemError && error.code === 'unknown_session');
    }
  }

  /**
   * Ends and forgets the session; resolves when the server knows.
   * @param {{ patienceMs: number, isOvertaken: () => boolean, onUntold: (isUntold: boolean) => void }} options for how long
   *   a server that does not answer is told again, unless there is another session to speak of; `onUntold` is called with
   *   true when that begins, and with false when it is over
   * @throws {ProblemError} the server could not be told
   */
  async end({ patienceMs, isOvertaken, onUntold }) {
    const url = this.#address();
    this.forget();
    if (!url) return;
    const endsAt = performance.now() + patienceMs;
    let isUntold = false;
    try {
      for (;;) {
        try {
          return await this.#delete(url);
        } catch (error) {
          const isWorthIt = error instanceof ProblemError && isPassing(error);
          if (!isWorthIt || performance.now() >= endsAt || isOvertaken()) throw error;
        }
        if (!isUntold) onUntold(true);
        isUntold = true;
        await new Promise((resolve) => setTimeout(resolve, TELL_AGAIN_MS));
      }
    } finally {
      if (isUntold) onUntold(false);
    }
  }

  /** Also that of a session which a page before this one opened. */
  #address() {
    if (this.#url || !this.id) return this.#url;
    return new URL(`${this.#endpoint.pathname}/${this.id}`, this.#endpoint);
  }

  /** @param {URL} url */
  async #delete(url) {
    try {
      await request(url, { method: 'DELETE', headers: this.#headers({}), keepalive: true });
    } catch (error) {
      if (!(error instanceof ProblemError && error.status === 404)) throw error;
    }
  }

  /** @param {Record<string, string>} headers */
  #headers(headers) {
    return this.token ? { ...headers, Authorization: `Bearer ${this.token}` } : headers;
  }
}

/** @param {string | undefined} resume */
function idOf(resume) {
  return resume?.split('.')[0];
}
