// The one error that the clients throw: a problem document (RFC 9457) of the server, or a request that got no answer.

/**
 * @typedef {object} Problem
 * @property {string} code from the server's catalogue; `network` when there was no answer
 * @property {string} title one sentence for a person
 * @property {string} [detail] what is special about this case
 * @property {number} status HTTP status; 0 when there was no answer
 * @property {number} [retryAfterSeconds] from `Retry-After`
 */

export class ProblemError extends Error {
  /**
   * @param {Problem} problem
   * @param {unknown} [cause]
   */
  constructor(problem, cause) {
    super(problem.detail ? `${problem.title} ${problem.detail}` : problem.title, { cause });
    this.name = 'ProblemError';
    this.code = problem.code;
    this.title = problem.title;
    this.detail = problem.detail;
    this.status = problem.status;
    this.retryAfterSeconds = problem.retryAfterSeconds;
  }
}

/**
 * @param {Response} response one that is not ok
 * @returns {Promise<ProblemError>}
 */
export async function problemFromResponse(response) {
  const body = await readBody(response);
  const retryAfterSeconds = parseRetryAfter(response.headers.get('Retry-After'), Date.now());
  return new ProblemError({
    code: textOr(body.code, `http_${response.status}`),
    title: textOr(body.title, `The server answered ${response.status}.`),
    status: response.status,
    ...(typeof body.detail === 'string' ? { detail: body.detail } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/**
 * `fetch` that only ever throws a ProblemError, and throws one for every status that is not 2xx.
 * @param {string | URL} url
 * @param {RequestInit} [init]
 */
export async function request(url, init) {
  let response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    throw noAnswer(cause);
  }
  if (!response.ok) throw await problemFromResponse(response);
  return response;
}

/**
 * What a response says. Its head may come without its body: then the connection broke, or the server ended.
 * @param {Response} response
 * @throws {ProblemError}
 */
export async function textOf(response) {
  try {
    return await response.text();
  } catch (cause) {
    throw noAnswer(cause);
  }
}

/**
 * @param {unknown} error
 * @returns {ProblemError}
 */
export function asProblem(error) {
  if (error instanceof ProblemError) return error;
  const title = error instanceof Error ? error.message : String(error);
  return new ProblemError({ code: 'browser', title: `The browser refused: ${title}`, status: 0 }, error);
}

/**
 * Seconds from a `Retry-After` value: a number or an HTTP date.
 * @param {string | null} value
 * @param {number} nowMs
 */
export function parseRetryAfter(value, nowMs) {
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - nowMs) / 1000));
}

/** @param {unknown} cause */
function noAnswer(cause) {
  return new ProblemError({ code: 'network', title: 'The server does not answer.', status: 0 }, cause);
}

/**
 * @param {Response} response
 * @returns {Promise<Record<string, unknown>>}
 */
async function readBody(response) {
  if (!response.headers.get('Content-Type')?.includes('json')) return {};
  try {
    const body = await response.json();
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}

/**
 * @param {unknown} value
 * @param {string} fallback
 */
function textOr(value, fallback) {
  return typeof value === 'string' && value !== '' ? value : fallback;
}
