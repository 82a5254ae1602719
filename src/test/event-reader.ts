// Reads server-sent events for tests, written from the HTML standard (§9.2.6): remembers what it hears, and waits for more.

export interface HeardEvent {
  readonly name: string;
  readonly data: unknown;
}

export class EventReader {
  readonly response: Response;
  readonly heard: HeardEvent[] = [];
  /** Resolves when nothing comes any more; `broken` without a proper end. */
  readonly ended: Promise<'ended' | 'broken'>;
  readonly #abort: AbortController;
  #waiting: (() => void)[] = [];
  #rest = '';

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    this.ended = this.#read().then(
      () => 'ended',
      () => 'broken',
    );
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const abort = new AbortController();
    return new EventReader(await fetch(url, { headers, signal: abort.signal }), abort);
  }

  /** Takes the first event out of what was heard, or waits for it. */
  next(): Promise<HeardEvent> {
    return new Promise((resolve) => {
      const check = () => {
        const event = this.heard.shift();
        if (!event) return;
        this.#waiting = this.#waiting.filter((each) => each !== check);
        resolve(event);
      };
      this.#waiting.push(check);
      check();
    });
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.response.body ?? []) {
      const text = decoder.decode(chunk, { stream: true });
      const blocks = (this.#rest + text).split('\n\n');
      this.#rest = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block.split('\n'));
      for (const check of [...this.#waiting]) check();
    }
  }

  #take(lines: readonly string[]): void {
    const valuesOf = (field: string) =>
      lines.flatMap((line) => (line.startsWith(`${field}: `) ? [line.slice(field.length + 2)] : []));
    const data = valuesOf('data');
    if (data.length > 0)
      this.heard.push({ name: valuesOf('event').at(-1) ?? 'message', data: JSON.parse(data.join('\n')) });
  }
}
