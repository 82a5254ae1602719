// Fragments of messages that are not whole yet (RFC 9260 §6.9), in whatever order they come. What one costs does not
// depend on how many there are. It must not know streams, windows or what has been acknowledged.

import { addTsn, type DataFields, FIRST_FRAGMENT, LAST_FRAGMENT, tsnDistance, UNORDERED } from './packet.ts';

/** Of one message: 64 KiB are 57 of ours, and still fit in fragments of 64 bytes. */
const MAX_MESSAGE_FRAGMENTS = 1024;
/** Far above what our SDP allows, which the owner refuses with a word. */
const MAX_MESSAGE_BYTES = 320 * 1024;

/** Neighbours of one message: consecutive TSNs. */
interface Run {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

export class Reassembly {
  readonly #fragments = new Map<number, DataFields>();
  /** First and last TSN of each run → the run. */
  readonly #runs = new Map<number, Run>();
  #bytes = 0;

  get count(): number {
    return this.#fragments.size;
  }

  /** Of payload. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps a copy of a fragment with a TSN that never came before.
   * @returns the message when it is whole, under the fields of its first fragment; 'excess' when it gets too large
   */
  add(view: DataFields): DataFields | 'excess' | undefined {
    const { tsn } = view;
    this.#fragments.set(tsn, { ...view, payload: joined([view.payload]) });
    this.#bytes += view.payload.length;
    const before = follows(this.#fragments.get(addTsn(tsn, -1)), view) ? this.#runs.get(addTsn(tsn, -1)) : undefined;
    const after = follows(view, this.#fragments.get(addTsn(tsn, 1))) ? this.#runs.get(addTsn(tsn, 1)) : undefined;
    const run: Run = {
      first: before?.first ?? tsn,
      last: after?.last ?? tsn,
      bytes: (before?.bytes ?? 0) + view.payload.length + (after?.bytes ?? 0),
    };
    for (const end of [before?.last, after?.first]) if (end !== undefined) this.#runs.delete(end);
    this.#runs.set(run.first, run).set(run.last, run);
    const first = this.#fragments.get(run.first);
    const isWhole = hasFlag(first, FIRST_FRAGMENT) && hasFlag(this.#fragments.get(run.last), LAST_FRAGMENT);
    if (first && isWhole) return { ...first, payload: joined(this.#take(run).map(({ payload }) => payload)) };
    const count = tsnDistance(run.first, run.last) + 1;
    return count > MAX_MESSAGE_FRAGMENTS || run.bytes > MAX_MESSAGE_BYTES ? 'excess' : undefined;
  }

  /** Forgets messages of which something up to this TSN was given up (RFC 3758 §3.6). */
  skipTo(tsn: number): void {
    for (const run of this.#runs.values()) if (tsnDistance(run.first, tsn) >= 0) this.#take(run);
  }

  #take({ first, last }: Run): DataFields[] {
    const taken: DataFields[] = [];
    for (let tsn = first; tsnDistance(tsn, last) >= 0; tsn = addTsn(tsn, 1)) {
      const fragment = this.#fragments.get(tsn);
      if (!fragment) continue;
      this.#fragments.delete(tsn);
      this.#bytes -= fragment.payload.length;
      taken.push(fragment);
    }
    this.#runs.delete(first);
    this.#runs.delete(last);
    return taken;
  }
}

/** Memory of its own: a view of one byte would keep a whole record, and a slice of Node's pool its whole pool. */
export function joined(payloads: readonly Uint8Array[]): Buffer {
  let bytes = 0;
  for (const { length } of payloads) bytes += length;
  const copy = Buffer.allocUnsafeSlow(bytes);
  let offset = 0;
  for (const payload of payloads) {
    copy.set(payload, offset);
    offset += payload.length;
  }
  return copy;
}

function hasFlag(chunk: DataFields | undefined, flag: number): boolean {
  return chunk !== undefined && (chunk.flags & flag) !== 0;
}

/** Whether two chunks of consecutive TSNs may belong to one message. */
function follows(chunk: DataFields | undefined, next: DataFields | undefined): boolean {
  if (!chunk || !next || chunk.streamId !== next.streamId || ((chunk.flags ^ next.flags) & UNORDERED) !== 0)
    return false;
  return !hasFlag(chunk, LAST_FRAGMENT) && !hasFlag(next, FIRST_FRAGMENT);
}
