// The chat of one broadcast: who may write how often, and what late joiners get.
// It must not know sessions, sockets or the store.

import { FanlightError } from '../../errors.ts';
import type { Limits } from '../limits.ts';
import type { BroadcastSettings, ChatMessage, Mute } from '../ports.ts';
import { TokenBucket } from '../token-bucket.ts';

export interface Author extends Pick<ChatMessage, 'viewer' | 'name' | 'role'> {
  readonly mute: Mute | undefined;
  /** How fast somebody writes is remembered for as long as this lives; undefined for all programs together. */
  readonly who: object | undefined;
}

interface Pace {
  readonly bucket: TokenBucket;
  lastAtMs: number;
}

export class ChatRoom {
  readonly #limits: Limits;
  readonly #rate: TokenBucket;
  readonly #paces = new WeakMap<object, Pace>();
  #history: readonly ChatMessage[] = [];
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#rate = new TokenBucket(limits.chatPerSecond, limits.chatBurst);
  }

  /** Oldest first; the same array until something changes. */
  get history(): readonly ChatMessage[] {
    return this.#history;
  }

  /**
   * Whether this author may write now, to so many viewers. Uses up its turn; who is refused keeps it.
   * Errors: chat_off, chat_publisher_only, chat_needs_name, chat_muted, chat_slow_mode, chat_rate_exceeded.
   */
  admit(author: Author, { chat, slowModeSeconds }: BroadcastSettings, viewers: number, nowMs: number): void {
    const isViewer = author.role === 'viewer';
    if (chat === 'off') throw new FanlightError('chat_off');
    if (isViewer && chat === 'publisher') throw new FanlightError('chat_publisher_only');
    if (isViewer && chat === 'named' && author.name === '') throw new FanlightError('chat_needs_name');
    const mutedMs = (author.mute?.untilMs ?? 0) - nowMs;
    if (mutedMs > 0) throw waiting('chat_muted', mutedMs);
    const pace = this.#paceOf(author);
    const slowMs = pace.lastAtMs + slowModeSeconds * 1000 - nowMs;
    if (isViewer && slowMs > 0) throw waiting('chat_slow_mode', slowMs);
    if (!pace.bucket.has(nowMs)) throw new FanlightError('chat_rate_exceeded');
    // A flood of viewers must not keep the publisher from asking for quiet.
    if (isViewer && !this.#rate.take(nowMs, this.#shareOf(viewers))) {
      throw new FanlightError('chat_rate_exceeded', 'Many people write at once.');
    }
    pace.bucket.take(nowMs);
    pace.lastAtMs = nowMs;
  }

  /** The messages that gave way to this one. */
  remember(message: ChatMessage): readonly ChatMessage[] {
    const history = [...this.#history, message];
    this.#bytes += bytesOf(message);
    const dropped: ChatMessage[] = [];
    while (history.length > this.#limits.chatMessages || this.#bytes > this.#limits.chatBytes) {
      const oldest = history.shift();
      if (!oldest) break;
      this.#bytes -= bytesOf(oldest);
      dropped.push(oldest);
    }
    this.#history = history;
    return dropped;
  }

  /** It is remembered. */
  has(id: string): boolean {
    return this.#history.some((each) => each.id === id);
  }

  remove(id: string): void {
    const message = this.#history.find((each) => each.id === id);
    if (!message) return;
    this.#history = this.#history.filter((each) => each !== message);
    this.#bytes -= bytesOf(message);
  }

  /** Takes back what was remembered before a restart, oldest first. Answers those that are too many by now. */
  restore(messages: readonly ChatMessage[]): readonly ChatMessage[] {
    return messages.flatMap((message) => this.remember(message));
  }

  /** True when there was something to forget. */
  forget(): boolean {
    const remembered = this.#history.length > 0;
    this.#history = [];
    this.#bytes = 0;
    return remembered;
  }

  /** Of the rate that few viewers have. */
  #shareOf(viewers: number): number {
    const { chatPerSecond, chatDeliveriesPerSecond, chatLeastPerSecond } = this.#limits;
    const perSecond = Math.max(chatLeastPerSecond, chatDeliveriesPerSecond / Math.max(1, viewers));
    return Math.min(1, perSecond / chatPerSecond);
  }

  #paceOf({ who = this }: Author): Pace {
    const { chatPerSessionSeconds, chatBurstPerSession } = this.#limits;
    const bucket = () => new TokenBucket(1 / chatPerSessionSeconds, chatBurstPerSession);
    const pace = this.#paces.get(who) ?? { bucket: bucket(), lastAtMs: Number.NEGATIVE_INFINITY };
    this.#paces.set(who, pace);
    return pace;
  }
}

function bytesOf({ text, name }: ChatMessage): number {
  return Buffer.byteLength(text) + Buffer.byteLength(name);
}

function waiting(code: 'chat_muted' | 'chat_slow_mode', ms: number): FanlightError {
  const retryAfterSeconds = Math.ceil(ms / 1000);
  return new FanlightError(code, `Wait ${retryAfterSeconds} s.`, { retryAfterSeconds });
}
