// Who may publish, view and administer: bearer keys against those of the settings.
// It must not know routes; keys leave this file only as hashes.

import { createHash, timingSafeEqual } from 'node:crypto';
import { FanlightError } from '../errors.ts';
import type { Access, Right } from '../signaling/access.ts';

export interface RightsOptions {
  readonly publishKey?: string | undefined;
  readonly viewKey?: string | undefined;
  /** Gives every right. */
  readonly adminKey?: string | undefined;
}

const BEARER = /^Bearer +(\S+) *$/i;
/** What clients write when they have no key: @eyevinn/whip-web-client sends `Bearer undefined`. */
const NO_KEYS: ReadonlySet<string> = new Set(['undefined', 'null']);

export class Rights implements Access {
  /** Hashes have one length, so that comparing takes the same time for every key. */
  readonly #keys: Readonly<Record<Right, Buffer | undefined>>;

  constructor({ publishKey, viewKey, adminKey }: RightsOptions) {
    const hash = (key: string | undefined) => (key ? sha256(key) : undefined);
    this.#keys = { publish: hash(publishKey), view: hash(viewKey), admin: hash(adminKey) };
  }

  isOpen(right: Right): boolean {
    return this.#keys[right] === undefined;
  }

  isAdmin(authorization: string | undefined): boolean {
    return !this.isOpen('admin') && this.allows('admin', this.hashOf(bearerKey(authorization)));
  }

  authorize(right: Right, authorization: string | undefined): string | null {
    return this.authorizeKey(right, bearerKey(authorization));
  }

  authorizeIfGiven(right: Right, authorization: string | undefined): string | null {
    const key = bearerKey(authorization);
    return key === undefined ? null : this.authorizeKey(right, key);
  }

  authorizeKey(right: Right, key: string | undefined): string | null {
    const given = this.hashOf(key);
    if (!this.allows(right, given)) throw new FanlightError(given === null ? 'missing_key' : 'wrong_key');
    return given;
  }

  hashOf(key: string | undefined): string | null {
    return key && !NO_KEYS.has(key) ? sha256(key).toString('hex') : null;
  }

  allows(right: Right, keyHash: string | null): boolean {
    if (this.isOpen(right)) return true;
    if (keyHash === null) return false;
    const given = Buffer.from(keyHash, 'hex');
    const isRight = this.#isKeyOf(right, given);
    const isAdmin = this.#isKeyOf('admin', given);
    return isRight || isAdmin;
  }

  #isKeyOf(right: Right, given: Buffer): boolean {
    const expected = this.#keys[right];
    return expected !== undefined && expected.length === given.length && timingSafeEqual(expected, given);
  }
}

/** The token of `Authorization: Bearer <token>` (RFC 6750 §2.1); undefined for anything else. */
function bearerKey(authorization: string | undefined): string | undefined {
  const key = BEARER.exec(authorization ?? '')?.[1];
  return key !== undefined && NO_KEYS.has(key) ? undefined : key;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
