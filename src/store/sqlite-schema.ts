// The tables of the SQLite file, how an older file becomes a newer one, and how rows are written. It must not know when.

/** Schema number n is reached by running the entries from the file's `user_version` up to n. Append only. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE sessions (
     id TEXT PRIMARY KEY,
     role TEXT NOT NULL CHECK (role IN ('publisher', 'viewer')),
     broadcast TEXT NOT NULL,
     resume_token_hash TEXT NOT NULL,
     key_hash TEXT,
     created_at_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE settings (
     broadcast TEXT PRIMARY KEY,
     title TEXT NOT NULL,
     listed INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE state_messages (
     written INTEGER PRIMARY KEY, -- grows with each write: the order of the messages
     broadcast TEXT NOT NULL,
     label TEXT NOT NULL,
     binary INTEGER NOT NULL,
     payload BLOB NOT NULL,
     UNIQUE (broadcast, label)
   ) STRICT;`,
  `ALTER TABLE sessions ADD COLUMN name TEXT NOT NULL DEFAULT '';
   ALTER TABLE sessions ADD COLUMN muted_until_ms INTEGER;
   ALTER TABLE sessions ADD COLUMN mute_reason TEXT NOT NULL DEFAULT '';
   ALTER TABLE settings ADD COLUMN chat TEXT NOT NULL DEFAULT 'named';
   ALTER TABLE settings ADD COLUMN slow_mode_seconds INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE chat_messages (
     written INTEGER PRIMARY KEY, -- grows with each write: the order of the messages
     broadcast TEXT NOT NULL,
     id TEXT NOT NULL,
     viewer TEXT,
     name TEXT NOT NULL,
     role TEXT NOT NULL,
     text TEXT NOT NULL,
     at_ms INTEGER NOT NULL,
     UNIQUE (broadcast, id)
   ) STRICT;`,
];

export const SQL = {
  saveSession: 'REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  deleteSession: 'DELETE FROM sessions WHERE id = ?',
  saveSettings: 'REPLACE INTO settings VALUES (?, ?, ?, ?, ?)',
  deleteSettings: 'DELETE FROM settings WHERE broadcast = ?',
  saveStateMessage: 'REPLACE INTO state_messages (broadcast, label, binary, payload) VALUES (?, ?, ?, ?)',
  deleteStateMessages: 'DELETE FROM state_messages WHERE broadcast = ?',
  saveChatMessage:
    'REPLACE INTO chat_messages (broadcast, id, viewer, name, role, text, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)',
  deleteChatMessage: 'DELETE FROM chat_messages WHERE broadcast = ? AND id = ?',
  deleteChat: 'DELETE FROM chat_messages WHERE broadcast = ?',
} as const;
