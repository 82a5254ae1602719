// What werift's parser leaves out of an m= section: directions of header extensions and the order of simulcast layers.
// It must not know what we answer.

import { HEADER_EXTENSION_URI, type HeaderExtension, MAX_EXTENSION_ID } from '../../rtp/header-extension.ts';

/** `a=` lines of one m= section without their `a=`. */
export type AttributeLines = readonly string[];

const EXTENSION_BY_URI: ReadonlyMap<string, HeaderExtension> = new Map(
  Object.entries(HEADER_EXTENSION_URI).map(([name, uri]) => [uri, name as HeaderExtension]),
);

/** The attributes of each m= section in their order. */
export function attributeLines(lines: readonly string[]): AttributeLines[] {
  const sections: string[][] = [];
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push([]);
    else if (line.startsWith('a=')) sections.at(-1)?.push(line.slice(2));
  }
  return sections;
}

/**
 * Known header extensions → id (RFC 8285 §5). Left out: ids that one-byte headers do not have, an id that is taken
 * already, and extensions that only go against the media (`extmap:6/recvonly` of one who sends).
 */
export function readExtensions(
  attributes: AttributeLines,
  direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive',
): ReadonlyMap<HeaderExtension, number> {
  const extensions = new Map<HeaderExtension, number>();
  const taken = new Set<number>();
  for (const attribute of attributes) {
    const match = attribute.match(/^extmap:(\d+)(?:\/(\w+))? (\S+)/);
    const name = EXTENSION_BY_URI.get(match?.[3] ?? '');
    const id = Number(match?.[1]);
    if (!name || id < 1 || id > MAX_EXTENSION_ID || extensions.has(name) || taken.has(id)) continue;
    const way = match?.[2] ?? 'sendrecv';
    if (way !== 'sendrecv' && direction !== 'sendrecv' && way !== direction) continue;
    taken.add(id);
    extensions.set(name, id);
  }
  return extensions;
}

/**
 * The layers that `a=simulcast:send` names (RFC 8853 §5.1) and an `a=rid:… send` describes, each once: of alternatives
 * the first, paused ones too. Empty without them.
 */
export function readSimulcast(attributes: AttributeLines): string[] {
  const described = new Set(attributes.flatMap((attribute) => attribute.match(/^rid:([\w-]+) send\b/)?.[1] ?? []));
  const simulcast = attributes.find((attribute) => attribute.startsWith('simulcast:'));
  // The `rid=` of older drafts is what Firefox wrote before RFC 8853.
  const layers = simulcast?.match(/\bsend (?:rid=)?(\S+)/)?.[1]?.split(';') ?? [];
  const rids = layers.map((alternatives) => alternatives.split(',')[0]?.replace(/^~/, '') ?? '');
  return [...new Set(rids)].filter((rid) => described.has(rid));
}
