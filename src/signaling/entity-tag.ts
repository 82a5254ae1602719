// Entity tags that name an ICE session (RFC 9725 §4.3.1): writing ETag, reading If-Match (RFC 9110 §13.1.1).
// Pure. It must not know what the tags stand for.

/** What an If-Match header asks for. `none`: there is no header. */
export type IfMatch =
  | { readonly type: 'none' }
  | { readonly type: 'any' }
  | { readonly type: 'tags'; readonly tags: readonly string[] };

const ENTITY_TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;

export function formatEntityTag(tag: string): string {
  return `"${tag}"`;
}

/** Both `*` and `"*"` mean any: RFC 9725 writes it with quotes in its example. A malformed header matches nothing. */
export function parseIfMatch(header: string | undefined): IfMatch {
  const value = header?.trim();
  if (value === undefined || value === '') return { type: 'none' };
  if (value === '*' || value === '"*"') return { type: 'any' };
  // A weak tag never matches: If-Match compares strongly (RFC 9110 §8.8.3.2).
  const tags = [...value.matchAll(ENTITY_TAG)].flatMap(([, weak, tag]) =>
    weak === undefined && tag !== undefined ? tag : [],
  );
  return { type: 'tags', tags };
}

/** True when the precondition holds for the current tag; `none` sets no condition. */
export function isMatch(condition: IfMatch, currentTag: string): boolean {
  return condition.type !== 'tags' || condition.tags.includes(currentTag);
}
