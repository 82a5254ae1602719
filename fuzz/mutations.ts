// How an input becomes another one: bytes, lengths, splices; and for texts lines and numbers. Pure: the same random
// numbers give the same input. It must not know any format.

/** Gives a changed copy; `other` is another input to take pieces from. */
export type Mutation = (input: Uint8Array, random: () => number, other: Uint8Array) => Uint8Array;

const EDGE_BYTES = [0, 1, 2, 0x0f, 0x10, 0x7f, 0x80, 0xbe, 0xde, 0xfe, 0xff] as const;
const EDGE_NUMBERS = [
  '0',
  '-1',
  '1',
  '127',
  '128',
  '255',
  '256',
  '65535',
  '65536',
  '4294967296',
  '1e99',
  '9'.repeat(400),
];

function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: () => number, from: readonly T[], fallback: T): T {
  return from[below(random, from.length)] ?? fallback;
}

/** A range that is not empty unless the input is: small ones are likelier. */
function range(input: Uint8Array, random: () => number): [start: number, end: number] {
  const start = below(random, input.length);
  const length = 1 + Math.floor((input.length - start) * random() ** 3);
  return [start, Math.min(input.length, start + length)];
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

const flipBit: Mutation = (input, random) => {
  const changed = input.slice();
  const at = below(random, changed.length);
  if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ (1 << below(random, 8));
  return changed;
};

const setByte: Mutation = (input, random) => {
  const changed = input.slice();
  const at = below(random, changed.length);
  if (at < changed.length) changed[at] = random() < 0.5 ? pick(random, EDGE_BYTES, 0) : below(random, 256);
  return changed;
};

/** Lengths that formats count in bytes or words: those that just fit, and those that just do not. */
const attackLength: Mutation = (input, random) => {
  if (input.length < 2) return input;
  const changed = input.slice();
  const at = below(random, changed.length - 1);
  const rest = changed.length - at - 2;
  const lengths = [0, 1, 3, 4, rest - 1, rest, rest + 1, rest + 4, rest >> 2, (rest >> 2) + 1, 0x7fff, 0x8000, 0xffff];
  const length = pick(random, lengths, 0);
  if (random() < 0.3) changed[at] = length;
  else {
    changed[at] = length >> 8;
    changed[at + 1] = length;
  }
  return changed;
};

const truncate: Mutation = (input, random) => input.slice(0, below(random, input.length + 1));

const remove: Mutation = (input, random) => {
  const [start, end] = range(input, random);
  return join(input.subarray(0, start), input.subarray(end));
};

const repeat: Mutation = (input, random) => {
  const [start, end] = range(input, random);
  const copies = Array<Uint8Array>(1 + below(random, 8)).fill(input.subarray(start, end));
  return join(input.subarray(0, end), ...copies, input.subarray(end));
};

const insert: Mutation = (input, random) => {
  const at = below(random, input.length + 1);
  const added = Uint8Array.from({ length: 1 + below(random, 16) }, () => below(random, 256));
  return join(input.subarray(0, at), added, input.subarray(at));
};

/** The beginning of this and the end of another. */
const splice: Mutation = (input, random, other) =>
  join(input.subarray(0, below(random, input.length + 1)), other.subarray(below(random, other.length + 1)));

/** Another input right behind this one: compound packets. */
const append: Mutation = (input, _random, other) => join(input, other);

const overwrite: Mutation = (input, random, other) => {
  const changed = input.slice();
  const [start, end] = range(other, random);
  const at = below(random, changed.length);
  changed.set(other.subarray(start, Math.min(end, start + changed.length - at)), at);
  return changed;
};

export const BYTE_MUTATIONS: readonly Mutation[] = [
  ...[flipBit, flipBit, setByte, setByte, attackLength, attackLength],
  ...[truncate, remove, repeat, insert, splice, append, overwrite],
];

const latin1 = (input: Uint8Array): string => Buffer.from(input).toString('latin1');
const linesOf = (input: Uint8Array): string[] => latin1(input).split(/(?<=\n)/);
const toBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

const moveLine: Mutation = (input, random) => {
  const lines = linesOf(input);
  const [line = ''] = lines.splice(below(random, lines.length), 1);
  lines.splice(below(random, lines.length + 1), 0, line);
  return toBytes(lines.join(''));
};

const removeLine: Mutation = (input, random) => {
  const lines = linesOf(input);
  lines.splice(below(random, lines.length), 1);
  return toBytes(lines.join(''));
};

const repeatLine: Mutation = (input, random) => {
  const lines = linesOf(input);
  const at = below(random, lines.length);
  const copies = random() < 0.05 ? 3000 : 1 + below(random, 20);
  lines.splice(at, 0, ...Array<string>(copies).fill(lines[at] ?? ''));
  return toBytes(lines.join(''));
};

const takeLine: Mutation = (input, random, other) => {
  const lines = linesOf(input);
  lines.splice(below(random, lines.length + 1), 0, pick(random, linesOf(other), ''));
  return toBytes(lines.join(''));
};

const changeNumber: Mutation = (input, random) => {
  const text = latin1(input);
  const numbers = [...text.matchAll(/\d+/g)];
  const chosen = pick(random, numbers, undefined);
  if (!chosen) return input;
  return toBytes(
    text.slice(0, chosen.index) + pick(random, EDGE_NUMBERS, '0') + text.slice(chosen.index + chosen[0].length),
  );
};

const changeWord: Mutation = (input, random, other) => {
  const word = /[^\s:=;,/]+/g;
  const text = latin1(input);
  const chosen = pick(random, [...text.matchAll(word)], undefined);
  if (!chosen) return input;
  const longWord = 'a'.repeat(1 + below(random, 5000));
  const words = ['', ' ', '__proto__', 'constructor', longWord, ...(latin1(other).match(word) ?? [])];
  return toBytes(text.slice(0, chosen.index) + pick(random, words, '') + text.slice(chosen.index + chosen[0].length));
};

export const TEXT_MUTATIONS: readonly Mutation[] = [
  ...[moveLine, removeLine, repeatLine, takeLine, changeNumber, changeNumber, changeWord, changeWord],
  ...[flipBit, setByte, remove, repeat, splice],
];
