// How the text of one setting becomes a value, and what is wrong with it when it does not.
// It must not know which settings there are, and never repeats the value of a secret in a message.

import { isIP } from 'node:net';
import { z } from 'zod';
import type { IceServer } from './signaling/ice-servers.ts';

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
// Commas, quotes and angle brackets would break the Link header that carries them (OBS splits it at every comma).
const ICE_URL = /^(stuns?|turns?):[^\s,;<>"]+$/;
const LINK_SAFE = /^[^\s,<>"\\]+$/;

export function isHost(value: string): boolean {
  return isIP(value) !== 0 || (HOST_NAME.test(value) && !/^[\d.]+$/.test(value));
}

function splitList(value: string): string[] {
  return value.split(',').flatMap((item) => item.trim() || []);
}

export function isTurnUrl(url: string): boolean {
  return ICE_URL.test(url) && url.startsWith('turn');
}

/** A setting's text: trimmed; an absent or empty one becomes the default, so that `NAME=` in a compose file is harmless. */
export function setting<T>(fallback: string, description: string, value: z.ZodType<T, string>) {
  return z
    .preprocess((raw) => (typeof raw === 'string' && raw.trim()) || fallback, value)
    .meta({ default: fallback, description });
}

export function integer(min: number, max: number): z.ZodType<number, string> {
  return z
    .string()
    .refine((text) => isInteger(text, min, max), {
      error: ({ input }) => `${JSON.stringify(input)} is not a whole number from ${min} to ${max}.`,
    })
    .transform(Number);
}

/** As `integer`; an empty text is undefined. */
export function optionalInteger(min: number, max: number): z.ZodType<number | undefined, string> {
  return z
    .string()
    .refine((text) => text === '' || isInteger(text, min, max), {
      error: ({ input }) => `${JSON.stringify(input)} is not a whole number from ${min} to ${max}.`,
    })
    .transform((text) => (text === '' ? undefined : Number(text)));
}

function isInteger(text: string, min: number, max: number): boolean {
  return /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max;
}

export function oneOf<const T extends string>(values: readonly T[]): z.ZodType<T, string> {
  return z
    .string()
    .pipe(z.enum(values, { error: ({ input }) => `${JSON.stringify(input)} is not one of ${values.join(', ')}.` }));
}

export const boolean = oneOf(['true', 'false']).transform((text) => text === 'true');
export const path = z.string().transform((text) => text || undefined);

/** RFC 9110 §5.5: what a header can carry; a blank would end the token. */
export const secret = z
  .string()
  .regex(/^[\x21-\x7e]*$/, 'use visible ASCII characters without blanks.')
  .transform((text) => text || undefined);

export function listOf(isAllowed: (item: string) => boolean, allowed: string): z.ZodType<string[], string> {
  return z
    .string()
    .transform(splitList)
    .superRefine((items, context) => {
      for (const item of items) {
        if (!isAllowed(item)) context.addIssue(`${JSON.stringify(item)} is not ${allowed}.`);
      }
    });
}

const iceServer = z
  .strictObject({
    urls: z
      .union([z.string(), z.array(z.string()).min(1)])
      .transform((urls) => [urls].flat())
      .refine(
        (urls) => urls.every((url) => ICE_URL.test(url)),
        'urls must be stun:, stuns:, turn: or turns: addresses.',
      ),
    username: z.string().regex(LINK_SAFE, 'username must not hold blanks, commas, quotes or <>.').optional(),
    credential: z.string().regex(LINK_SAFE, 'credential must not hold blanks, commas, quotes or <>.').optional(),
    credentialType: z.literal('password').optional(),
  })
  .refine(({ urls, username, credential }) => !urls.some(isTurnUrl) || (username && credential), {
    message: 'a turn: address needs username and credential; or use TURN_URLS with TURN_SECRET.',
  })
  .transform(
    ({ urls, username, credential }): IceServer => ({
      urls,
      ...(username ? { username } : {}),
      ...(credential ? { credential } : {}),
    }),
  );

export const iceServers = z
  .string()
  .transform((text, context): unknown => {
    if (!text.startsWith('[')) return splitList(text).map((urls) => ({ urls }));
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue('is neither a list of stun: and turn: addresses nor valid JSON.');
      return z.NEVER;
    }
  })
  .pipe(z.array(iceServer));

const TRUSTED_GROUPS = ['loopback', 'linklocal', 'uniquelocal'];

function isTrustable(item: string): boolean {
  const [address = '', prefix, ...rest] = item.split('/');
  const family = isIP(address);
  if (rest.length > 0 || (family === 0 && !TRUSTED_GROUPS.includes(item))) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

export const trustProxy = z.string().transform((text, context): number | string[] | false => {
  if (text === '' || text === '0' || text === 'false') return false;
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const items = splitList(text);
  for (const item of items.filter((each) => !isTrustable(each))) {
    context.addIssue(
      `${JSON.stringify(item)} is neither a number of hops nor an address, subnet or ${TRUSTED_GROUPS.join(', ')}.`,
    );
  }
  return items;
});
