// The data policy of one broadcast: which messages pass, which labels exist, what late joiners get.
// It must not know transports, sockets or the store, and looks into no payload but those that belong to video frames.

import type { ErrorCode } from '../errors.ts';
import { readTimedMessage } from '../rtp/timed-message.ts';
import type { Limits } from './limits.ts';
import { isLabel } from './names.ts';
import type { DataMessage } from './ports.ts';
import { CONTROL_LABEL, isStateLabel, TIMED_LABEL } from './ports.ts';
import { TokenBucket } from './token-bucket.ts';

export interface Refusal {
  readonly outcome: 'refused';
  readonly code: ErrorCode;
  readonly detail: string | undefined;
}

export type LabelOutcome = { readonly outcome: 'opened' } | { readonly outcome: 'known' } | Refusal;

export type MessageOutcome =
  | {
      readonly outcome: 'relayed';
      readonly message: DataMessage;
      /** The label is new: it has to be opened at the viewers before the message is sent. */
      readonly opensLabel: boolean;
      readonly remembered: boolean;
    }
  | Refusal;

export class DataRelay {
  readonly #limits: Limits;
  readonly #rate: TokenBucket;
  readonly #refusals: TokenBucket;
  readonly #labels = new Set<string>();
  /** In the order of the last write. */
  readonly #memory = new Map<string, DataMessage>();
  #snapshot: readonly DataMessage[] | undefined;
  #stateLabelCount = 0;
  #memoryBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#rate = new TokenBucket(limits.messagesPerSecond, limits.messageBurst);
    this.#refusals = new TokenBucket(limits.refusalsPerSecond, limits.refusalsPerSecond);
  }

  /** Every label that viewers have open, in the order of opening. */
  get labels(): readonly string[] {
    return [...this.#labels];
  }

  /** The last message of each state label, oldest first. The same array until something changes. */
  get snapshot(): readonly DataMessage[] {
    this.#snapshot ??= [...this.#memory.values()];
    return this.#snapshot;
  }

  get remembersNothing(): boolean {
    return this.#memory.size === 0;
  }

  openLabel(label: string): LabelOutcome {
    if (this.#labels.has(label)) return { outcome: 'known' };
    if (!isLabel(label)) return refusal('invalid_label');
    if (label === CONTROL_LABEL) return refusal('invalid_label', `"${CONTROL_LABEL}" is reserved.`);
    const isState = isStateLabel(label);
    if (isState && this.#stateLabelCount >= this.#limits.stateLabels) {
      return refusal('state_memory_full', `A broadcast has at most ${this.#limits.stateLabels} state labels.`);
    }
    if (!isState && this.#labels.size - this.#stateLabelCount >= this.#limits.labels) {
      return refusal('invalid_label', `A broadcast has at most ${this.#limits.labels} labels.`);
    }
    this.#labels.add(label);
    if (isState) this.#stateLabelCount += 1;
    return { outcome: 'opened' };
  }

  /** Checks and remembers a message. What it returns has to be sent on in the same order. */
  accept(message: DataMessage, nowMs: number): MessageOutcome {
    // The rate comes first, so that refused messages use it up as well.
    if (!this.#rate.take(nowMs)) {
      return refusal('data_rate_exceeded', `At most ${this.#limits.messagesPerSecond} messages a second.`);
    }
    if (message.payload.byteLength > this.#limits.messageBytes) return refusal('message_too_large');
    if (isStateLabel(message.label) && !this.#fits(message)) {
      return refusal('state_memory_full', `A broadcast remembers at most ${this.#limits.stateBytes} bytes.`);
    }
    if (message.label === TIMED_LABEL && (message.binary || !readTimedMessage(message.payload))) {
      return refusal('malformed_timed_message');
    }
    const label = this.openLabel(message.label);
    if (label.outcome === 'refused') return label;
    const opensLabel = label.outcome === 'opened';
    if (!isStateLabel(message.label)) return { outcome: 'relayed', message, opensLabel, remembered: false };
    return { outcome: 'relayed', message: this.#remember(message), opensLabel, remembered: true };
  }

  /** True when a refusal may be told to the publisher now. */
  mayTellRefusal(nowMs: number): boolean {
    return this.#refusals.take(nowMs);
  }

  /** Takes back what was remembered before a restart, oldest first. */
  restore(messages: readonly DataMessage[]): void {
    for (const message of messages) {
      if (this.openLabel(message.label).outcome !== 'refused') this.#remember(message);
    }
  }

  /** Forgets all labels and messages. True when a message was remembered. */
  forget(): boolean {
    const remembered = !this.remembersNothing;
    this.#labels.clear();
    this.#memory.clear();
    this.#snapshot = undefined;
    this.#stateLabelCount = 0;
    this.#memoryBytes = 0;
    return remembered;
  }

  #bytesOf(label: string): number {
    return this.#memory.get(label)?.payload.byteLength ?? 0;
  }

  #fits(message: DataMessage): boolean {
    const bytes = this.#memoryBytes - this.#bytesOf(message.label) + message.payload.byteLength;
    return bytes <= this.#limits.stateBytes;
  }

  #remember(message: DataMessage): DataMessage {
    // A copy: the payload may be a view of a large buffer, which would be kept, or of one that is used again.
    const copy = { label: message.label, binary: message.binary, payload: new Uint8Array(message.payload) };
    this.#memoryBytes += copy.payload.byteLength - this.#bytesOf(copy.label);
    this.#memory.delete(copy.label);
    this.#memory.set(copy.label, copy);
    this.#snapshot = undefined;
    return copy;
  }
}

function refusal(code: ErrorCode, detail?: string): Refusal {
  return { outcome: 'refused', code, detail };
}
