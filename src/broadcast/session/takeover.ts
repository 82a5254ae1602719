// Who may publish under a name that is taken: the rule alone. It must not know sessions, tokens or time.

/** The publisher session that has the name now. */
export interface Incumbent {
  readonly sessionId: string;
  /** Strangers need not wait for it any longer. */
  readonly gone: boolean;
  readonly keyHash: string | null;
}

export interface Claim {
  /** The session whose resume token came with the request, already verified. */
  readonly resumedSessionId: string | undefined;
  readonly keyHash: string | null;
  /** It comes with the admin key. */
  readonly asAdmin: boolean;
}

/** `resumes`: the claim is the incumbent itself. `takes-over`: the incumbent has to go. */
export type Verdict = 'free' | 'resumes' | 'takes-over' | 'refused';

export function judgeClaim(incumbent: Incumbent | undefined, claim: Claim): Verdict {
  if (incumbent === undefined) return 'free';
  if (claim.resumedSessionId === incumbent.sessionId) return 'resumes';
  if (incumbent.gone || claim.asAdmin) return 'takes-over';
  // Two strangers without a key are not the same person.
  if (claim.keyHash !== null && claim.keyHash === incumbent.keyHash) return 'takes-over';
  return 'refused';
}
