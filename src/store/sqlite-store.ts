// The store in one SQLite file. Writes are gathered for a moment, the last one of each row wins, and one transaction
// writes them. It must not know what the values mean, and no write failure reaches the domain.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import type {
  BroadcastSettings,
  DataMessage,
  Store,
  StoredBroadcast,
  StoredSession,
  StoredState,
} from '../broadcast/ports.ts';
import { DEFAULT_SETTINGS, isDefaultSettings } from '../broadcast/settings.ts';

const FILE = 'fanlight.db';
/** How long a write may wait for others; a process that is killed loses as much. */
const GATHER_MS = 50;
/** How long to wait for another process that has the file, e.g. a person with the sqlite3 shell. */
const BUSY_MS = 250;
/** How long to leave a file alone that somebody held: the writes stay gathered meanwhile. */
const RETRY_MS = 1_000;
/** The primary result code SQLITE_BUSY (https://www.sqlite.org/rescode.html#busy). */
const SQLITE_BUSY = 5;

/** Schema number n is reached by running the entries from the file's `user_version` up to n. Append only. */
const MIGRATIONS: readonly string[] = [
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
];

const SQL = {
  saveSession: 'REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?)',
  deleteSession: 'DELETE FROM sessions WHERE id = ?',
  saveSettings: 'REPLACE INTO settings VALUES (?, ?, ?)',
  deleteSettings: 'DELETE FROM settings WHERE broadcast = ?',
  saveStateMessage: 'REPLACE INTO state_messages (broadcast, label, binary, payload) VALUES (?, ?, ?, ?)',
  deleteStateMessages: 'DELETE FROM state_messages WHERE broadcast = ?',
} as const;

interface Write {
  readonly statement: keyof typeof SQL;
  readonly values: readonly SQLInputValue[];
}

export interface SqliteStoreOptions {
  /** Directory of `fanlight.db`; made when it is missing. */
  readonly directory: string;
  /** A write failed. What it should have kept is lost, unless another process had the file: then it is tried again. */
  readonly onError: (error: unknown) => void;
}

export class SqliteStore implements Store {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** By row, in the order in which they are to be written. Names have no `/`, so the keys are unambiguous. */
  readonly #writes = new Map<string, Write>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Throws an Error that names the file and the setting when the file cannot be used. */
  constructor(options: SqliteStoreOptions) {
    this.#path = join(options.directory, FILE);
    this.#onError = options.onError;
    try {
      mkdirSync(options.directory, { recursive: true, mode: 0o700 });
      this.#database = open(this.#path);
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  load(): StoredState {
    this.flush();
    try {
      return { sessions: this.#loadSessions(), broadcasts: this.#loadBroadcasts() };
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  saveSession(session: StoredSession): void {
    const { id, role, broadcast, resumeTokenHash, keyHash, createdAtMs } = session;
    const values = [id, role, broadcast, resumeTokenHash, keyHash, createdAtMs];
    this.#write(`session/${id}`, { statement: 'saveSession', values });
  }

  deleteSession(id: string): void {
    this.#write(`session/${id}`, { statement: 'deleteSession', values: [id] });
  }

  saveSettings(broadcast: string, settings: BroadcastSettings): void {
    const write: Write = isDefaultSettings(settings)
      ? { statement: 'deleteSettings', values: [broadcast] }
      : { statement: 'saveSettings', values: [broadcast, settings.title, settings.listed ? 1 : 0] };
    this.#write(`settings/${broadcast}`, write);
  }

  saveStateMessage(broadcast: string, message: DataMessage): void {
    const values = [broadcast, message.label, message.binary ? 1 : 0, message.payload];
    this.#write(`message/${broadcast}/${message.label}`, { statement: 'saveStateMessage', values });
  }

  deleteStateMessages(broadcast: string): void {
    this.#write(`messages/${broadcast}`, { statement: 'deleteStateMessages', values: [broadcast] });
  }

  /** Writes what has been gathered, now; or a second later when another process has the file. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writes.size === 0 || this.#closed) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { statement, values } of this.#writes.values()) this.#prepared(SQL[statement]).run(...values);
      this.#database.exec('COMMIT');
      this.#writes.clear();
    } catch (error) {
      this.#rollBack();
      if (isBusy(error)) this.#flushIn(RETRY_MS);
      else this.#writes.clear();
      this.#onError(error);
    }
  }

  /** Writes the rest. Idempotent; later writes are ignored. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    try {
      this.#database.close();
    } catch (error) {
      this.#onError(error);
    }
  }

  #write(row: string, write: Write): void {
    if (this.#closed) return;
    // Last in order, too: a message that is saved again after a deletion has to come after it.
    this.#writes.delete(row);
    this.#writes.set(row, write);
    this.#flushIn(GATHER_MS);
  }

  #flushIn(ms: number): void {
    this.#timer ??= setTimeout(() => this.flush(), ms).unref();
  }

  #rollBack(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch (error) {
      this.#onError(error);
    }
  }

  #prepared(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #loadSessions(): StoredSession[] {
    return this.#prepared('SELECT * FROM sessions ORDER BY rowid')
      .all()
      .map((row) => ({
        id: String(row.id),
        role: row.role === 'publisher' ? 'publisher' : 'viewer',
        broadcast: String(row.broadcast),
        resumeTokenHash: String(row.resume_token_hash),
        keyHash: row.key_hash === null ? null : String(row.key_hash),
        createdAtMs: Number(row.created_at_ms),
      }));
  }

  #loadBroadcasts(): StoredBroadcast[] {
    const settings = new Map<string, BroadcastSettings>();
    for (const row of this.#prepared('SELECT * FROM settings').all()) {
      settings.set(String(row.broadcast), { title: String(row.title), listed: row.listed === 1 });
    }
    const messages = new Map<string, DataMessage[]>();
    for (const row of this.#prepared('SELECT * FROM state_messages ORDER BY written').all()) {
      const ofBroadcast = messages.get(String(row.broadcast)) ?? [];
      messages.set(String(row.broadcast), ofBroadcast);
      ofBroadcast.push({ label: String(row.label), binary: row.binary === 1, payload: bytesOf(row.payload) });
    }
    const names = new Set([...settings.keys(), ...messages.keys()]);
    return [...names].sort().map((name) => ({
      name,
      settings: settings.get(name) ?? DEFAULT_SETTINGS,
      stateMessages: messages.get(name) ?? [],
    }));
  }

  #unusable(cause: unknown): Error {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const advice = 'DATA_DIR has to be a directory that Fanlight can write to; move the file away to start afresh.';
    return new Error(`The store ${this.#path} cannot be used: ${reason}. ${advice}`, { cause });
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    // NORMAL: a power cut may lose the last moments, never the file.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync): void {
  // A transaction also when there is nothing to migrate: it fails now, not later, when the file is read-only.
  database.exec('BEGIN IMMEDIATE');
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (version > MIGRATIONS.length) {
    throw new Error(`it was written by a newer Fanlight (schema ${version}, known up to ${MIGRATIONS.length})`);
  }
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  database.exec('COMMIT');
}

function bytesOf(value: SQLOutputValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Error('a payload is not a blob');
  return value;
}
