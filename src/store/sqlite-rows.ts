// What the SQLite file holds, as the domain knows it. It must not know when or how it was written.

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import {
  type BroadcastSettings,
  CHAT_RIGHTS,
  type ChatMessage,
  type DataMessage,
  type Mute,
  type StoredBroadcast,
  type StoredSession,
  type StoredState,
} from '../broadcast/ports.ts';
import { DEFAULT_SETTINGS } from '../broadcast/settings.ts';

export function loadState(database: DatabaseSync): StoredState {
  return { sessions: loadSessions(database), broadcasts: loadBroadcasts(database) };
}

function loadSessions(database: DatabaseSync): StoredSession[] {
  return database
    .prepare('SELECT * FROM sessions ORDER BY rowid')
    .all()
    .map((row) => ({
      id: String(row.id),
      role: row.role === 'publisher' ? 'publisher' : 'viewer',
      broadcast: String(row.broadcast),
      resumeTokenHash: String(row.resume_token_hash),
      keyHash: row.key_hash === null ? null : String(row.key_hash),
      createdAtMs: Number(row.created_at_ms),
      name: String(row.name),
      mute: muteOf(row),
    }));
}

function loadBroadcasts(database: DatabaseSync): StoredBroadcast[] {
  const settings = new Map<string, BroadcastSettings>();
  for (const row of database.prepare('SELECT * FROM settings').all()) {
    settings.set(String(row.broadcast), {
      title: String(row.title),
      listed: row.listed === 1,
      chat: CHAT_RIGHTS.find((right) => right === row.chat) ?? DEFAULT_SETTINGS.chat,
      slowModeSeconds: Number(row.slow_mode_seconds),
    });
  }
  const messages = new Map<string, DataMessage[]>();
  for (const row of database.prepare('SELECT * FROM state_messages ORDER BY written').all()) {
    const ofBroadcast = messages.get(String(row.broadcast)) ?? [];
    messages.set(String(row.broadcast), ofBroadcast);
    ofBroadcast.push({ label: String(row.label), binary: row.binary === 1, payload: bytesOf(row.payload) });
  }
  const chats = loadChats(database);
  const names = new Set([...settings.keys(), ...messages.keys(), ...chats.keys()]);
  return [...names].sort().map((name) => ({
    name,
    settings: settings.get(name) ?? DEFAULT_SETTINGS,
    stateMessages: messages.get(name) ?? [],
    chat: chats.get(name) ?? [],
  }));
}

function loadChats(database: DatabaseSync): Map<string, ChatMessage[]> {
  const chats = new Map<string, ChatMessage[]>();
  for (const row of database.prepare('SELECT * FROM chat_messages ORDER BY written').all()) {
    const chat = chats.get(String(row.broadcast)) ?? [];
    chats.set(String(row.broadcast), chat);
    chat.push({
      id: String(row.id),
      viewer: row.viewer === null ? null : String(row.viewer),
      name: String(row.name),
      role: row.role === 'publisher' || row.role === 'program' ? row.role : 'viewer',
      text: String(row.text),
      atMs: Number(row.at_ms),
    });
  }
  return chats;
}

function muteOf(row: Record<string, SQLOutputValue>): Mute | undefined {
  if (row.muted_until_ms === null) return undefined;
  return { untilMs: Number(row.muted_until_ms), reason: String(row.mute_reason) };
}

function bytesOf(value: SQLOutputValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Error('a payload is not a blob');
  return value;
}
