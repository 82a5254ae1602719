// The one catalogue of errors that input can cause: code, HTTP status, and what it means.
// It must not know HTTP objects or sockets; http/problem.ts maps an error to a problem document once.

interface CatalogueEntry {
  /** HTTP status that the code maps to. */
  readonly status: number;
  /** One sentence for a person. Details of the case go into `FanlightError.detail`. */
  readonly title: string;
}

export const ERRORS = {
  // Requests
  malformed_request: { status: 400, title: 'The request is malformed.' },
  malformed_sdp: { status: 400, title: 'The SDP offer is malformed.' },
  malformed_fragment: { status: 400, title: 'The ICE fragment is malformed.' },
  malformed_json: { status: 400, title: 'The body is not valid JSON.' },
  invalid_name: { status: 400, title: 'A broadcast name is 1 to 64 of A-Z a-z 0-9 . _ - (not . or ..).' },
  invalid_label: { status: 400, title: 'A data label is 1 to 64 characters without control characters.' },
  invalid_display_name: {
    status: 400,
    title: 'A display name is 1 to 40 visible characters, without control and direction characters.',
  },
  invalid_chat_message: { status: 400, title: 'A chat message is 1 to 500 characters in at most 10 lines.' },
  malformed_timed_message: {
    status: 400,
    title: 'A message on the label timed is a JSON object with rtpTimestamp, an integer of 32 bits.',
  },
  missing_key: { status: 401, title: 'A key is needed: Authorization: Bearer <key>.' },
  wrong_key: { status: 401, title: 'The key is not right.' },
  wrong_resume_token: { status: 403, title: 'The resume token does not belong to this session.' },
  chat_off: { status: 403, title: 'The chat of this broadcast is off.' },
  chat_publisher_only: { status: 403, title: 'Only the publisher writes in this chat.' },
  chat_needs_name: { status: 403, title: 'Only those who give a name write in this chat.' },
  chat_not_connected: { status: 403, title: 'Only those who have been connected write in this chat.' },
  chat_muted: { status: 403, title: 'The publisher has muted you.' },
  not_found: { status: 404, title: 'There is nothing at this address.' },
  unknown_session: { status: 404, title: 'The session does not exist or has ended.' },
  unknown_viewer: { status: 404, title: 'Nobody here is called so.' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here.' },
  already_live: { status: 409, title: 'Somebody else is publishing under this name.' },
  superseded: { status: 409, title: 'A newer request of the same session has won.' },
  entity_tag_mismatch: { status: 412, title: 'If-Match names an ICE session that is not the current one.' },
  body_too_large: { status: 413, title: 'The body is too large.' },
  message_too_large: { status: 413, title: 'A data message is at most 64 KiB.' },
  unsupported_content_type: { status: 415, title: 'This content type is not accepted here.' },
  unsupported_codec: { status: 422, title: 'There is no codec that both sides have.' },
  unsupported_offer: { status: 422, title: 'The offer asks for something that Fanlight does not do.' },
  if_match_required: { status: 428, title: 'If-Match is needed (FANLIGHT_STRICT_WHIP).' },
  // Limits
  too_many_requests: { status: 429, title: 'Too many requests in a short time.' },
  data_rate_exceeded: { status: 429, title: 'Too many data messages in a short time.' },
  chat_slow_mode: { status: 429, title: 'Slow mode is on: one message in a while.' },
  chat_rate_exceeded: { status: 429, title: 'Too many chat messages in a short time.' },
  chat_mutes_full: { status: 507, title: 'As many people are muted as may be at once.' },
  state_memory_full: { status: 507, title: 'The memory of state messages of this broadcast is full.' },
  viewer_limit: { status: 503, title: 'The broadcast has as many viewers as it may have.' },
  broadcast_limit: { status: 503, title: 'The server has as many broadcasts as it may have.' },
  transport_limit: { status: 503, title: 'Too many connections are waiting to be set up.' },
  // Server
  worker_unavailable: { status: 503, title: 'The media worker is restarting.' },
  shutting_down: { status: 503, title: 'The server is stopping.' },
  internal: { status: 500, title: 'Something broke inside the server.' },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An error that input or load caused. A broken invariant is a plain Error and answers as `internal`. */
export class FanlightError extends Error {
  readonly code: ErrorCode;
  /** What is special about this case; shown to the client. Never holds a key or a token. */
  readonly detail: string | undefined;
  /** Seconds after which trying again makes sense; becomes Retry-After. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail?: string, options: { retryAfterSeconds?: number; cause?: unknown } = {}) {
    super(detail ? `${ERRORS[code].title} ${detail}` : ERRORS[code].title, { cause: options.cause });
    this.name = 'FanlightError';
    this.code = code;
    this.detail = detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
