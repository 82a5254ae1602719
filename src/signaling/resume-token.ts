// The text by which a client says which session it resumes: `<session>.<token>`. It must not know whether the token is right.

import { FanlightError } from '../errors.ts';

export interface ResumeClaim {
  readonly sessionId: string;
  readonly token: string;
}

const RESUME = /^([\w-]{1,64})\.([\w-]{1,64})$/;

export function formatResume({ sessionId, token }: ResumeClaim): string {
  return `${sessionId}.${token}`;
}

/** Undefined for an absent or empty text. Error: malformed_request. */
export function parseResume(text: string | undefined): ResumeClaim | undefined {
  const value = text?.trim();
  if (!value) return undefined;
  const [, sessionId, token] = RESUME.exec(value) ?? [];
  if (!sessionId || !token) throw new FanlightError('malformed_request', 'Resuming needs <session>.<token>.');
  return { sessionId, token };
}
