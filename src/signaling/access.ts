// What signaling asks of whoever checks keys. An interface only; http/rights.ts implements it.

export type Right = 'publish' | 'view' | 'admin';

/**
 * Each answers with the SHA-256 (hex) of the bearer token, the identity by which a publisher takes its broadcast over;
 * null when there was no token. A right whose key is not set is open: then no token is wrong.
 * Errors: missing_key, wrong_key.
 */
export interface Access {
  /** `authorization`: the header's value. */
  authorize(right: Right, authorization: string | undefined): string | null;
  /** As `authorize`, but no token is fine: only a wrong one is refused. */
  authorizeIfGiven(right: Right, authorization: string | undefined): string | null;
  /** True when there is an admin key and this is it. */
  isAdmin(authorization: string | undefined): boolean;
  /** As `authorize`, with the bare key. */
  authorizeKey(right: Right, key: string | undefined): string | null;
  /** The hash of a key, whether or not it is right; null without one. */
  hashOf(key: string | undefined): string | null;
  /** True when the right is open, or the hash is that of a key which gives it now (constant time). */
  allows(right: Right, keyHash: string | null): boolean;
  /** True when no key is needed for this right. */
  isOpen(right: Right): boolean;
}
