// The store of a process that keeps nothing on disk: for tests, and for embedding without a data directory.
// It must not know what the values mean.

import type {
  BroadcastSettings,
  ChatMessage,
  DataMessage,
  Store,
  StoredBroadcast,
  StoredSession,
  StoredState,
} from '../broadcast/ports.ts';
import { DEFAULT_SETTINGS, isDefaultSettings } from '../broadcast/settings.ts';

export class MemoryStore implements Store {
  readonly #sessions = new Map<string, StoredSession>();
  readonly #settings = new Map<string, BroadcastSettings>();
  readonly #stateMessages = new Map<string, Map<string, DataMessage>>();
  readonly #chat = new Map<string, ChatMessage[]>();

  load(): StoredState {
    const names = new Set([...this.#settings.keys(), ...this.#stateMessages.keys(), ...this.#chat.keys()]);
    const broadcasts: StoredBroadcast[] = [...names].sort().map((name) => ({
      name,
      settings: this.#settings.get(name) ?? DEFAULT_SETTINGS,
      stateMessages: [...(this.#stateMessages.get(name)?.values() ?? [])],
      chat: this.#chat.get(name) ?? [],
    }));
    return { sessions: [...this.#sessions.values()], broadcasts };
  }

  saveSession(session: StoredSession): void {
    this.#sessions.set(session.id, session);
  }

  deleteSession(id: string): void {
    this.#sessions.delete(id);
  }

  saveSettings(broadcast: string, settings: BroadcastSettings): void {
    if (isDefaultSettings(settings)) this.#settings.delete(broadcast);
    else this.#settings.set(broadcast, settings);
  }

  saveStateMessage(broadcast: string, message: DataMessage): void {
    const messages = this.#stateMessages.get(broadcast) ?? new Map<string, DataMessage>();
    this.#stateMessages.set(broadcast, messages);
    // Oldest first, by the last write.
    messages.delete(message.label);
    messages.set(message.label, message);
  }

  deleteStateMessages(broadcast: string): void {
    this.#stateMessages.delete(broadcast);
  }

  saveChatMessage(broadcast: string, message: ChatMessage): void {
    this.#chat.set(broadcast, [...(this.#chat.get(broadcast) ?? []), message]);
  }

  deleteChatMessage(broadcast: string, id: string): void {
    const left = (this.#chat.get(broadcast) ?? []).filter((message) => message.id !== id);
    if (left.length > 0) this.#chat.set(broadcast, left);
    else this.#chat.delete(broadcast);
  }

  deleteChat(broadcast: string): void {
    this.#chat.delete(broadcast);
  }

  close(): void {
    // Nothing is open; what is in memory stays, so that a test can restart a server on it.
  }
}
